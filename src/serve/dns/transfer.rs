//! Zone transfers (RFC 5936, RFC 1995): what a query for one is answered with, to whom that is due.

use super::answer::Transport;
use super::opt::Opt;
use super::question::{HEADER, Header};
use crate::base::limits;
use crate::sign::{QueryName, Section, Snapshot, Transfer};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, RData, RecordType};
use hickory_server::server::Request;

/// The AA bit.
const AA: u8 = 0x04;

/// Whether a query asks for a transfer.
pub(super) fn is_wanted(request: &Request) -> bool {
    match request.queries.queries() {
        [query] => {
            query.query_class() == DNSClass::IN
                && matches!(query.query_type(), RecordType::AXFR | RecordType::IXFR)
        }
        _ => false,
    }
}

/// The messages of a transfer for a query that is signed by a key of ours, its TSIG record taken away.
///
/// # Errors
/// The response code of a transfer that there cannot be: of a name that is no zone of ours (RFC 5936 2.2.1), whole in a
/// datagram (RFC 5936 4.2), or since no serial.
pub(super) fn messages(
    request: &Request,
    query: &[u8],
    snapshot: &Snapshot,
    transport: Transport,
) -> Result<Vec<Vec<u8>>, ResponseCode> {
    let mut apex = QueryName::default();
    let malformed = ResponseCode::FormErr;
    let name = query.get(HEADER..).and_then(|rest| apex.read(rest));
    let end = HEADER + name.ok_or(malformed)? + 4;
    let question = query.get(HEADER..end).ok_or(malformed)?;
    let header = Header::read(query).ok_or(malformed)?;
    let whole = question.ends_with(&[0, 252, 0, 1]);
    let wanted = match (whole, transport) {
        (true, Transport::Udp) => return Err(malformed),
        (true, Transport::Tcp) => Transfer::Whole,
        // The client sees whether it is current, else it comes by TCP (RFC 1995 2).
        (false, Transport::Udp) => Transfer::Serial,
        (false, Transport::Tcp) => Transfer::Since(serial(request).ok_or(malformed)?),
    };
    let sections = snapshot.transfer(&apex, wanted);
    let sections = sections.ok_or(ResponseCode::NotAuth)?;
    let edns = request.edns.as_ref().map(|edns| edns.flags().dnssec_ok);
    let message = |section| message(header, question, edns, section);
    Ok(sections.iter().map(message).collect())
}

/// The serial of the version that the client of an IXFR query has (RFC 1995 3).
fn serial(request: &Request) -> Option<u32> {
    let mut authority = request.authorities.iter();
    authority.find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    })
}

/// One message; each has the question, and OPT, with the DO bit given, if the query has it.
fn message(header: Header, question: &[u8], edns: Option<bool>, section: &Section) -> Vec<u8> {
    let mut out = Vec::with_capacity(limits::TRANSFER_MESSAGE + 512);
    let [high, low] = header.response();
    out.extend(header.id);
    out.extend([high | AA, low, 0, 1, 0, 0, 0, 0, 0, 0]);
    out.extend(question);
    let count = section.write(&mut out);
    out[6..8].copy_from_slice(&count.to_be_bytes());
    if let Some(dnssec_ok) = edns {
        Opt::bare(dnssec_ok).write(&mut out);
        out[11] = 1;
    }
    out
}
