//! Everything but plain questions, through hickory-server's `RequestHandler`: transfers, signed queries, the class
//! CHAOS and other opcodes. These are rare and may allocate.
//!
//! Here are the reading of the request and the writing of the response by hickory-server, and what to say.

use super::answer::{Outcome, Scratch, Transport, answer};
use super::opt::{EDE, NOT_SUPPORTED, Opt, PROHIBITED};
use super::question::{HEADER, Header};
use super::transfer;
use super::tsig::{self, Session, TransferKey};
use crate::base::{Timestamp, limits};
use crate::sign::{QueryName, Snapshot};
use async_trait::async_trait;
use hickory_proto::op::{Edns, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};
use hickory_proto::serialize::binary::BinEncoder;
use hickory_server::net::NetError;
use hickory_server::net::runtime::{Time, TokioTime};
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{MessageResponse, MessageResponseBuilder};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

/// What the class CHAOS tells (RFC 4892).
const VERSION: &str = concat!("mailproof ", env!("CARGO_PKG_VERSION"));
const TC: u8 = 0x02;

/// Answers what is no plain question.
#[derive(Debug)]
pub(super) struct Specials {
    /// What `id.server` tells; empty: nothing.
    pub(super) identity: String,
    /// Whose holders may fetch zones.
    pub(super) keys: Vec<TransferKey>,
}

/// A query, and what it is answered from.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) query: &'a [u8],
    pub(super) client: SocketAddr,
    pub(super) transport: Transport,
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Timestamp,
}

impl Asked<'_> {
    fn request(&self) -> Option<Request> {
        let protocol = match self.transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        Request::from_bytes(self.query.to_vec(), self.client, protocol).ok()
    }
}

impl Specials {
    /// The messages that answer a query, one at most but for transfers; none when there is nothing to say.
    pub(super) fn answer(&self, asked: Asked<'_>) -> Vec<Vec<u8>> {
        let Some(request) = asked.request() else {
            return unreadable(asked.query).into_iter().collect();
        };
        if request.signature.is_none() {
            return self.unsigned(asked, &request, false);
        }
        let now = u64::try_from(asked.now.as_second()).unwrap_or_default();
        let Some((bare, session)) = tsig::check(asked.query, &self.keys, now) else {
            return vec![Said::code(ResponseCode::FormErr).to(&request)];
        };
        let bare = Asked {
            query: &bare,
            ..asked
        };
        let Some(request) = bare.request() else {
            return unreadable(asked.query).into_iter().collect();
        };
        let replies = if session.is_valid() {
            self.unsigned(bare, &request, true)
        } else {
            vec![Said::code(ResponseCode::NotAuth).to(&request)]
        };
        let signed = sign(replies, session, now, bare, &request);
        signed.unwrap_or_else(|error| {
            tracing::debug!(%error, "a DNS response could not be signed");
            Vec::new()
        })
    }

    /// The same for a query without TSIG record; `known` says whether it had one of a key of ours.
    fn unsigned(&self, asked: Asked<'_>, request: &Request, known: bool) -> Vec<Vec<u8>> {
        if known {
            // It may be a plain question after all.
            let (mut out, mut scratch) = (Vec::new(), Scratch::default());
            let Asked {
                query, snapshot, ..
            } = asked;
            match answer(snapshot, query, &mut out, &mut scratch, asked.transport) {
                Outcome::Silence => return Vec::new(),
                Outcome::Answered(_) => return vec![out],
                Outcome::Special => {}
            }
        }
        let said = if transfer::is_wanted(request) && request.metadata.op_code == OpCode::Query {
            if !known {
                let prohibited = Said {
                    reason: Some(PROHIBITED),
                    ..Said::code(ResponseCode::Refused)
                };
                return vec![prohibited.to(request)];
            }
            match transfer::messages(request, asked.query, asked.snapshot, asked.transport) {
                Ok(messages) => {
                    let (client, count) = (asked.client, messages.len());
                    tracing::debug!(%client, "a zone is transferred in {count} messages");
                    return messages;
                }
                Err(code) => Said::code(code),
            }
        } else {
            self.judge(request)
        };
        vec![said.to(request)]
    }

    /// What to say to a request that is neither a plain question nor a transfer.
    fn judge(&self, request: &Request) -> Said {
        if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            return Said::code(ResponseCode::BADVERS);
        }
        let [query] = request.queries.queries() else {
            return Said::code(ResponseCode::FormErr);
        };
        if request.metadata.op_code != OpCode::Query {
            return Said::code(ResponseCode::NotImp);
        }
        let text = match (query.query_class(), query.query_type()) {
            (DNSClass::CH, RecordType::TXT | RecordType::ANY) => {
                match query.name().to_string().trim_end_matches('.') {
                    "version.bind" | "version.server" => VERSION,
                    "hostname.bind" | "id.server" => &self.identity,
                    _ => "",
                }
            }
            _ => "",
        };
        if text.is_empty() {
            Said::code(ResponseCode::Refused)
        } else {
            Said {
                text: Some(text.to_owned()),
                ..Said::code(ResponseCode::NoError)
            }
        }
    }
}

/// Signs the messages of a response. In a datagram, one that would become too long by that is emptied, so that the
/// client comes again by TCP (RFC 8945 5.3).
fn sign(
    mut replies: Vec<Vec<u8>>,
    session: Session,
    now: u64,
    asked: Asked<'_>,
    request: &Request,
) -> Result<Vec<Vec<u8>>, hickory_proto::ProtoError> {
    let most = match asked.transport {
        Transport::Tcp => usize::from(u16::MAX),
        Transport::Udp => usize::from(request.max_payload()).min(limits::UDP_ANSWER),
    };
    let mut behind = session;
    for reply in &mut replies {
        let before = (behind.clone(), reply.clone());
        behind.sign(reply, now)?;
        if reply.len() > most {
            let mut session = before.0;
            let edns = request.edns.as_ref();
            *reply = emptied(&before.1, edns.map(|edns| edns.flags().dnssec_ok));
            session.sign(reply, now)?;
            behind = session;
        }
    }
    Ok(replies)
}

/// The message with its question alone, and an OPT record, with the DO bit given, where the query had one.
fn emptied(message: &[u8], edns: Option<bool>) -> Vec<u8> {
    let read = |message: &[u8]| QueryName::default().read(message.get(HEADER..)?);
    let end = read(message).map_or(HEADER, |name| HEADER + name + 4);
    let mut out = message.get(..end).unwrap_or(message).to_vec();
    if let Some(header) = out.first_chunk_mut::<HEADER>() {
        header[2] |= TC;
        header[6..].copy_from_slice(&[0, 0, 0, 0, 0, u8::from(edns.is_some())]);
    }
    if let Some(dnssec_ok) = edns {
        Opt::bare(dnssec_ok).write(&mut out);
    }
    out
}

/// What hickory-server cannot read: an opcode that nobody knows is not implemented, the rest is malformed.
fn unreadable(query: &[u8]) -> Option<Vec<u8>> {
    let header = Header::read(query)?;
    let [high, low] = header.response();
    let rcode = match header.opcode() {
        0..=6 => ResponseCode::FormErr,
        _ => ResponseCode::NotImp,
    };
    let [a, b] = header.id;
    Some(vec![a, b, high, low | rcode.low(), 0, 0, 0, 0, 0, 0, 0, 0])
}

/// What is said to a request.
struct Said {
    rcode: ResponseCode,
    /// The text of an answer if there is one.
    text: Option<String>,
    /// The extended error code.
    reason: Option<u16>,
}

impl Said {
    fn code(rcode: ResponseCode) -> Self {
        Self {
            rcode,
            text: None,
            reason: (rcode == ResponseCode::NotImp).then_some(NOT_SUPPORTED),
        }
    }

    /// The message that says it.
    fn to(&self, request: &Request) -> Vec<u8> {
        let replies = Replies::default();
        {
            // Nothing in it waits for anything.
            let handled = pin!(self.handle_request::<_, TokioTime>(request, replies.clone()));
            let _ = handled.poll(&mut Context::from_waker(Waker::noop()));
        }
        let mut replies = replies.0.lock().unwrap_or_else(PoisonError::into_inner);
        replies.pop().unwrap_or_default()
    }
}

#[async_trait]
impl RequestHandler for Said {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let rcode = self.rcode;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = rcode;
        metadata.authoritative = self.text.is_some();
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(u16::try_from(limits::UDP_ANSWER).unwrap_or(u16::MAX));
            edns.set_dnssec_ok(asked.flags().dnssec_ok);
            edns.set_rcode_high(rcode.high());
            if let Some(reason) = self.reason {
                let option = EdnsOption::Unknown(EDE, reason.to_be_bytes().to_vec());
                edns.options_mut().insert(option);
            }
            edns
        });
        let record = self
            .text
            .as_ref()
            .zip(request.queries.queries().first())
            .map(|(text, query)| {
                let rdata = RData::TXT(TXT::new(vec![text.clone()]));
                let mut record = Record::from_rdata(query.original().name().clone(), 0, rdata);
                record.dns_class = DNSClass::CH;
                record
            });
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if let Some(edns) = &edns {
            builder.edns(edns);
        }
        let response = builder.build(metadata, &record, [], [], []);
        let sent = response_handle.send_response(response).await;
        sent.unwrap_or_else(|error| {
            tracing::debug!(%error, "a DNS response could not be written");
            ResponseInfo::from(hickory_proto::op::Header {
                metadata,
                counts: HeaderCounts::default(),
            })
        })
    }
}

/// Takes the octets of responses.
#[derive(Clone, Default)]
struct Replies(Arc<Mutex<Vec<Vec<u8>>>>);

#[async_trait]
impl ResponseHandler for Replies {
    async fn send_response<'a>(
        &mut self,
        response: MessageResponse<
            '_,
            'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
        >,
    ) -> Result<ResponseInfo, NetError> {
        let mut octets = Vec::new();
        let info = response.destructive_emit(&mut BinEncoder::new(&mut octets))?;
        let mut replies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        replies.push(octets);
        Ok(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::{Message, MessageType, Query};
    use hickory_proto::rr::Name;

    fn query(opcode: OpCode, class: DNSClass, name: &str, rtype: RecordType) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, opcode);
        let mut query = Query::query(Name::from_ascii(name).unwrap(), rtype);
        query.set_query_class(class);
        message.add_query(query);
        message.to_vec().unwrap()
    }

    #[test]
    fn each_special_has_its_answer() {
        use ResponseCode::{FormErr, NoError, NotImp, Refused};
        let specials = Specials {
            identity: "ns.lab".to_owned(),
            keys: Vec::new(),
        };
        let query = |opcode, class, name, rtype| query(opcode, class, name, rtype);
        let (ask, txt) = (OpCode::Query, RecordType::TXT);
        let mut unknown = query(ask, DNSClass::IN, "et.lab.", txt);
        unknown[2] |= 0x78;
        let mut cut = query(OpCode::Notify, DNSClass::IN, "et.lab.", RecordType::SOA);
        cut.truncate(15);
        for (query, rcode, text) in [
            (
                query(ask, DNSClass::CH, "version.bind.", txt),
                NoError,
                Some(VERSION),
            ),
            (
                query(ask, DNSClass::CH, "ID.server.", txt),
                NoError,
                Some("ns.lab"),
            ),
            (query(ask, DNSClass::CH, "et.lab.", txt), Refused, None),
            (
                query(ask, DNSClass::IN, "et.lab.", RecordType::AXFR),
                Refused,
                None,
            ),
            (
                query(OpCode::Notify, DNSClass::IN, "et.lab.", RecordType::SOA),
                NotImp,
                None,
            ),
            (unknown, NotImp, None),
            (cut, FormErr, None),
        ] {
            let client = "127.0.0.1:5353".parse().unwrap();
            let replies = specials.answer(Asked {
                query: &query,
                client,
                transport: Transport::Udp,
                snapshot: &Snapshot::default(),
                now: Timestamp::UNIX_EPOCH,
            });
            let [out] = &replies[..] else {
                panic!("{} replies", replies.len())
            };
            assert_eq!(out[..2], query[..2]);
            assert_eq!(out[2] & 0xf8, query[2] & 0x78 | 0x80, "opcode");
            let read = Message::from_vec(out).unwrap();
            assert_eq!(read.metadata.response_code, rcode, "{query:?}");
            let found = read.answers.first().map(|record| record.data.to_string());
            let text = text.map(str::to_owned);
            assert_eq!(found.map(|found| found.replace('"', "")), text);
        }
    }

    #[test]
    fn no_damage_to_a_signed_query_opens_a_transfer() {
        use super::super::tsig::tests::{NOW, key};
        use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
        let key = key("a.example.", TsigAlgorithm::HmacSha256);
        let specials = Specials {
            identity: String::new(),
            keys: vec![key.clone()],
        };
        let axfr = query(OpCode::Query, DNSClass::IN, "et.lab.", RecordType::AXFR);
        let mut message = Message::from_vec(&axfr).unwrap();
        let (record, _) = key.0.sign_message(&message, NOW).unwrap();
        message.set_signature(record);
        let whole = message.to_vec().unwrap();
        let answer = |query: &[u8]| {
            let mut replies = specials.answer(Asked {
                query,
                client: "127.0.0.1:5353".parse().unwrap(),
                transport: Transport::Tcp,
                snapshot: &Snapshot::default(),
                now: Timestamp::from_second(i64::try_from(NOW).unwrap()).unwrap(),
            });
            assert!(replies.len() <= 1);
            replies.pop().unwrap_or_default()
        };
        // That the zone is none of ours is for those to know who hold the key; they get a MAC.
        let known = |reply: &[u8]| {
            let reply = Message::from_vec(reply).ok();
            let tsig = reply.as_ref().and_then(|reply| reply.signature());
            tsig.is_some_and(|tsig| tsig.data.error.is_none() && !tsig.data.mac.is_empty())
        };
        assert!(known(&answer(&whole)));
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                // The id is the client's to choose, as is the case of the names of key and algorithm.
                let same = at < 2 || (bit == 5 && damaged[at].is_ascii_alphabetic());
                assert!(same || !known(&answer(&damaged)), "octet {at}, bit {bit}");
            }
            answer(&whole[..at]);
        }
    }
}
