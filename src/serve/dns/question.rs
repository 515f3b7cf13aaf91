//! What a query asks, read without allocating (RFC 1035 4.1, RFC 6891, RFC 5001, RFC 7873).

use crate::sign::QueryName;
use hickory_proto::rr::RecordType;

/// Octets of the header.
pub(super) const HEADER: usize = 12;
const QR: u8 = 0x80;
const OPCODE: u8 = 0x78;
/// The RD and CD bits, in the two octets of flags: the ones that a response repeats.
const REPEATED: [u8; 2] = [0x01, 0x10];

/// The header of a query, without its counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: [u8; 2],
    pub(super) flags: [u8; 2],
}

impl Header {
    /// The header of what may be answered at all: not of less than a header, and not of a response.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let [a, b, c, d, ..] = *message.first_chunk::<HEADER>()?;
        (c & QR == 0).then_some(Self {
            id: [a, b],
            flags: [c, d],
        })
    }

    /// The operation; 0 is a plain question.
    pub(super) const fn opcode(self) -> u8 {
        (self.flags[0] & OPCODE) >> 3
    }

    /// The Checking Disabled bit (RFC 4035 3.2.2).
    pub(super) const fn checking_disabled(self) -> bool {
        self.flags[1] & REPEATED[1] != 0
    }

    /// The flags of a response: the query's opcode, RD and CD, and QR.
    pub(super) const fn response(self) -> [u8; 2] {
        [
            QR | self.flags[0] & (OPCODE | REPEATED[0]),
            self.flags[1] & REPEATED[1],
        ]
    }
}

/// The option that asks for the server's name (RFC 5001).
pub(super) const NSID: u16 = 3;
/// The option with cookies (RFC 7873 4).
pub(super) const COOKIE: u16 = 10;

/// What the OPT record of a query says (RFC 6891 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edns<'m> {
    /// The version; only 0 is known.
    pub(super) version: u8,
    /// The DNSSEC OK bit.
    pub(super) dnssec_ok: bool,
    /// Octets of a UDP answer that the client takes.
    pub(super) payload: u16,
    /// Whether the server's name is asked for.
    pub(super) nsid: bool,
    /// The client's cookie, 8 octets, and behind it the server's as the client has it: none, or 8 to 32 octets.
    pub(super) cookie: Option<&'m [u8]>,
}

/// A whole question, its name apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question<'m> {
    /// Octets of the name in the message; 0 when only a cookie is asked for (RFC 7873 5.4).
    pub(super) name: usize,
    /// The type asked for.
    pub(super) rtype: u16,
    /// The class asked for.
    pub(super) class: u16,
    /// The OPT record.
    pub(super) edns: Option<Edns<'m>>,
    /// Whether there is a TSIG or SIG(0) record.
    pub(super) signed: bool,
}

impl<'m> Question<'m> {
    /// Reads the question behind the header, its name into `name`. `None` when the message is malformed: anything but
    /// one question (or none, with a cookie), records before the additional section (except in an IXFR query), an OPT
    /// that is not alone, not owned by the root or not of whole options, a cookie of a wrong length, a cut-off record,
    /// or octets behind the end.
    pub(super) fn read(message: &'m [u8], name: &mut QueryName) -> Option<Self> {
        let counts = message.get(4..HEADER)?;
        let count = |at: usize| u16::from_be_bytes([counts[at], counts[at + 1]]);
        let mut reader = Reader {
            rest: message.get(HEADER..)?,
        };
        let mut question = Self {
            name: 0,
            rtype: 0,
            class: 0,
            edns: None,
            signed: false,
        };
        if count(0) > 0 {
            question.name = name.read(reader.rest)?;
            reader.take(question.name)?;
            question.rtype = reader.u16()?;
            question.class = reader.u16()?;
        }
        let serials = u16::from(question.rtype == u16::from(RecordType::IXFR));
        if count(0) > 1 || count(2) != 0 || count(4) > serials {
            return None;
        }
        for _ in 0..count(4) {
            reader.record()?;
        }
        for _ in 0..count(6) {
            let record = reader.record()?;
            match RecordType::from(record.rtype) {
                RecordType::OPT if record.at_root && question.edns.is_none() => {
                    question.edns = Some(record.edns()?);
                }
                RecordType::OPT => return None,
                RecordType::TSIG | RecordType::SIG => question.signed = true,
                _ => {}
            }
        }
        let whole = question.name > 0 || question.cookie().is_some();
        (whole && reader.rest.is_empty()).then_some(question)
    }

    /// Whether DNSSEC records are wanted.
    pub(super) fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    /// The cookies.
    pub(super) fn cookie(&self) -> Option<&'m [u8]> {
        self.edns?.cookie
    }
}

struct Record<'m> {
    at_root: bool,
    rtype: u16,
    class: u16,
    ttl: [u8; 4],
    rdata: &'m [u8],
}

impl<'m> Record<'m> {
    /// What an OPT record says. Of several cookies the first one counts (RFC 7873 5.2), other options are ignored.
    fn edns(&self) -> Option<Edns<'m>> {
        let [_, version, flags, _] = self.ttl;
        let mut edns = Edns {
            version,
            dnssec_ok: flags & 0x80 != 0,
            payload: self.class,
            nsid: false,
            cookie: None,
        };
        let mut options = Reader { rest: self.rdata };
        while !options.rest.is_empty() {
            let (code, length) = (options.u16()?, options.u16()?);
            let data = options.take(usize::from(length))?;
            match (code, length) {
                (NSID, _) => edns.nsid = true,
                (COOKIE, 8 | 16..=40) => edns.cookie = edns.cookie.or(Some(data)),
                (COOKIE, _) => return None,
                _ => {}
            }
        }
        Some(edns)
    }
}

struct Reader<'m> {
    rest: &'m [u8],
}

impl<'m> Reader<'m> {
    fn take(&mut self, octets: usize) -> Option<&'m [u8]> {
        let (taken, rest) = self.rest.split_at_checked(octets)?;
        self.rest = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    fn record(&mut self) -> Option<Record<'m>> {
        let at_root = self.skip_name()?;
        let (rtype, class) = (self.u16()?, self.u16()?);
        let ttl = *self.take(4)?.first_chunk()?;
        let length = self.u16()?;
        Some(Record {
            at_root,
            rtype,
            class,
            ttl,
            rdata: self.take(usize::from(length))?,
        })
    }

    /// Skips a name, compressed or not; whether it is the root.
    fn skip_name(&mut self) -> Option<bool> {
        let mut root = true;
        loop {
            match self.take(1)?[0] {
                0 => return Some(root),
                length @ 1..64 => self.take(usize::from(length))?,
                0xc0.. => {
                    self.take(1)?;
                    return Some(false);
                }
                _ => return None,
            };
            root = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with these counts, then the rest.
    fn message(counts: [u8; 4], rest: &[&[u8]]) -> Vec<u8> {
        let mut message = vec![0xab, 0xcd, 0x01, 0x10];
        for count in counts {
            message.extend([0, count]);
        }
        message.extend(rest.concat());
        message
    }

    const ASK: &[u8] = b"\x02Et\x03lab\0\0\x0f\0\x01";
    const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\x80\0\0\0";

    #[test]
    fn questions_are_read_whole_or_refused_as_malformed() {
        let plain = Some((15, None));
        let wants = Some((15, Some(true)));
        for (what, counts, rest, read) in [
            ("plain", [1, 0, 0, 0], &[ASK][..], plain),
            ("with OPT", [1, 0, 0, 1], &[ASK, OPT], wants),
            ("two OPT", [1, 0, 0, 2], &[ASK, OPT, OPT], None),
            (
                "OPT with an owner",
                [1, 0, 0, 1],
                &[ASK, b"\x01a", OPT],
                None,
            ),
            ("OPT cut off", [1, 0, 0, 1], &[ASK, &OPT[..9]], None),
            (
                "options beyond the end",
                [1, 0, 0, 1],
                &[ASK, &OPT[..9], b"\0\x05abc"],
                None,
            ),
            ("octets behind the end", [1, 0, 0, 0], &[ASK, b"x"], None),
            ("no question", [0, 0, 0, 0], &[], None),
            ("two questions", [2, 0, 0, 0], &[ASK, ASK], None),
            (
                "an answer",
                [1, 1, 0, 0],
                &[ASK, b"\xc0\x0c\0\x0f\0\x01\0\0\0\0\0\0"],
                None,
            ),
            ("no type", [1, 0, 0, 0], &[b"\x02et\x03lab\0"], None),
            (
                "a compressed name",
                [1, 0, 0, 0],
                &[b"\xc0\x0c\0\x0f\0\x01"],
                None,
            ),
            ("a record that promises more", [1, 0, 0, 1], &[ASK], None),
        ] {
            let mut name = QueryName::default();
            let found = Question::read(&message(counts, rest), &mut name)
                .map(|found| (found.rtype, found.edns.map(|edns| edns.dnssec_ok)));
            assert_eq!(found, read, "{what}");
        }
    }

    #[test]
    fn options_are_taken_whole_or_make_the_query_malformed() {
        let cookie = |length: u8| [&[0, 10, 0, length][..], &vec![7; length.into()]].concat();
        let nothing = Some((false, None));
        for (what, questions, options, read) in [
            ("none", 1, vec![], nothing),
            ("NSID", 1, vec![0, 3, 0, 0], Some((true, None))),
            ("NSID with data", 1, vec![0, 3, 0, 1, 9], Some((true, None))),
            ("one unknown", 1, vec![0xff, 0xfe, 0, 1, 9], nothing),
            ("a client cookie", 1, cookie(8), Some((false, Some(8)))),
            ("both cookies", 1, cookie(24), Some((false, Some(24)))),
            ("a short one", 1, cookie(7), None),
            ("between client and server", 1, cookie(15), None),
            ("the longest", 1, cookie(40), Some((false, Some(40)))),
            ("a longer one", 1, cookie(41), None),
            (
                "two",
                1,
                [cookie(8), cookie(24)].concat(),
                Some((false, Some(8))),
            ),
            ("cut off", 1, cookie(8)[..11].to_vec(), None),
            ("no length", 1, vec![0, 3, 0], None),
            ("no question", 0, vec![0, 3, 0, 0], None),
            ("a cookie alone", 0, cookie(8), Some((false, Some(8)))),
        ] {
            let length = u16::try_from(options.len()).unwrap().to_be_bytes();
            let ask = if questions > 0 { ASK } else { &[] };
            let query = message([questions, 0, 0, 1], &[ask, &OPT[..9], &length, &options]);
            let found = Question::read(&query, &mut QueryName::default()).map(|found| {
                let edns = found.edns.unwrap();
                (edns.nsid, edns.cookie.map(<[u8]>::len))
            });
            assert_eq!(found, read, "{what}");
        }
    }

    #[test]
    fn signed_and_incremental_queries_are_known_as_such() {
        let tsig = b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\0";
        let mut name = QueryName::default();
        let query = message([1, 0, 0, 1], &[ASK, tsig]);
        let found = Question::read(&query, &mut name);
        assert!(found.unwrap().signed);
        let ixfr = b"\x02et\x03lab\0\0\xfb\0\x01";
        let soa = b"\xc0\x0c\0\x06\0\x01\0\0\0\0\0\0";
        let query = message([1, 0, 1, 0], &[ixfr, soa]);
        let found = Question::read(&query, &mut name);
        assert_eq!(found.unwrap().rtype, 251);
    }

    #[test]
    fn responses_and_stubs_have_no_header_to_answer() {
        let query = message([1, 0, 0, 0], &[ASK]);
        let header = Header::read(&query).unwrap();
        assert_eq!(header.id, [0xab, 0xcd]);
        assert_eq!(header.response(), [0x81, 0x10]);
        assert!(header.checking_disabled());
        assert_eq!(Header::read(&query[..11]), None);
        let mut response = query;
        response[2] |= 0x80;
        assert_eq!(Header::read(&response), None);
    }
}
