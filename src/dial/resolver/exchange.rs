//! One question to the recursive resolvers and its answer, over UDP and, where that is cut short, TCP (RFC 7766).

use super::cache::Cache;
use crate::base::limits;
use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::time::timeout;

/// Rounds through the resolvers while none answers.
const ROUNDS: u32 = 2;
/// Datagrams from a resolver that do not answer the question, before it is given up.
const STRAYS: usize = 16;
/// Sockets that wait for the next question.
const SOCKETS: usize = 16;

/// What the header of a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wish {
    /// The data as they are: CD set (RFC 4035 3.2.2).
    Unchecked,
    /// The resolver's own validation: AD set (RFC 6840 5.7).
    Checked,
    /// What the server itself is responsible for: no recursion, no DNSSEC records.
    Authoritative,
}

/// A name and a type to look up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    /// Lower case, with the root.
    pub(super) name: Name,
    /// The type.
    pub(super) kind: RecordType,
    /// Who validates.
    pub(super) wish: Wish,
}

impl Question {
    pub(super) fn new(name: &Name, kind: RecordType, wish: Wish) -> Self {
        let mut name = name.to_lowercase();
        name.set_fqdn(true);
        Self { name, kind, wish }
    }

    /// The message that asks it: recursion wanted, DNSSEC records too, but of who is responsible.
    fn message(&self) -> Message {
        let recursive = self.wish != Wish::Authoritative;
        let mut message = Message::query();
        message.metadata.recursion_desired = recursive;
        message.metadata.authentic_data = self.wish == Wish::Checked;
        message.metadata.checking_disabled = self.wish == Wish::Unchecked;
        message.add_query(Query::query(self.name.clone(), self.kind));
        let mut edns = Edns::new();
        if recursive {
            edns.enable_dnssec();
        }
        message.set_edns(edns);
        message
    }

    /// Whether these octets answer this question under this id (RFC 5452 9.1).
    fn answered_by(&self, octets: &[u8], id: u16) -> Option<Message> {
        let message = Message::from_vec(octets).ok()?;
        let asked = |query: &Query| query.name() == &self.name && query.query_type() == self.kind;
        let fits = message.metadata.id == id
            && message.metadata.message_type == MessageType::Response
            && message.queries.len() == 1
            && message.queries.iter().all(asked);
        fits.then_some(message)
    }
}

/// The resolvers, and what they answered lately.
pub(super) struct Exchange {
    resolvers: Vec<SocketAddr>,
    source: Option<IpAddr>,
    cache: Cache,
    /// Connected to resolvers of this machine, each with no question open. Nobody else can answer in their place; any other
    /// resolver is asked from a new port each time (RFC 5452 9.2).
    sockets: Mutex<Vec<(SocketAddr, UdpSocket)>>,
}

impl Exchange {
    /// Asks at most `limits::RESOLVERS` of the resolvers, from `source` where that can reach them.
    pub(super) fn new(
        mut resolvers: Vec<SocketAddr>,
        source: Option<IpAddr>,
        cache: Cache,
    ) -> Self {
        resolvers.truncate(limits::RESOLVERS);
        Self {
            resolvers,
            source,
            cache,
            sockets: Mutex::default(),
        }
    }

    /// The resolvers, in the order they are asked.
    pub(super) fn resolvers(&self) -> &[SocketAddr] {
        &self.resolvers
    }

    /// Asks, unless the answer is at hand. Only NOERROR and NXDOMAIN are answers.
    ///
    /// # Errors
    /// What the last resolver said or did, in words.
    pub(super) async fn ask(&self, question: Question) -> Result<Message, String> {
        if let Some(message) = self.cache.get(&question, Instant::now()) {
            return Ok(message);
        }
        let mut why = "no answer in time".to_owned();
        match timeout(limits::LOOKUP_TIMEOUT, self.ask_all(&question, &mut why)).await {
            Ok(Some(message)) => {
                self.cache.put(question, &message, Instant::now());
                Ok(message)
            }
            Ok(None) | Err(_) => Err(why),
        }
    }

    /// Asks one resolver after the other; a refusal ends the matter once all were asked, silence only after all rounds.
    async fn ask_all(&self, question: &Question, why: &mut String) -> Option<Message> {
        for _ in 0..ROUNDS {
            let mut refused = false;
            for resolver in &self.resolvers {
                match self.ask_one(*resolver, question).await {
                    Ok(message) => match message.metadata.response_code {
                        ResponseCode::NoError | ResponseCode::NXDomain => return Some(message),
                        code => {
                            refused = true;
                            *why = format!("the resolver {resolver} says {code}");
                        }
                    },
                    Err(error) => *why = format!("the resolver {resolver}: {error}"),
                }
            }
            if refused {
                return None;
            }
        }
        None
    }

    /// Asks this resolver once, whatever it answers; over TCP without a limit in time.
    pub(super) async fn ask_one(
        &self,
        resolver: SocketAddr,
        question: &Question,
    ) -> io::Result<Message> {
        let request = question.message();
        let octets = request.to_vec().map_err(io::Error::other)?;
        let id = request.metadata.id;
        let answer = timeout(
            limits::LOOKUP_TIMEOUT / ROUNDS,
            self.over_udp(resolver, question, &octets, id),
        )
        .await
        .map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
        if answer.metadata.truncation {
            return self.over_tcp(resolver, question, &octets, id).await;
        }
        Ok(answer)
    }

    /// The local address to ask this resolver from.
    fn local(&self, resolver: IpAddr) -> SocketAddr {
        let reaches = |source: &IpAddr| {
            source.is_ipv4() == resolver.is_ipv4() && source.is_loopback() == resolver.is_loopback()
        };
        let any = match resolver {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        SocketAddr::new(self.source.filter(reaches).unwrap_or(any), 0)
    }

    async fn over_udp(
        &self,
        resolver: SocketAddr,
        question: &Question,
        octets: &[u8],
        id: u16,
    ) -> io::Result<Message> {
        let socket = self.socket(resolver).await?;
        socket.send(octets).await?;
        let mut buffer = [0; 4096];
        for _ in 0..STRAYS {
            let length = socket.recv(&mut buffer).await?;
            if let Some(answer) = question.answered_by(&buffer[..length], id) {
                self.give_back(socket, resolver);
                return Ok(answer);
            }
        }
        Err(io::Error::other("answers to other questions"))
    }

    async fn socket(&self, resolver: SocketAddr) -> io::Result<UdpSocket> {
        if resolver.ip().is_loopback() {
            let mut sockets = self.sockets();
            if let Some(at) = sockets.iter().rposition(|(to, _)| *to == resolver) {
                return Ok(sockets.swap_remove(at).1);
            }
        }
        let socket = UdpSocket::bind(self.local(resolver.ip())).await?;
        socket.connect(resolver).await?;
        Ok(socket)
    }

    /// Keeps a socket whose question was answered.
    fn give_back(&self, socket: UdpSocket, resolver: SocketAddr) {
        let mut sockets = self.sockets();
        if resolver.ip().is_loopback() && sockets.len() < SOCKETS {
            sockets.push((resolver, socket));
        }
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<(SocketAddr, UdpSocket)>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn over_tcp(
        &self,
        resolver: SocketAddr,
        question: &Question,
        octets: &[u8],
        id: u16,
    ) -> io::Result<Message> {
        let socket = if resolver.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.bind(self.local(resolver.ip()))?;
        let mut stream = socket.connect(resolver).await?;
        let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
        stream
            .write_all(&[&length.to_be_bytes()[..], octets].concat())
            .await?;
        let mut buffer = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut buffer).await?;
        question
            .answered_by(&buffer, id)
            .ok_or_else(|| io::Error::other("an answer to another question"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_the_very_question_counts() {
        let name = Name::from_ascii("MX.Example.").unwrap();
        let question = Question::new(&name, RecordType::MX, Wish::Checked);
        let asked = question.message();
        let (id, octets) = (asked.metadata.id, asked.to_vec().unwrap());
        assert!(question.answered_by(&octets, id).is_none(), "a question");
        let answer = asked.into_response().to_vec().unwrap();
        assert!(question.answered_by(&answer, id).is_some());
        assert!(question.answered_by(&answer, id ^ 1).is_none());
        assert!(question.answered_by(&answer[..5], id).is_none());
        let other = Question::new(&name, RecordType::A, Wish::Checked);
        assert!(other.answered_by(&answer, id).is_none());
    }

    #[test]
    fn the_flags_say_who_validates_and_who_is_responsible() {
        for (wish, ad, cd, recursive) in [
            (Wish::Checked, true, false, true),
            (Wish::Unchecked, false, true, true),
            (Wish::Authoritative, false, false, false),
        ] {
            let message = Question::new(&Name::root(), RecordType::NS, wish).message();
            assert_eq!(message.metadata.recursion_desired, recursive);
            assert_eq!(message.metadata.authentic_data, ad);
            assert_eq!(message.metadata.checking_disabled, cd);
            assert_eq!(message.edns.unwrap().flags().dnssec_ok, recursive);
        }
    }
}
