//! From a query to its answer: a pure function over a snapshot that does not allocate once its buffers have grown.

use super::question::{Edns, HEADER, Header, Question};
use crate::base::limits;
use crate::sign::{Counts, Place, QueryName, Snapshot};
use hickory_proto::rr::{DNSClass, RecordType};

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram: the answer has a limit.
    Udp,
    /// On a connection.
    Tcp,
}

/// Room to work in, one for each worker. After a question was answered it holds its name.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// The name last asked for.
    pub name: QueryName,
    place: Place,
}

/// What was asked of a zone of ours; the name is in the [`Scratch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The type.
    pub rtype: u16,
    /// The DNSSEC OK bit.
    pub dnssec_ok: bool,
    /// The Checking Disabled bit.
    pub checking_disabled: bool,
}

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It deserves no answer: too short for a header, or a response.
    Silence,
    /// The answer is in the buffer; what was asked, if it was asked of a zone of ours.
    Answered(Option<Asked>),
    /// It is no plain question, and the buffer is empty: another opcode or class, a transfer, or signed.
    Special,
}

const FORMERR: u8 = 1;
const NOTIMP: u8 = 4;
const REFUSED: u8 = 5;
/// The extended response code of an unknown EDNS version (RFC 6891 9), its upper eight bits.
const BADVERS: u8 = 1;
const AA: u8 = 0x04;
const TC: u8 = 0x02;
/// Octets of a UDP answer without EDNS (RFC 1035 2.3.4).
const WITHOUT_EDNS: usize = 512;
/// Octets of our OPT record, which carries no options.
const OPT: usize = 11;

/// Answers a query from the zones of a snapshot; `out` is emptied and filled.
pub fn answer(
    snapshot: &Snapshot,
    query: &[u8],
    out: &mut Vec<u8>,
    scratch: &mut Scratch,
    transport: Transport,
) -> Outcome {
    out.clear();
    let Some(header) = Header::read(query) else {
        return Outcome::Silence;
    };
    if header.opcode() != 0 {
        return Outcome::Special;
    }
    let Some(question) = Question::read(query, &mut scratch.name) else {
        begin(out, header, &[]);
        out[3] |= FORMERR;
        return Outcome::Answered(None);
    };
    begin(out, header, &query[HEADER..HEADER + question.name + 4]);
    if let Some(Edns { version: 1.., .. }) = question.edns
        && !question.signed
    {
        end(out, question.edns, BADVERS, Counts::default());
        return Outcome::Answered(None);
    }
    let error = match RecordType::from(question.rtype) {
        _ if question.signed || question.class != u16::from(DNSClass::IN) => None,
        RecordType::AXFR | RecordType::IXFR => None,
        RecordType::OPT => Some(FORMERR),
        // Meta types: TKEY, TSIG, MAILB, MAILA.
        _ if matches!(question.rtype, 249 | 250 | 253 | 254) => Some(NOTIMP),
        _ => return look_up(snapshot, out, header, &question, scratch, transport),
    };
    let Some(error) = error else {
        out.clear();
        return Outcome::Special;
    };
    out[3] |= error;
    end(out, question.edns, 0, Counts::default());
    Outcome::Answered(None)
}

/// Looks the question up; `out` holds the header and the question.
fn look_up(
    snapshot: &Snapshot,
    out: &mut Vec<u8>,
    header: Header,
    question: &Question,
    scratch: &mut Scratch,
    transport: Transport,
) -> Outcome {
    let dnssec_ok = question.dnssec_ok();
    let Scratch { name, place } = scratch;
    let Some(found) = snapshot.find(name, question.rtype, dnssec_ok, place) else {
        out[3] |= REFUSED;
        end(out, question.edns, 0, Counts::default());
        return Outcome::Answered(None);
    };
    out[3] |= found.rcode();
    if found.authoritative() {
        out[2] |= AA;
    }
    let begun = out.len();
    let mut counts = found.write(question.name, out);
    let opt = question.edns.map_or(0, |_| OPT);
    if out.len() + opt > limit(question, transport) {
        // Whole or not at all: part of an RRset or of a proof is of no use to anybody.
        out.truncate(begun);
        out[2] |= TC;
        counts = Counts::default();
    }
    end(out, question.edns, 0, counts);
    Outcome::Answered(Some(Asked {
        rtype: question.rtype,
        dnssec_ok,
        checking_disabled: header.checking_disabled(),
    }))
}

fn limit(question: &Question, transport: Transport) -> usize {
    match (transport, question.edns) {
        (Transport::Tcp, _) => usize::from(u16::MAX),
        (Transport::Udp, None) => WITHOUT_EDNS,
        (Transport::Udp, Some(edns)) => {
            usize::from(edns.payload).clamp(WITHOUT_EDNS, limits::UDP_ANSWER)
        }
    }
}

/// Writes a header without counts of records, and the question.
fn begin(out: &mut Vec<u8>, header: Header, question: &[u8]) {
    out.extend(header.id);
    out.extend(header.response());
    out.extend([0, u8::from(!question.is_empty()), 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(question);
}

/// Adds OPT, if the query had one, and sets the counts.
fn end(out: &mut Vec<u8>, edns: Option<Edns>, extended: u8, mut counts: Counts) {
    if let Some(edns) = edns {
        let [high, low] = u16::try_from(limits::UDP_ANSWER)
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        let flags = if edns.dnssec_ok { 0x80 } else { 0 };
        out.extend([0, 0, 41, high, low, extended, 0, flags, 0, 0, 0]);
        counts.additional += 1;
    }
    for (at, count) in [
        (6, counts.answer),
        (8, counts.authority),
        (10, counts.additional),
    ] {
        out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
}
