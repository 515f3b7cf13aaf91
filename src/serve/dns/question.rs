//! What a query asks, read without allocating (RFC 1035 4.1, RFC 6891).

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

/// What the OPT record of a query says (RFC 6891 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edns {
    /// The version; only 0 is known.
    pub(super) version: u8,
    /// The DNSSEC OK bit.
    pub(super) dnssec_ok: bool,
    /// Octets of a UDP answer that the client takes.
    pub(super) payload: u16,
}

/// A whole question, its name apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Octets of the name in the message.
    pub(super) name: usize,
    /// The type asked for.
    pub(super) rtype: u16,
    /// The class asked for.
    pub(super) class: u16,
    /// The OPT record.
    pub(super) edns: Option<Edns>,
    /// Whether there is a TSIG or SIG(0) record.
    pub(super) signed: bool,
}

impl Question {
    /// Reads the question behind the header, its name into `name`. `None` when the message is malformed: anything but
    /// one question, records before the additional section (except in an IXFR query), an OPT that is not alone
    /// or not owned by the root, a cut-off record, or octets behind the end.
    pub(super) fn read(message: &[u8], name: &mut QueryName) -> Option<Self> {
        let counts = message.get(4..HEADER)?;
        let count = |at: usize| u16::from_be_bytes([counts[at], counts[at + 1]]);
        let length = name.read(message.get(HEADER..)?)?;
        let mut reader = Reader {
            rest: message.get(HEADER + length..)?,
        };
        let mut question = Self {
            name: length,
            rtype: reader.u16()?,
            class: reader.u16()?,
            edns: None,
            signed: false,
        };
        let serials = u16::from(question.rtype == u16::from(RecordType::IXFR));
        if count(0) != 1 || count(2) != 0 || count(4) > serials {
            return None;
        }
        for _ in 0..count(4) {
            reader.record()?;
        }
        for _ in 0..count(6) {
            let record = reader.record()?;
            match RecordType::from(record.rtype) {
                RecordType::OPT if record.at_root && question.edns.is_none() => {
                    question.edns = Some(record.edns());
                }
                RecordType::OPT => return None,
                RecordType::TSIG | RecordType::SIG => question.signed = true,
                _ => {}
            }
        }
        reader.rest.is_empty().then_some(question)
    }

    /// Whether DNSSEC records are wanted.
    pub(super) fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

struct Record {
    at_root: bool,
    rtype: u16,
    class: u16,
    ttl: [u8; 4],
}

impl Record {
    const fn edns(&self) -> Edns {
        let [_, version, flags, _] = self.ttl;
        Edns {
            version,
            dnssec_ok: flags & 0x80 != 0,
            payload: self.class,
        }
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

    fn record(&mut self) -> Option<Record> {
        let at_root = self.skip_name()?;
        let record = Record {
            at_root,
            rtype: self.u16()?,
            class: self.u16()?,
            ttl: *self.take(4)?.first_chunk()?,
        };
        let length = self.u16()?;
        self.take(usize::from(length))?;
        Some(record)
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
    fn signed_and_incremental_queries_are_known_as_such() {
        let tsig = b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\0";
        let mut name = QueryName::default();
        let found = Question::read(&message([1, 0, 0, 1], &[ASK, tsig]), &mut name);
        assert!(found.unwrap().signed);
        let ixfr = b"\x02et\x03lab\0\0\xfb\0\x01";
        let soa = b"\xc0\x0c\0\x06\0\x01\0\0\0\0\0\0";
        let found = Question::read(&message([1, 0, 1, 0], &[ixfr, soa]), &mut name);
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
