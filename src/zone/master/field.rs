//! The fields that RDATA is made of, each between text and wire.

use super::name::{parse_name, parse_ttl, plain, present_name, quoted};
use super::rdata::{record_type, type_text};
use super::token::Token;
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use hickory_proto::rr::{Name, RecordType};
use std::net::{Ipv4Addr, Ipv6Addr};

/// One field of RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    U8,
    U16,
    U32,
    /// Seconds, with units allowed in text.
    Ttl,
    V4,
    V6,
    Name,
    /// A character string of up to 255 octets.
    Text,
    /// One of letters and digits, never quoted (RFC 8659 4.1).
    Tag,
    /// One or more character strings, to the end.
    Texts,
    /// A string without a length, to the end (RFC 8659 4.1).
    Rest,
    /// To the end.
    Hex,
    /// To the end.
    Base64,
    /// A record type.
    Type,
    /// A bitmap of record types, to the end (RFC 4034 4.1.2).
    Types,
    /// A time of RRSIG (RFC 4034 3.2).
    Time,
}

use Field::{
    Base64, Hex, Name as Owner, Rest, Tag, Text, Texts, Time, Ttl, Type, Types, U8, U16, U32, V4,
    V6,
};

/// The wire form of a record's values.
pub(super) fn from_text(
    fields: &[Field],
    tokens: &[Token],
    origin: &Name,
) -> Result<Vec<u8>, String> {
    let mut wire = Vec::new();
    let mut tokens = tokens;
    for field in fields {
        let Some((token, rest)) = tokens.split_first() else {
            if *field == Types {
                continue;
            }
            return Err("a value is missing".to_owned());
        };
        let all = tokens;
        tokens = rest;
        if matches!(field, Texts | Hex | Base64 | Types) {
            to_the_end(*field, all, &mut wire)?;
            tokens = &[];
        } else {
            one(*field, token, origin, &mut wire)?;
        }
    }
    match tokens.first() {
        Some(token) => Err(format!("{:?} is one value too many", token.text)),
        None => Ok(wire),
    }
}

fn one(field: Field, token: &Token, origin: &Name, wire: &mut Vec<u8>) -> Result<(), String> {
    let text = token.text.as_str();
    let wrong = |what: &str| format!("{text:?} is not {what}");
    match field {
        U8 => wire.push(text.parse().map_err(|_| wrong("a number up to 255"))?),
        U16 => {
            let number: u16 = text.parse().map_err(|_| wrong("a number up to 65535"))?;
            wire.extend(number.to_be_bytes());
        }
        U32 => {
            let number: u32 = text
                .parse()
                .map_err(|_| wrong("a number up to 4294967295"))?;
            wire.extend(number.to_be_bytes());
        }
        Ttl => {
            let seconds = parse_ttl(text).ok_or_else(|| wrong("a time like 3600 or 1h"))?;
            wire.extend(seconds.to_be_bytes());
        }
        V4 => {
            let address: Ipv4Addr = text.parse().map_err(|_| wrong("an IPv4 address"))?;
            wire.extend(address.octets());
        }
        V6 => {
            let address: Ipv6Addr = text.parse().map_err(|_| wrong("an IPv6 address"))?;
            wire.extend(address.octets());
        }
        Owner => {
            for label in parse_name(text, origin)?.iter() {
                string(label, wire)?;
            }
            wire.push(0);
        }
        Text => string(&plain(text)?, wire)?,
        Tag if !text.bytes().all(|octet| octet.is_ascii_alphanumeric()) => {
            return Err(wrong("of letters and digits"));
        }
        Tag => string(text.as_bytes(), wire)?,
        Rest => wire.extend(plain(text)?),
        Type => {
            let covered = record_type(text).ok_or_else(|| wrong("a record type"))?;
            wire.extend(u16::from(covered).to_be_bytes());
        }
        Time => wire.extend(time(text).ok_or_else(|| wrong("a time"))?.to_be_bytes()),
        Texts | Hex | Base64 | Types => {}
    }
    Ok(())
}

fn to_the_end(field: Field, tokens: &[Token], wire: &mut Vec<u8>) -> Result<(), String> {
    let joined = || -> String { tokens.iter().map(|token| token.text.as_str()).collect() };
    match field {
        Texts => {
            for token in tokens {
                string(&plain(&token.text)?, wire)?;
            }
        }
        Hex => wire.extend(
            HEXLOWER_PERMISSIVE
                .decode(joined().as_bytes())
                .map_err(|_| "hexadecimal digits expected".to_owned())?,
        ),
        Base64 => wire.extend(
            BASE64_NOPAD
                .decode(joined().trim_end_matches('=').as_bytes())
                .map_err(|_| "base 64 expected".to_owned())?,
        ),
        Types => wire.extend(bitmap(tokens)?),
        _ => {}
    }
    Ok(())
}

fn string(octets: &[u8], wire: &mut Vec<u8>) -> Result<(), String> {
    let length = u8::try_from(octets.len()).map_err(|_| "a string is longer than 255 octets")?;
    wire.push(length);
    wire.extend(octets);
    Ok(())
}

/// `YYYYMMDDHHmmSS` or seconds since 1970, as RRSIG has it.
fn time(text: &str) -> Option<u32> {
    if text.len() != 14 {
        return text.parse().ok();
    }
    let parsed = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    let second = parsed.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    u32::try_from(second.as_second()).ok()
}

fn bitmap(tokens: &[Token]) -> Result<Vec<u8>, String> {
    let mut codes = Vec::new();
    for token in tokens {
        let wrong = || format!("{:?} is not a record type", token.text);
        codes.push(u16::from(record_type(&token.text).ok_or_else(wrong)?));
    }
    codes.sort_unstable();
    let mut wire = Vec::new();
    for window in codes.chunk_by(|a, b| a >> 8 == b >> 8) {
        let mut bits = [0u8; 32];
        let mut used = 0;
        for code in window {
            let [_, low] = code.to_be_bytes();
            let place = usize::from(low / 8);
            bits[place] |= 0x80 >> (low % 8);
            used = place + 1;
        }
        wire.push(window[0].to_be_bytes()[0]);
        string(&bits[..used], &mut wire)?;
    }
    Ok(wire)
}

/// Takes the wire apart; `None` when it does not fit the fields.
pub(super) fn to_text(fields: &[Field], wire: &[u8]) -> Option<String> {
    let mut rest = wire;
    let mut parts = Vec::new();
    for field in fields {
        parts.push(match field {
            U8 => take(&mut rest, 1)?[0].to_string(),
            U16 => number(&mut rest, 2)?.to_string(),
            U32 | Ttl => number(&mut rest, 4)?.to_string(),
            V4 => Ipv4Addr::from(<[u8; 4]>::try_from(take(&mut rest, 4)?).ok()?).to_string(),
            V6 => Ipv6Addr::from(<[u8; 16]>::try_from(take(&mut rest, 16)?).ok()?).to_string(),
            Owner => name(&mut rest)?,
            Text => quoted(counted(&mut rest)?),
            Tag => tag(counted(&mut rest)?)?,
            Texts => {
                let mut texts = vec![quoted(counted(&mut rest)?)];
                while !rest.is_empty() {
                    texts.push(quoted(counted(&mut rest)?));
                }
                texts.join(" ")
            }
            Rest => quoted(std::mem::take(&mut rest)),
            Hex => HEXLOWER.encode(std::mem::take(&mut rest)),
            Base64 => BASE64.encode(std::mem::take(&mut rest)),
            Type => type_name(number(&mut rest, 2)?),
            Types => types(&mut rest)?,
            Time => {
                let second = number(&mut rest, 4)?;
                let time = jiff::Timestamp::from_second(i64::from(second)).ok()?;
                time.strftime("%Y%m%d%H%M%S").to_string()
            }
        });
    }
    parts.retain(|part| !part.is_empty());
    rest.is_empty().then(|| parts.join(" "))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn number(rest: &mut &[u8], length: usize) -> Option<u32> {
    let octets = take(rest, length)?;
    Some(
        octets
            .iter()
            .fold(0, |sum, octet| sum << 8 | u32::from(*octet)),
    )
}

fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(rest, 1)?[0];
    take(rest, usize::from(length))
}

fn tag(octets: &[u8]) -> Option<String> {
    let plain = !octets.is_empty() && octets.iter().all(u8::is_ascii_alphanumeric);
    plain.then(|| octets.iter().copied().map(char::from).collect())
}

fn name(rest: &mut &[u8]) -> Option<String> {
    let mut labels = Vec::new();
    loop {
        match counted(rest)? {
            [] => break,
            label => labels.push(label),
        }
    }
    Name::from_labels(labels)
        .ok()
        .map(|name| present_name(&name))
}

fn type_name(code: u32) -> String {
    u16::try_from(code)
        .map(|code| type_text(RecordType::from(code)))
        .unwrap_or_default()
}

fn types(rest: &mut &[u8]) -> Option<String> {
    let mut names = Vec::new();
    while !rest.is_empty() {
        let window = u32::from(take(rest, 1)?[0]);
        for (place, bits) in (0u32..).zip(counted(rest)?) {
            for bit in (0..8).filter(|bit| bits & (0x80 >> bit) != 0) {
                names.push(type_name(window << 8 | (place * 8 + bit)));
            }
        }
    }
    Some(names.join(" "))
}
