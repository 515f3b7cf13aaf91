//! The ClientHello: the same offer however it is cut into records and whatever follows, and nothing in it that did not
//! come.
//!
//! Input: the size of the records, then the bytes of a TLS stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailproof::serve::smtp::hello;

const HEAD: usize = 5;

fuzz_target!(|input: &[u8]| {
    let [size, stream @ ..] = input else {
        return;
    };
    let Some(offer) = hello::read(stream) else {
        return;
    };
    let handshake = handshake(stream);
    let again = records(&handshake, 1 + usize::from(*size));
    assert_eq!(
        hello::read(&again).as_ref(),
        Some(&offer),
        "in other records"
    );
    let longer = [&again, &stream[..stream.len().min(64)]].concat();
    assert_eq!(
        hello::read(&longer).as_ref(),
        Some(&offer),
        "with more behind"
    );
    let body = handshake.len();
    assert_eq!(
        hello::read(&again[..again.len() - 1]),
        None,
        "one octet less"
    );
    let lists = &offer.hello;
    let numbers = [
        &lists.versions,
        &lists.suites,
        &lists.groups,
        &lists.signatures,
    ];
    // The version outside the list counts as one.
    let octets: usize = numbers.iter().map(|list| list.len() * 2).sum();
    assert!(octets <= body, "{octets} octets of {body}");
    assert!(!lists.versions.is_empty());
    // Each octet that is no UTF-8 becomes one character of three.
    assert!(offer.sni.is_none_or(|name| name.len() <= body * 3));
    let newest = hello::newest(lists);
    let known = ["ssl3.0", "tls1.0", "tls1.1", "tls1.2", "tls1.3", "unknown"];
    assert!(
        known.contains(&newest.as_str()) || newest.starts_with("0x"),
        "{newest}"
    );
});

/// The first handshake message, head included, of a stream known to hold it whole.
fn handshake(mut stream: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    loop {
        if let [_, a, b, c, ..] = message[..] {
            let length = 4 + u32::from_be_bytes([0, a, b, c]) as usize;
            if message.len() >= length {
                message.truncate(length);
                return message;
            }
        }
        let length = usize::from(u16::from_be_bytes([stream[3], stream[4]]));
        message.extend_from_slice(&stream[HEAD..HEAD + length]);
        stream = &stream[HEAD + length..];
    }
}

fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |piece: &[u8]| {
        let [a, b] = (piece.len() as u16).to_be_bytes();
        [&[22, 3, 1, a, b], piece].concat()
    };
    message.chunks(size).flat_map(record).collect()
}
