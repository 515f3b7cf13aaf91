//! RDATA between its presentation format and the wire, by a table of fields that serves both directions.
//!
//! hickory-proto's reader is not used: it misreads `\DDD` and quoted strings in parentheses, and knows no RRSIG.

use super::field::{
    Field,
    Field::{
        Base64, Hex, Name as Owner, Rest, Tag, Text, Texts, Time, Ttl, Type, Types, U8, U16, U32,
        V4, V6,
    },
    from_text, to_text,
};
use super::token::Token;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{
    BinDecoder, BinEncodable as _, BinEncoder, NameEncoding, Restrict,
};
use std::str::FromStr;

/// The fields of the types that have a presentation format here; others are written as in RFC 3597.
const fn fields(record_type: RecordType) -> Option<&'static [Field]> {
    Some(match record_type {
        RecordType::A => &[V4],
        RecordType::AAAA => &[V6],
        RecordType::NS | RecordType::CNAME | RecordType::PTR => &[Owner],
        RecordType::SOA => &[Owner, Owner, U32, Ttl, Ttl, Ttl, Ttl],
        RecordType::MX => &[U16, Owner],
        RecordType::SRV => &[U16, U16, U16, Owner],
        RecordType::TXT => &[Texts],
        RecordType::HINFO => &[Text, Text],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, Owner],
        RecordType::CAA => &[U8, Tag, Rest],
        RecordType::TLSA | RecordType::SMIMEA => &[U8, U8, U8, Hex],
        RecordType::SSHFP => &[U8, U8, Hex],
        RecordType::OPENPGPKEY => &[Base64],
        RecordType::DS | RecordType::CDS => &[U16, U8, U8, Hex],
        RecordType::DNSKEY | RecordType::CDNSKEY => &[U16, U8, U8, Base64],
        RecordType::RRSIG => &[Type, U8, U8, U32, Time, Time, U16, Owner, Base64],
        RecordType::NSEC => &[Owner, Types],
        _ => return None,
    })
}

/// The type of this name, in any case, `TYPE123` included.
pub(super) fn record_type(text: &str) -> Option<RecordType> {
    let upper = text.to_ascii_uppercase();
    if let Some(number) = upper.strip_prefix("TYPE") {
        return number.parse::<u16>().ok().map(RecordType::from);
    }
    RecordType::from_str(&upper).ok()
}

/// The name of a type, `TYPE123` where it has none.
pub(super) fn type_text(record_type: RecordType) -> String {
    match record_type {
        RecordType::Unknown(code) => format!("TYPE{code}"),
        known => known.to_string(),
    }
}

/// Reads RDATA; relative names are completed with the origin.
pub(super) fn parse(
    record_type: RecordType,
    tokens: &[Token],
    origin: &Name,
) -> Result<RData, String> {
    let wire = match tokens {
        [first, rest @ ..] if !first.quoted && first.text == "\\#" => generic(rest)?,
        _ => {
            let fields = fields(record_type).ok_or_else(|| {
                let record_type = type_text(record_type);
                format!("{record_type} has no text form here; write \\# LENGTH HEX (RFC 3597)")
            })?;
            from_text(fields, tokens, origin)
                .map_err(|error| format!("{}: {error}", type_text(record_type)))?
        }
    };
    decode(record_type, &wire)
}

/// The value of RDATA in wire form.
pub(in crate::zone) fn decode(record_type: RecordType, wire: &[u8]) -> Result<RData, String> {
    let length = u16::try_from(wire.len()).map_err(|_| "longer than 65535 octets".to_owned())?;
    let mut decoder = BinDecoder::new(wire);
    let data = RData::read(&mut decoder, record_type, Restrict::new(length))
        .map_err(|error| format!("{}: {error}", type_text(record_type)))?;
    match encode(&data) {
        Some(again) if again == wire => Ok(data),
        _ => Err(format!(
            "{}: the data is not well formed",
            type_text(record_type)
        )),
    }
}

/// RDATA in wire form, without compression.
pub(super) fn encode(data: &RData) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    let mut encoder = BinEncoder::new(&mut wire);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(wire)
}

/// RDATA as text.
pub(super) fn present(data: &RData) -> String {
    let wire = encode(data).unwrap_or_default();
    fields(data.record_type())
        .and_then(|fields| to_text(fields, &wire))
        .unwrap_or_else(|| {
            let hex = HEXLOWER.encode(&wire);
            format!("\\# {} {hex}", wire.len()).trim_end().to_owned()
        })
}

fn generic(tokens: &[Token]) -> Result<Vec<u8>, String> {
    let [length, digits @ ..] = tokens else {
        return Err("\\# takes a length and hexadecimal digits".to_owned());
    };
    let digits: String = digits.iter().map(|token| token.text.as_str()).collect();
    let wire = HEXLOWER_PERMISSIVE
        .decode(digits.as_bytes())
        .map_err(|_| "hexadecimal digits expected behind \\#".to_owned())?;
    if length.text.parse() != Ok(wire.len()) {
        return Err(format!("\\# {} but {} octets", length.text, wire.len()));
    }
    Ok(wire)
}
