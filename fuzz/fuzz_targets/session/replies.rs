//! The server's replies, taken apart by the letter (RFC 5321 4.2, RFC 2034 3).

/// One reply.
pub struct Reply {
    pub code: u16,
    /// Its lines without codes and separators.
    pub lines: Vec<String>,
}

/// Reads replies up to the end of the bytes, which must be the end of one.
pub fn read(bytes: &[u8]) -> Vec<Reply> {
    let text = std::str::from_utf8(bytes).expect("replies are ASCII");
    let mut replies = Vec::new();
    let mut open: Option<Reply> = None;
    for line in text.split_inclusive("\r\n") {
        assert!(line.len() <= 512, "too long (RFC 5321 4.5.3.1.5): {line:?}");
        let line = line.strip_suffix("\r\n").expect("a whole line");
        let printable = |byte| matches!(byte, b'\t' | b' '..=b'~');
        assert!(line.bytes().all(printable), "{line:?}");
        let (code, rest) = line.split_at(3);
        let code: u16 = code.parse().expect("a code");
        assert!((200..=599).contains(&code), "{line:?}");
        let (separator, text) = rest.split_at(1);
        let reply = open.get_or_insert(Reply {
            code,
            lines: Vec::new(),
        });
        assert_eq!(reply.code, code, "one code in all lines");
        reply.lines.push(text.to_owned());
        match separator {
            "-" => {}
            " " => replies.extend(open.take()),
            _ => panic!("{line:?}"),
        }
    }
    assert!(open.is_none(), "a reply without its last line");
    for reply in &replies {
        check_enhanced(reply);
    }
    replies
}

/// Every reply but greetings, EHLO, HELO and 354 begins with an enhanced code of its class.
fn check_enhanced(reply: &Reply) {
    if reply.code == 354 || reply.code == 220 || reply.code == 250 && is_greeting(reply) {
        return;
    }
    for line in &reply.lines {
        let code = line.split(' ').next().unwrap_or_default();
        let parts: Vec<_> = code.split('.').collect();
        assert!(
            parts.len() == 3 && parts[0] == (reply.code / 100).to_string(),
            "{} {line:?}",
            reply.code
        );
    }
}

fn is_greeting(reply: &Reply) -> bool {
    reply.lines[0] == format!("et.{}", crate::scene::BASE)
}
