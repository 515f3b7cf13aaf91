//! The ClientHello as it came on the wire (RFC 8446 4.1.2): rustls tells neither the versions offered nor the SNI as it
//! was written, and nothing at all of clients that offer TLS 1.1 at most. Pure.

use super::session::Offer;
use crate::base::ClientHello;
use tls_parser::{
    TlsClientHelloContents, TlsExtension, parse_tls_client_hello_extension,
    parse_tls_handshake_client_hello,
};

const HANDSHAKE_RECORD: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// Reads the ClientHello at the start of a TLS stream, over as many records as it takes; `None` when there is none or it
/// is not whole.
#[must_use]
pub fn read(stream: &[u8]) -> Option<Offer> {
    let handshake = reassemble(stream)?;
    let (_, hello) = parse_tls_handshake_client_hello(&handshake).ok()?;
    Some(offer(&hello))
}

/// The newest version that the client offers, in the form of `incompatible:tls1.0`.
#[must_use]
pub fn newest(hello: &ClientHello) -> String {
    match hello.versions.iter().filter(|v| !is_grease(**v)).max() {
        Some(0x0300) => "ssl3.0".to_owned(),
        Some(version @ 0x0301..=0x0304) => format!("tls1.{}", version - 0x0301),
        Some(version) => format!("{version:#06x}"),
        None => "unknown".to_owned(),
    }
}

/// The body of the first handshake message, if it is a ClientHello.
fn reassemble(mut stream: &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if let [kind, a, b, c, body @ ..] = message.as_slice() {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            if *kind != CLIENT_HELLO {
                return None;
            }
            if let Some(body) = body.get(..length) {
                return Some(body.to_vec());
            }
        }
        let [HANDSHAKE_RECORD, _, _, a, b, rest @ ..] = stream else {
            return None;
        };
        let fragment = rest.get(..usize::from(*a) << 8 | usize::from(*b))?;
        message.extend_from_slice(fragment);
        stream = &rest[fragment.len()..];
    }
}

/// Each extension by itself, so that one that cannot be understood hides no other.
fn offer(contents: &TlsClientHelloContents<'_>) -> Offer {
    let mut offer = Offer::default();
    let hello = &mut offer.hello;
    hello.suites = contents.ciphers.iter().map(|suite| suite.0).collect();
    let mut rest = contents.ext.unwrap_or_default();
    while let [_, _, a, b, body @ ..] = rest {
        let length = usize::from(*a) << 8 | usize::from(*b);
        if body.len() < length {
            break;
        }
        let (extension, behind) = rest.split_at(4 + length);
        rest = behind;
        match parse_tls_client_hello_extension(extension) {
            Ok((_, TlsExtension::SNI(names))) => {
                offer.sni = names
                    .first()
                    .map(|(_, name)| String::from_utf8_lossy(name).into_owned());
            }
            Ok((_, TlsExtension::EllipticCurves(groups))) => {
                hello.groups = groups.iter().map(|group| group.0).collect();
            }
            Ok((_, TlsExtension::SignatureAlgorithms(schemes))) => hello.signatures = schemes,
            Ok((_, TlsExtension::SupportedVersions(versions))) => {
                hello.versions = versions.iter().map(|version| version.0).collect();
            }
            _ => {}
        }
    }
    if hello.versions.is_empty() {
        hello.versions = vec![contents.version.0];
    }
    offer
}

/// Values that mean nothing and keep servers from choking on new ones (RFC 8701).
const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello by hand, so that every length is known: `sni`, versions, two suites, one group, one scheme.
    fn message(sni: &[u8], versions: &[u16]) -> Vec<u8> {
        fn sized(body: Vec<u8>) -> Vec<u8> {
            [(body.len() as u16).to_be_bytes().to_vec(), body].concat()
        }
        fn extension(kind: u16, body: Vec<u8>) -> Vec<u8> {
            [kind.to_be_bytes().to_vec(), sized(body)].concat()
        }
        let versions: Vec<u8> = versions.iter().flat_map(|v| v.to_be_bytes()).collect();
        let mut extensions = extension(0x0a0a, vec![]);
        extensions.extend(extension(0, sized([vec![0], sized(sni.to_vec())].concat())));
        extensions.extend(extension(10, sized(vec![0, 29])));
        extensions.extend(extension(13, sized(vec![4, 3])));
        extensions.extend(extension(1, vec![]));
        if !versions.is_empty() {
            extensions.extend(extension(
                43,
                [vec![versions.len() as u8], versions].concat(),
            ));
        }
        let mut body = vec![3, 1];
        body.extend([7; 32]);
        body.push(0);
        body.extend([0, 4, 0x13, 1, 0xc0, 0x2b, 1, 0]);
        body.extend(sized(extensions));
        [vec![1, 0], sized(body)].concat()
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        message
            .chunks(size)
            .flat_map(|piece| {
                let length = (piece.len() as u16).to_be_bytes();
                [&[22, 3, 1], &length[..], piece].concat()
            })
            .collect()
    }

    #[test]
    fn the_hello_is_read_over_any_number_of_records() {
        let message = message(b"MX03.et.example.org.", &[0x3a3a, 0x0304, 0x0303]);
        for size in 1..=message.len() {
            let stream = records(&message, size);
            let offer = read(&stream).unwrap();
            assert_eq!(offer.sni.as_deref(), Some("MX03.et.example.org."));
            assert_eq!(offer.hello.versions, [0x3a3a, 0x0304, 0x0303]);
            assert_eq!(offer.hello.suites, [0x1301, 0xc02b]);
            assert_eq!(offer.hello.groups, [29]);
            assert_eq!(offer.hello.signatures, [0x0403]);
            assert_eq!(newest(&offer.hello), "tls1.3");
        }
    }

    #[test]
    fn the_newest_version_is_the_legacy_one_without_a_list() {
        let offer = read(&records(&message(b"x", &[]), 9)).unwrap();
        assert_eq!(newest(&offer.hello), "tls1.0");
        assert_eq!(newest(&ClientHello::default()), "unknown");
    }

    #[test]
    fn anything_else_is_no_hello() {
        let whole = records(&message(b"x", &[]), 9);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
        for stream in [
            &b"NOOP\r\n"[..],
            &[22, 3, 1, 0, 4, 2, 0, 0, 0],
            &[22, 3, 1, 0, 0],
        ] {
            assert_eq!(read(stream), None, "{stream:?}");
        }
    }
}
