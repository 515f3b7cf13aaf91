//! Telling a secondary that a zone has changed (RFC 1996), signed with TSIG (RFC 8945).
//!
//! One datagram and the wait for its response; when to come again is for the caller to decide.

use crate::base::limits;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::tsig::TsigError;
use hickory_proto::rr::{DNSClass, Record, RecordType, TSigVerifier, TSigner};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// Octets of a response at most.
const RESPONSE: usize = 4096;

/// Whom to tell, and how.
#[derive(Clone)]
pub struct Target {
    /// Where the secondary takes NOTIFY; connected as written.
    pub address: SocketAddr,
    /// The local address that the secondary knows us by; `None`: as the system chooses.
    pub from: Option<IpAddr>,
    /// The key that it shares with us.
    pub key: TSigner,
}

/// Why a secondary is not known to have heard; the caller tells it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyError {
    /// No socket, or no way there.
    Io(String),
    /// Nothing came in time.
    Silent,
    /// Only what is no response to this came in time.
    Garbage,
    /// It refused. With NOTAUTH it does not have the zone, or TSIG says what is wrong: key, signature or clock.
    Refused(ResponseCode, Option<TsigError>),
}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be reached: {error}"),
            Self::Silent => f.write_str("does not answer"),
            Self::Garbage => f.write_str("answers what is no signed response to NOTIFY"),
            Self::Refused(code, tsig) => {
                let upper = |name: String| name.to_ascii_uppercase();
                write!(f, "answers {}", upper(format!("{code:?}")))?;
                match tsig {
                    Some(error) => write!(f, " {}", upper(format!("{error:?}"))),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for NotifyError {}

fn failed(error: impl fmt::Display) -> NotifyError {
    NotifyError::Io(error.to_string())
}

/// Tells a secondary that the zone has this SOA, and waits for its response. `id` should not be easy to foresee; `now`
/// is the time in seconds, which the secondary compares with its own.
///
/// # Errors
/// When it is not known to have heard.
pub async fn notify(target: &Target, soa: &Record, id: u16, now: u64) -> Result<(), NotifyError> {
    let (octets, mut verifier) = request(&target.key, soa, id, now).map_err(failed)?;
    let socket = open(target).await.map_err(failed)?;
    socket.send(&octets).await.map_err(failed)?;
    let deadline = Instant::now() + limits::NOTIFY_WAIT;
    let mut buffer = vec![0; RESPONSE];
    let mut refused = None;
    let mut heard = false;
    loop {
        let received = timeout_at(deadline, socket.recv(&mut buffer)).await;
        let Ok(received) = received else {
            let nothing = if heard {
                NotifyError::Garbage
            } else {
                NotifyError::Silent
            };
            return Err(refused.unwrap_or(nothing));
        };
        let octets = &buffer[..received.map_err(failed)?];
        heard = true;
        let Some(response) = response(octets, soa, id) else {
            continue;
        };
        let code = response.metadata.response_code;
        let said = match code {
            ResponseCode::NoError => None,
            code => {
                let error = response.signature().and_then(|tsig| tsig.data.error);
                Some(NotifyError::Refused(code, error))
            }
        };
        if verifier.verify(octets).is_ok() {
            return said.map_or(Ok(()), Err);
        }
        // Without a right signature it may be from anybody: it explains a failure, and ends no waiting.
        refused = said.or(refused);
    }
}

/// The request, and what verifies its response.
fn request(
    key: &TSigner,
    soa: &Record,
    id: u16,
    now: u64,
) -> Result<(Vec<u8>, TSigVerifier), hickory_proto::ProtoError> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Notify);
    message.metadata.authoritative = true;
    message.add_query(Query::query(soa.name.clone(), RecordType::SOA));
    message.add_answer(soa.clone());
    let (record, verifier) = key.sign_message(&message, now)?;
    message.set_signature(record);
    let verifier = verifier.ok_or_else(|| hickory_proto::ProtoError::from("no verifier"))?;
    Ok((message.to_vec()?, verifier))
}

/// The message, if it is a response to this request; its signature is not looked at.
fn response(octets: &[u8], soa: &Record, id: u16) -> Option<Message> {
    let message = Message::from_vec(octets).ok()?;
    let meta = &message.metadata;
    let ours = meta.id == id
        && meta.message_type == MessageType::Response
        && meta.op_code == OpCode::Notify
        && message.queries.iter().all(|query| {
            *query.name() == soa.name
                && query.query_type() == RecordType::SOA
                && query.query_class() == DNSClass::IN
        });
    ours.then_some(message)
}

async fn open(target: &Target) -> io::Result<UdpSocket> {
    let any = match target.address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((target.from.unwrap_or(any), 0)).await?;
    socket.connect(target.address).await?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::SOA;
    use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
    use hickory_proto::rr::{Name, RData, TSigResponseContext};

    const NOW: u64 = 1_800_000_000;

    fn key(secret: u8) -> TSigner {
        let name = Name::from_ascii("ns.example.").unwrap();
        TSigner::new(vec![secret; 32], TsigAlgorithm::HmacSha256, name, 300).unwrap()
    }

    fn soa() -> Record {
        let name = |text| Name::from_ascii(text).unwrap();
        let soa = SOA::new(name("ns.lab."), name("op.lab."), 7, 1, 2, 3, 60);
        Record::from_rdata(name("et.lab."), 300, RData::SOA(soa))
    }

    /// What the secondary makes of the request: a response with this code, signed with this key.
    fn respond(request: &[u8], code: ResponseCode, key: Option<&TSigner>) -> Message {
        let request = Message::from_vec(request).unwrap();
        let mac = request.signature().unwrap().data.mac.clone();
        let mut response = Message::response(request.metadata.id, OpCode::Notify);
        response.metadata.response_code = code;
        response.add_queries(request.queries);
        if let Some(key) = key {
            let id = response.metadata.id;
            let context = TSigResponseContext::new(id, NOW, key.clone(), mac, None);
            let record = context.sign(&response.to_vec().unwrap()).unwrap();
            response.set_signature(record);
        }
        response
    }

    /// What it is, the responses to a request, and what comes of them.
    type Row = (
        &'static str,
        fn(&[u8]) -> Vec<Message>,
        Result<(), NotifyError>,
    );

    const REFUSED: NotifyError = NotifyError::Refused(ResponseCode::Refused, None);
    const BAD_KEY: NotifyError =
        NotifyError::Refused(ResponseCode::NotAuth, Some(TsigError::BadKey));

    const ROWS: &[Row] = &[
        (
            "as it should be",
            |ask| vec![respond(ask, ResponseCode::NoError, Some(&key(7)))],
            Ok(()),
        ),
        ("nothing", |_| Vec::new(), Err(NotifyError::Silent)),
        (
            "not signed",
            |ask| vec![respond(ask, ResponseCode::NoError, None)],
            Err(NotifyError::Garbage),
        ),
        (
            "signed with another key",
            |ask| vec![respond(ask, ResponseCode::NoError, Some(&key(8)))],
            Err(NotifyError::Garbage),
        ),
        (
            "refused",
            |ask| vec![respond(ask, ResponseCode::Refused, Some(&key(7)))],
            Err(REFUSED),
        ),
        (
            "the key unknown",
            |ask| vec![unknown_key(ask)],
            Err(BAD_KEY),
        ),
        (
            "its own request",
            |ask| vec![Message::from_vec(ask).unwrap()],
            Err(NotifyError::Garbage),
        ),
        ("forged ones before the true one", forged, Ok(())),
    ];

    fn unknown_key(ask: &[u8]) -> Message {
        let mut response = respond(ask, ResponseCode::NotAuth, Some(&key(7)));
        let mut record = response.take_signature().unwrap();
        record.data.mac.clear();
        record.data.error = Some(TsigError::BadKey);
        response.set_signature(record);
        response
    }

    fn forged(ask: &[u8]) -> Vec<Message> {
        let good = respond(ask, ResponseCode::NoError, Some(&key(7)));
        let mut id = good.clone();
        id.metadata.id ^= 1;
        let mut opcode = good.clone();
        opcode.metadata.op_code = OpCode::Query;
        let mut name = good.clone();
        name.queries[0].set_name(Name::from_ascii("ut.lab.").unwrap());
        vec![id, opcode, name, unknown_key(ask), good]
    }

    #[tokio::test]
    async fn only_a_signed_response_to_this_very_request_counts() {
        for (what, answer, expected) in ROWS {
            let secondary = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let target = Target {
                address: secondary.local_addr().unwrap(),
                from: Some("127.0.0.2".parse().unwrap()),
                key: key(7),
            };
            let answering = async {
                let mut buffer = vec![0; RESPONSE];
                let (length, client) = secondary.recv_from(&mut buffer).await.unwrap();
                assert_eq!(client.ip(), target.from.unwrap());
                let request = Message::from_vec(&buffer[..length]).unwrap();
                assert_eq!(request.answers, [soa()]);
                for response in answer(&buffer[..length]) {
                    let octets = response.to_vec().unwrap();
                    secondary.send_to(&octets, client).await.unwrap();
                }
            };
            let soa = soa();
            let (heard, ()) = tokio::join!(notify(&target, &soa, 4711, NOW), answering);
            assert_eq!(&heard, expected, "{what}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_logs_of_nameservers_do() {
        for (error, text) in [
            (
                NotifyError::Refused(ResponseCode::Refused, None),
                "answers REFUSED",
            ),
            (
                NotifyError::Refused(ResponseCode::NotAuth, Some(TsigError::BadTime)),
                "answers NOTAUTH BADTIME",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_at_once() {
        let free = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            address: free.local_addr().unwrap(),
            from: None,
            key: key(7),
        };
        drop(free);
        let heard = notify(&target, &soa(), 1, NOW).await;
        assert!(matches!(heard, Err(NotifyError::Io(_))), "{heard:?}");
    }
}
