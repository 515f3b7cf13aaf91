//! From a query to its answer: a pure function over a snapshot that does not allocate once its buffers have grown.

use super::opt::{BADCOOKIE, BADVERS, Cookies, NOT_AUTHORITATIVE, NOT_SUPPORTED, Opt, Shown};
use super::question::{HEADER, Header, Question};
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

/// Under what circumstances a query is answered.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// How it came.
    pub transport: Transport,
    /// What NSID tells (RFC 5001), of which at most `limits::DNS_IDENTITY` octets are sent; empty: nothing.
    pub identity: &'a str,
    /// What cookies are made with; without, clients get none.
    pub cookies: Option<Cookies<'a>>,
}

impl From<Transport> for Circumstances<'_> {
    /// By a server without a name that makes no cookies.
    fn from(transport: Transport) -> Self {
        Self {
            transport,
            identity: "",
            cookies: None,
        }
    }
}

/// Room to work in, one for each worker. After a question was answered it holds its name.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// The name last asked for.
    pub name: QueryName,
    /// What limiting answers needs to know of the last one.
    pub(super) kind: Kind,
    place: Place,
}

/// What limiting answers needs to know of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// The same for equal answers of one snapshot: all that deny a name in a zone, all of a wildcard or of a referral.
    /// Errors have their response code.
    pub(super) same: usize,
    /// Whether the client showed a valid cookie, so that it is where it says.
    pub(super) proven: bool,
    /// Octets of the question.
    question: usize,
    /// Octets of the OPT record, which is the last one.
    opt: usize,
}

impl Kind {
    /// That of a message that was not made from a snapshot; `name` is room to work in.
    pub(super) fn of(message: &[u8], name: &mut QueryName) -> Self {
        let behind = message.get(HEADER..).unwrap_or_default();
        let question = match message.get(4..6) {
            Some([0, 0]) => Some(0),
            _ => name.read(behind).map(|name| name + 4),
        };
        Self {
            same: message.get(3).map_or(0, |flags| usize::from(flags & 15)),
            question: question.unwrap_or(behind.len()),
            ..Self::default()
        }
    }
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
const AA: u8 = 0x04;
const TC: u8 = 0x02;
/// Octets of a UDP answer without EDNS (RFC 1035 2.3.4).
const WITHOUT_EDNS: usize = 512;

/// Answers a query from the zones of a snapshot; `out` is emptied and filled.
pub fn answer<'a>(
    snapshot: &Snapshot,
    query: &[u8],
    out: &mut Vec<u8>,
    scratch: &mut Scratch,
    circumstances: impl Into<Circumstances<'a>>,
) -> Outcome {
    out.clear();
    scratch.kind = Kind::default();
    let circumstances = circumstances.into();
    let Some(header) = Header::read(query) else {
        return Outcome::Silence;
    };
    if header.opcode() != 0 {
        return Outcome::Special;
    }
    let Some(question) = Question::read(query, &mut scratch.name) else {
        begin(out, header, &[]);
        return fail(out, scratch, FORMERR, None);
    };
    let asked = match question.name {
        0 => 0,
        name => name + 4,
    };
    begin(out, header, &query[HEADER..HEADER + asked]);
    let Circumstances {
        identity, cookies, ..
    } = circumstances;
    let opt = question.edns.map(|edns| Opt::new(edns, identity, cookies));
    scratch.kind.question = asked;
    scratch.kind.proven = opt.is_some_and(|opt| opt.shown == Shown::Valid);
    if opt.is_some_and(|opt| opt.extended == BADVERS) && !question.signed {
        return fail(out, scratch, 0, opt);
    }
    if asked == 0 {
        return confirm(out, scratch, opt);
    }
    let because = |reason| opt.map(|opt| opt.because(reason));
    match RecordType::from(question.rtype) {
        _ if question.signed || question.class != u16::from(DNSClass::IN) => {}
        RecordType::AXFR | RecordType::IXFR => {}
        RecordType::OPT => return fail(out, scratch, FORMERR, opt),
        // Meta types: TKEY, TSIG, MAILB, MAILA.
        _ if matches!(question.rtype, 249 | 250 | 253 | 254) => {
            return fail(out, scratch, NOTIMP, because(NOT_SUPPORTED));
        }
        _ => {
            let found = look_up(
                (snapshot, &question),
                out,
                scratch,
                opt,
                circumstances.transport,
            );
            if !found {
                return fail(out, scratch, REFUSED, because(NOT_AUTHORITATIVE));
            }
            return Outcome::Answered(Some(Asked {
                rtype: question.rtype,
                dnssec_ok: question.dnssec_ok(),
                checking_disabled: header.checking_disabled(),
            }));
        }
    }
    out.clear();
    Outcome::Special
}

/// Ends an answer that says nothing but a response code.
fn fail(out: &mut Vec<u8>, scratch: &mut Scratch, rcode: u8, opt: Option<Opt<'_>>) -> Outcome {
    out[3] |= rcode;
    scratch.kind.same = rcode.into();
    end(out, scratch, opt, Counts::default());
    Outcome::Answered(None)
}

/// Answers a query that asks for a cookie and nothing else (RFC 7873 5.4).
fn confirm(out: &mut Vec<u8>, scratch: &mut Scratch, opt: Option<Opt<'_>>) -> Outcome {
    match opt {
        Some(opt) if opt.shown == Shown::Invalid => {
            let (extended, rcode) = BADCOOKIE;
            fail(out, scratch, rcode, Some(opt.extending(extended)))
        }
        Some(opt) if opt.has_cookie() => fail(out, scratch, 0, Some(opt)),
        _ => fail(out, scratch, FORMERR, opt),
    }
}

/// Looks the question up, and ends the answer unless the name lies in no zone of ours; `out` holds the header and the
/// question.
fn look_up(
    (snapshot, question): (&Snapshot, &Question<'_>),
    out: &mut Vec<u8>,
    scratch: &mut Scratch,
    opt: Option<Opt<'_>>,
    transport: Transport,
) -> bool {
    let Scratch { name, place, kind } = scratch;
    let Some(found) = snapshot.find(name, question.rtype, question.dnssec_ok(), place) else {
        return false;
    };
    kind.same = found.same();
    out[3] |= found.rcode();
    if found.authoritative() {
        out[2] |= AA;
    }
    let begun = out.len();
    let mut counts = found.write(question.name, out);
    if out.len() + opt.map_or(0, |opt| opt.length()) > limit(question, transport) {
        // Whole or not at all: part of an RRset or of a proof is of no use to anybody.
        out.truncate(begun);
        out[2] |= TC;
        counts = Counts::default();
    }
    end(out, scratch, opt, counts);
    true
}

fn limit(question: &Question<'_>, transport: Transport) -> usize {
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
fn end(out: &mut Vec<u8>, scratch: &mut Scratch, opt: Option<Opt<'_>>, mut counts: Counts) {
    if let Some(opt) = opt {
        opt.write(out);
        scratch.kind.opt = opt.length();
        counts.additional += 1;
    }
    count(out, counts);
}

fn count(out: &mut [u8], counts: Counts) {
    for (at, count) in [
        (6, counts.answer),
        (8, counts.authority),
        (10, counts.additional),
    ] {
        out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
}

/// Leaves of an answer its question and its OPT record, and has the client come again over TCP.
pub(super) fn shorten(out: &mut Vec<u8>, kind: Kind) {
    let begun = HEADER + kind.question;
    let opt = out.len().saturating_sub(kind.opt);
    if begun > opt {
        return;
    }
    out.copy_within(opt.., begun);
    out.truncate(begun + kind.opt);
    out[2] |= TC;
    let additional = u16::from(kind.opt > 0);
    count(
        out,
        Counts {
            additional,
            ..Counts::default()
        },
    );
}
