//! Master files (RFC 1035 5): the operator's are read, and every zone is written, signed or not.
//!
//! Reading is strict: whatever is not understood is an error that names file and line. Other files are never
//! included, and nothing is written to a disk here.

mod field;
mod name;
pub(in crate::zone) mod rdata;
mod token;

use crate::base::limits;
use hickory_proto::rr::{Name, Record, RecordType};
use std::fmt;
use std::fmt::Write as _;
use token::{Line, Token, lines};

/// What is wrong with a master file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterError {
    /// The file's name, as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub what: String,
}

impl MasterError {
    pub(in crate::zone) fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for MasterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for MasterError {}

/// A record with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its first line, from 1.
    pub line: usize,
    /// The record; its name is fully qualified and within the zone.
    pub record: Record,
    /// Whether a TTL was stated, on the line, a line before or with `$TTL`; else it is the default.
    pub ttl_stated: bool,
}

/// Reads a master file.
///
/// `file` is named in errors, `origin` is the zone's apex and the first origin of relative names, `ttl` holds where
/// none was stated.
///
/// # Errors
/// When the text is too long, or something in it is not understood, not allowed, or outside the zone.
pub fn read(file: &str, text: &str, origin: &Name, ttl: u32) -> Result<Vec<Entry>, MasterError> {
    if text.len() as u64 > limits::ZONE_FILE {
        let what = format!("longer than {} octets", limits::ZONE_FILE);
        return Err(MasterError::new(file, 1, what));
    }
    let mut reader = Reader {
        apex: origin,
        origin: origin.clone(),
        owner: None,
        default: None,
        last: None,
        ttl,
    };
    let mut entries = Vec::new();
    for line in lines(file, text)? {
        let read = reader.line(&line);
        entries.extend(read.map_err(|what| MasterError::new(file, line.number, what))?);
    }
    Ok(entries)
}

struct Reader<'a> {
    apex: &'a Name,
    origin: Name,
    /// The owner last stated.
    owner: Option<Name>,
    /// `$TTL` (RFC 2308 4).
    default: Option<u32>,
    /// The TTL last stated on a record (RFC 1035 5.1).
    last: Option<u32>,
    ttl: u32,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line) -> Result<Option<Entry>, String> {
        let mut tokens = &line.tokens[..];
        if !line.indented {
            let Some((first, rest)) = tokens.split_first() else {
                return Ok(None);
            };
            if first.text.starts_with('$') && !first.quoted {
                return self.directive(first, rest).map(|()| None);
            }
            self.owner = Some(name::parse_name(&first.text, &self.origin)?);
            tokens = rest;
        }
        let owner = self.owner.clone().ok_or("the first record has no name")?;
        if !self.apex.zone_of(&owner) {
            return Err(format!("{owner} is not in the zone {}", self.apex));
        }
        let mut stated = None;
        let mut class = false;
        let record_type = loop {
            let (token, rest) = tokens
                .split_first()
                .ok_or("a record needs a type and a value")?;
            tokens = rest;
            match token.text.to_ascii_uppercase().as_str() {
                "IN" if !class => class = true,
                "CH" | "HS" | "CS" if !class => return Err("the class must be IN".to_owned()),
                text if stated.is_none() && text.starts_with(|c: char| c.is_ascii_digit()) => {
                    stated = Some(seconds(&token.text)?);
                }
                text => {
                    let unknown = || format!("{text:?} is not a record type");
                    break rdata::record_type(text).ok_or_else(unknown)?;
                }
            }
        };
        let data = rdata::parse(record_type, tokens, &self.origin)?;
        let ttl = stated.or(self.default).or(self.last);
        self.last = stated.or(self.last);
        Ok(Some(Entry {
            line: line.number,
            record: Record::from_rdata(owner, ttl.unwrap_or(self.ttl), data),
            ttl_stated: ttl.is_some(),
        }))
    }

    fn directive(&mut self, first: &Token, rest: &[Token]) -> Result<(), String> {
        let name = first.text.to_ascii_uppercase();
        match (name.as_str(), rest) {
            ("$ORIGIN", [value]) => self.origin = name::parse_name(&value.text, &self.origin)?,
            ("$TTL", [value]) => self.default = Some(seconds(&value.text)?),
            ("$ORIGIN" | "$TTL", _) => return Err(format!("{name} takes one value")),
            _ => return Err(format!("{name} is not allowed; only $ORIGIN and $TTL are")),
        }
        Ok(())
    }
}

fn seconds(text: &str) -> Result<u32, String> {
    name::parse_ttl(text)
        .ok_or_else(|| format!("{text:?} is not a TTL: a number up to 2147483647, or like 1h30m"))
}

/// Writes records as a master file, in canonical order (RFC 4034 6) but for the SOA, which comes first; one record a
/// line, every name absolute. [`read`] gives the same records back.
#[must_use]
pub fn write<'a>(records: impl IntoIterator<Item = &'a Record>) -> String {
    let mut sorted: Vec<(&Record, Vec<u8>)> = records
        .into_iter()
        .map(|record| (record, rdata::encode(&record.data).unwrap_or_default()))
        .collect();
    sorted.sort_by(|(a, a_data), (b, b_data)| {
        let key = |record: &Record| record.record_type() != RecordType::SOA;
        let code = |record: &Record| u16::from(record.record_type());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| code(a).cmp(&code(b)))
            .then_with(|| a_data.cmp(b_data))
    });
    let mut text = String::new();
    for (record, _) in sorted {
        let _ = writeln!(
            text,
            "{} {} IN {} {}",
            name::present_name(&record.name),
            record.ttl,
            rdata::type_text(record.record_type()),
            rdata::present(&record.data)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Name {
        Name::from_ascii("et.example.org.").unwrap()
    }

    fn texts(file: &str) -> Result<Vec<String>, String> {
        let entries = read("et.zone", file, &origin(), 300).map_err(|error| error.to_string())?;
        Ok(entries
            .iter()
            .map(|entry| format!("{}: {}", entry.line, write([&entry.record]).trim_end()))
            .collect())
    }

    #[test]
    fn the_forms_of_rfc_1035_are_read() {
        let file = "; a comment
@ 1h IN NS ns1 ; with a comment
  NS ns2.example.net.
$TTL 2m
www A 192.0.2.1
    IN 60 AAAA 2001:db8::1

$ORIGIN sub
host.with\\.dot TXT ( \"one; not a comment\" ; a comment
   two \"\" \"\\\"\\065\\000\" )
@ 5 IN MX 10 @
. 5 IN MX 10 .
";
        let out = texts(file).unwrap_err();
        assert_eq!(out, "et.zone:12: . is not in the zone et.example.org.");
        let read = texts(&file.replace("\n. 5", "\n@ 5")).unwrap();
        assert_eq!(
            read,
            [
                "2: et.example.org. 3600 IN NS ns1.et.example.org.",
                "3: et.example.org. 3600 IN NS ns2.example.net.",
                "5: www.et.example.org. 120 IN A 192.0.2.1",
                "6: www.et.example.org. 60 IN AAAA 2001:db8::1",
                "9: host.with\\.dot.sub.et.example.org. 120 IN TXT \"one; not a comment\" \"two\" \"\" \"\\\"A\\000\"",
                "11: sub.et.example.org. 5 IN MX 10 sub.et.example.org.",
                "12: sub.et.example.org. 5 IN MX 10 .",
            ]
        );
    }

    #[test]
    fn a_ttl_is_the_stated_one_then_dollar_ttl_then_the_last_then_the_default() {
        for (file, ttl, stated) in [
            ("a A 192.0.2.1", 300, false),
            ("b 7 A 192.0.2.1\na A 192.0.2.1", 7, true),
            ("$TTL 9\nb 7 A 192.0.2.1\na A 192.0.2.1", 9, true),
            ("$TTL 9\na IN 7 A 192.0.2.1", 7, true),
            ("a 1w2d3h4m5 IN A 192.0.2.1", 788_645, true),
        ] {
            let entries = read("et.zone", file, &origin(), 300).unwrap();
            let last = entries.last().unwrap();
            assert_eq!((last.record.ttl, last.ttl_stated), (ttl, stated), "{file}");
        }
    }

    #[test]
    fn every_type_reads_back_as_it_was_written() {
        for text in [
            "SOA ns1.et.example.org. postmaster.et.example.org. 1 3600 600 604800 60",
            "A 192.0.2.1",
            "CNAME a.example.net.",
            "SRV 0 5 443 host.et.example.org.",
            "NAPTR 100 50 \"s\" \"z3950+n2l+n2c\" \"\" _z3950._tcp.example.org.",
            "HINFO \"a b\" \"c\"",
            "CAA 0 issue \"letsencrypt.org; validationmethods=dns-01\"",
            "CAA 128 tbs \"Unknown\"",
            "TLSA 3 1 1 0101010101010101010101010101010101010101010101010101010101010101",
            "SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
            "OPENPGPKEY AQMFgA==",
            "DS 60485 13 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a",
            "CDS 60485 13 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a",
            "DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            "CDNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            "RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
            "NSEC host.et.example.org. A MX RRSIG NSEC TYPE1234",
            "TYPE1234 \\# 4 0a000001",
            "TYPE1234 \\# 0",
        ] {
            let line = format!("x.et.example.org. 300 IN {text}");
            let entries = read("et.zone", &line, &origin(), 1).unwrap();
            let records: Vec<&Record> = entries.iter().map(|entry| &entry.record).collect();
            assert_eq!(write(records), format!("{line}\n"));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (file, error) in [
            (
                "\n$INCLUDE other",
                "2: $INCLUDE is not allowed; only $ORIGIN and $TTL are",
            ),
            (
                "$TTL x",
                "1: \"x\" is not a TTL: a number up to 2147483647, or like 1h30m",
            ),
            ("$ORIGIN a b", "1: $ORIGIN takes one value"),
            ("  A 192.0.2.1", "1: the first record has no name"),
            ("a", "1: a record needs a type and a value"),
            ("a A", "1: A: a value is missing"),
            (
                "a A 192.0.2.256",
                "1: A: \"192.0.2.256\" is not an IPv4 address",
            ),
            ("a A 192.0.2.1 x", "1: A: \"x\" is one value too many"),
            ("a CH TXT x", "1: the class must be IN"),
            ("a WHAT x", "1: \"WHAT\" is not a record type"),
            ("\na TXT (\n x", "2: the parenthesis is never closed"),
            ("a TXT )", "1: the parenthesis was never opened"),
            ("a TXT \"x", "1: the quote is never closed on its line"),
            (
                "a TXT ä",
                "1: only printable ASCII is allowed here; others as \\DDD",
            ),
            ("a TXT \\256", "1: TXT: \\ takes three digits, 000 to 255"),
            (
                "a..b A 192.0.2.1",
                "1: \"a..b\" is not a name: a label is empty",
            ),
            (
                "a MX 70000 b",
                "1: MX: \"70000\" is not a number up to 65535",
            ),
            ("a TYPE1234 \\# 3 0102", "1: \\# 3 but 2 octets"),
            (
                "a TYPE1234 x",
                "1: TYPE1234 has no text form here; write \\# LENGTH HEX (RFC 3597)",
            ),
            ("a A \\# 3 010203", "1: A: unexpected end of input reached"),
            (
                "a.example.net. A 192.0.2.1",
                "1: a.example.net. is not in the zone et.example.org.",
            ),
        ] {
            let told = texts(file).err().unwrap_or_default();
            assert_eq!(told, format!("et.zone:{error}"), "{file}");
        }
        let long = ";".repeat(1024 * 1024 + 1);
        assert!(texts(&long).unwrap_err().contains("longer than"));
    }

    #[test]
    fn no_text_is_read_otherwise_than_as_records_or_an_error() {
        let file = "$TTL 1h\n@ TXT ( \"a\\\"b\" \\065 ; c\n d )\n  MX 10 a.b\nx TYPE9 \\# 1 00\nx NSEC a A TYPE1\n";
        let mut texts = vec![file.to_owned()];
        for place in 0..file.len() {
            for other in [
                " ", "\n", "\"", "(", ")", "\\", ";", "$", "@", ".", "9", "\u{e9}", "",
            ] {
                texts.push(format!("{}{other}{}", &file[..place], &file[place + 1..]));
            }
        }
        let mut understood = 0;
        for text in texts {
            let Ok(entries) = read("et.zone", &text, &origin(), 300) else {
                continue;
            };
            understood += 1;
            let written = write(entries.iter().map(|entry| &entry.record));
            let again = read("et.zone", &written, &origin(), 1).unwrap();
            let again = write(again.iter().map(|entry| &entry.record));
            assert_eq!(written, again, "{text}");
        }
        assert!(understood > 100, "{understood}");
    }

    #[test]
    fn the_soa_is_written_first_and_the_rest_in_canonical_order() {
        let file = "b A 192.0.2.2\nb A 192.0.2.1\nB.a A 192.0.2.1\n@ TXT x\n@ SOA a b 1 2 3 4 5";
        let entries = read("et.zone", file, &origin(), 300).unwrap();
        let text = write(entries.iter().map(|entry| &entry.record));
        let order: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split(".et.example.org. 300").next())
            .collect();
        let first = |line: &str| line.split(' ').nth(3).unwrap().to_owned();
        let types: Vec<String> = text.lines().map(first).collect();
        assert_eq!(types, ["SOA", "TXT", "A", "A", "A"]);
        assert_eq!(order[2..], ["B.a", "b", "b"]);
        assert!(text.find("192.0.2.1\nb").is_some());
    }
}
