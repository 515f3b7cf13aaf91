//! A message as it goes over the wire.

/// The message with every line ended by CRLF, dots doubled at the start of lines, and the final dot
/// (RFC 5321 2.3.8, 4.5.2). Bare CR and bare LF become line ends, so that nobody can read them as another end.
pub(super) fn encoded(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + message.len() / 32 + 8);
    let mut at_start = true;
    let mut octets = message.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\r' | b'\n' => {
                if octet == b'\r' {
                    octets.next_if_eq(&b'\n');
                }
                wire.extend_from_slice(b"\r\n");
                at_start = true;
            }
            octet => {
                if at_start && octet == b'.' {
                    wire.push(b'.');
                }
                wire.push(octet);
                at_start = false;
            }
        }
    }
    if !at_start {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_end_is_the_one_at_the_end() {
        for (message, wire) in [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a\nb\n", "a\r\nb\r\n.\r\n"),
            (".a\r\n..\r\n", "..a\r\n...\r\n.\r\n"),
            ("a\n.\nMAIL FROM:<>\n", "a\r\n..\r\nMAIL FROM:<>\r\n.\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"),
            ("\r\n\n\r", "\r\n\r\n\r\n.\r\n"),
        ] {
            assert_eq!(encoded(message.as_bytes()), wire.as_bytes(), "{message:?}");
        }
    }
}
