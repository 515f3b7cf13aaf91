//! Everything but plain questions, through hickory-server's `RequestHandler`: transfers, signed queries, the class
//! CHAOS and other opcodes. These are rare and may allocate.
//!
//! Here are the reading of the request and the writing of the response by hickory-server, and what to say.

use super::answer::Transport;
use super::question::Header;
use crate::base::limits;
use async_trait::async_trait;
use hickory_proto::op::{Edns, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::TXT;
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

/// Answers what is no plain question.
#[derive(Debug)]
pub(super) struct Specials {
    /// What `id.server` tells; empty: nothing.
    pub(super) identity: String,
}

impl Specials {
    /// The messages that answer a query, one at most but for transfers; none when there is nothing to say.
    pub(super) fn answer(
        &self,
        query: &[u8],
        client: SocketAddr,
        transport: Transport,
    ) -> Vec<Vec<u8>> {
        let protocol = match transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        let Ok(request) = Request::from_bytes(query.to_vec(), client, protocol) else {
            return unreadable(query).into_iter().collect();
        };
        let replies = Replies::default();
        {
            // Nothing in it waits for anything.
            let handled = pin!(self.handle_request::<_, TokioTime>(&request, replies.clone()));
            let _ = handled.poll(&mut Context::from_waker(Waker::noop()));
        }
        let mut replies = replies.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *replies)
    }

    /// The response code for a request, with the text of an answer if there is one.
    fn judge(&self, request: &Request) -> (ResponseCode, Option<&str>) {
        if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            return (ResponseCode::BADVERS, None);
        }
        let [query] = request.queries.queries() else {
            return (ResponseCode::FormErr, None);
        };
        if request.metadata.op_code != OpCode::Query {
            return (ResponseCode::NotImp, None);
        }
        // No key is known here (RFC 8945 5.2.1).
        if request.signature.is_some() {
            return (ResponseCode::NotAuth, None);
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
            (ResponseCode::Refused, None)
        } else {
            (ResponseCode::NoError, Some(text))
        }
    }
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

#[async_trait]
impl RequestHandler for Specials {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let (rcode, text) = self.judge(request);
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = rcode;
        metadata.authoritative = text.is_some();
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(u16::try_from(limits::UDP_ANSWER).unwrap_or(u16::MAX));
            edns.set_dnssec_ok(asked.flags().dnssec_ok);
            edns.set_rcode_high(rcode.high());
            edns
        });
        let record = text
            .zip(request.queries.queries().first())
            .map(|(text, query)| {
                let rdata = RData::TXT(TXT::new(vec![text.to_owned()]));
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
            let replies = specials.answer(&query, client, Transport::Udp);
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
}
