//! What is no mail: each line gets its reply, until the server has enough.

use crate::link::{Gone, Link, expect};
use crate::random::Random;

/// Sent as they are, most of them many times over.
const PIECES: [&[u8]; 12] = [
    b"NOOP\n",
    b"\r\n",
    b"\0\r\n",
    b"\xff\xfe\xfd\r\n",
    b"BDAT 1 LAST\r\n",
    b"AUTH PLAIN AGEAYg==\r\n",
    b"MAIL FROM:<\r\n",
    b"RCPT TO:<en@et.example.org>\r\n",
    b"DATA\r\n.\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    b"EHLO \r\n",
    b"HELO a\r\nSTARTTLS\r\n",
];

pub fn send(link: &mut Link<'_>, random: &mut Random) -> Result<(), Gone> {
    let mut bytes = Vec::new();
    for _ in 0..random.below(40) {
        match random.below(20) {
            0 => bytes.resize(bytes.len() + random.below(20_000), b'x'),
            // Without CR and LF, lest it be a command by chance.
            1 => bytes.extend((0..random.below(500)).map(|_| 14 + random.below(240) as u8)),
            _ => bytes.extend_from_slice(PIECES[random.below(PIECES.len())]),
        }
    }
    if random.below(10) == 0 {
        bytes = b"GET / HTTP/1.1\r\nHost: et.example.org\r\n\r\n".to_vec();
    }
    bytes.extend_from_slice(b"\r\nQUIT\r\n");
    link.send(&bytes, "garbage")?;
    loop {
        let reply = link.reply()?;
        expect("garbage", &reply, &["2", "421 ", "5"])?;
        if reply.starts_with("221 ") || reply.starts_with("421 ") {
            return Ok(());
        }
        if reply.starts_with("220 2.0.0 ") {
            // STARTTLS was among it; there is no more to read than an alert.
            return link.send(b"NOOP\r\n", "a false handshake");
        }
    }
}
