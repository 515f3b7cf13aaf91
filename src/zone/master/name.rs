//! Names, times and character strings as text (RFC 1035 5.1).

use hickory_proto::rr::Name;
use std::fmt::Write as _;

/// A name's text, absolute.
pub(super) fn present_name(name: &Name) -> String {
    let mut text = String::new();
    for label in name.iter() {
        for &octet in label {
            match octet {
                b'.' | b';' | b'(' | b')' | b'@' | b'"' | b'\\' | b'$' => {
                    text.push('\\');
                    text.push(char::from(octet));
                }
                0x21..=0x7e => text.push(char::from(octet)),
                _ => {
                    let _ = write!(text, "\\{octet:03}");
                }
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

/// A name from its text (RFC 1035 5.1).
pub(super) fn parse_name(text: &str, origin: &Name) -> Result<Name, String> {
    let wrong = |why: &str| format!("{text:?} is not a name: {why}");
    match text {
        "@" => return Ok(origin.clone()),
        "." => return Ok(Name::root()),
        _ => {}
    }
    let mut labels = vec![Vec::new()];
    for (octet, escaped) in octets(text).map_err(|why| wrong(&why))? {
        if octet == b'.' && !escaped {
            labels.push(Vec::new());
        } else if let Some(label) = labels.last_mut() {
            label.push(octet);
        }
    }
    let absolute = labels.last().is_some_and(Vec::is_empty);
    if absolute {
        labels.pop();
    } else {
        labels.extend(origin.iter().map(<[u8]>::to_vec));
    }
    if labels.iter().any(Vec::is_empty) {
        return Err(wrong("a label is empty"));
    }
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice))
        .map_err(|error| wrong(&error.to_string()))?;
    name.set_fqdn(true);
    Ok(name)
}

/// Seconds, as a number or with the units s, m, h, d, w; at most 2^31-1 (RFC 2181 8).
pub(super) fn parse_ttl(text: &str) -> Option<u32> {
    let mut total: u64 = 0;
    let mut number: Option<u64> = None;
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            number = Some(number.unwrap_or(0) * 10 + u64::from(digit));
        } else {
            let unit = match character.to_ascii_lowercase() {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return None,
            };
            total += number.take()? * unit;
        }
        if total + number.unwrap_or(0) > i32::MAX as u64 {
            return None;
        }
    }
    if text.is_empty() {
        return None;
    }
    u32::try_from(total + number.unwrap_or(0)).ok()
}

/// The octets of a text, each with whether it was escaped (RFC 1035 5.1).
fn octets(text: &str) -> Result<Vec<(u8, bool)>, String> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'\\' {
            octets.push((octet, false));
            continue;
        }
        let first = rest.next().ok_or("nothing behind the last \\")?;
        if !first.is_ascii_digit() {
            octets.push((first, true));
            continue;
        }
        let digits = [Some(first), rest.next(), rest.next()];
        let value = digits.iter().try_fold(0u16, |value, digit| {
            let digit = digit.filter(u8::is_ascii_digit)?;
            Some(value * 10 + u16::from(digit - b'0'))
        });
        let value = value.and_then(|value| u8::try_from(value).ok());
        octets.push((value.ok_or("\\ takes three digits, 000 to 255")?, true));
    }
    Ok(octets)
}

/// The octets of a character string.
pub(super) fn plain(text: &str) -> Result<Vec<u8>, String> {
    Ok(octets(text)?.into_iter().map(|(octet, _)| octet).collect())
}

/// A character string in quotes.
pub(super) fn quoted(octets: &[u8]) -> String {
    let mut text = String::from("\"");
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            0x20..=0x7e => text.push(char::from(octet)),
            _ => {
                let _ = write!(text, "\\{octet:03}");
            }
        }
    }
    text.push('"');
    text
}
