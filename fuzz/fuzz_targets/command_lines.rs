//! Bytes to command lines: the same lines for every cut, each as the bytes between two line feeds say, and commands
//! that can be written again.
//!
//! Input: the longest line, the size of the pieces, then the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailproof::spec::smtp::{Command, CommandError, Flaw, ForwardPath, Line, LineReader};
use std::net::IpAddr;

fuzz_target!(|input: &[u8]| {
    let [limit, size, bytes @ ..] = input else {
        return;
    };
    let limit = 3 + usize::from(*limit);
    let (lines, inside) = read(limit, bytes, bytes.len().max(1));
    let cut = read(limit, bytes, 1 + usize::from(*size));
    assert_eq!((&lines, inside), (&cut.0, cut.1));
    let mut rest = bytes;
    for line in &lines {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        assert_eq!(*line, expected(&rest[..end], limit));
        rest = &rest[end + 1..];
        check_text(line);
    }
    assert!(!rest.contains(&b'\n'));
    assert_eq!(inside, !rest.is_empty());
});

fn read(limit: usize, bytes: &[u8], size: usize) -> (Vec<Line>, bool) {
    let mut reader = LineReader::new(limit);
    let mut lines = Vec::new();
    for mut piece in bytes.chunks(size) {
        while !piece.is_empty() {
            let (taken, line) = reader.feed(piece);
            assert!(0 < taken && (taken == piece.len() || line.is_some()));
            piece = &piece[taken..];
            lines.extend(line);
        }
    }
    (lines, reader.is_inside_line())
}

/// The line that these bytes are, without their line feed.
fn expected(bytes: &[u8], limit: usize) -> Line {
    let mut line = Line::default();
    let content = bytes.strip_suffix(b"\r");
    let octets = content.unwrap_or(bytes);
    for (flaw, found) in [
        (Flaw::BareLf, content.is_none()),
        (Flaw::BareCr, octets.contains(&b'\r')),
        (Flaw::LongLine, octets.len() + 2 > limit),
        (Flaw::Nul, octets.contains(&0)),
        (Flaw::EightBit, !octets.is_ascii()),
    ] {
        if found {
            line.flaws.add(flaw);
        }
    }
    line.octets = octets[..octets.len().min(limit - 2)].to_vec();
    line
}

fn check_text(line: &Line) {
    let fatal = [Flaw::LongLine, Flaw::BareLf, Flaw::BareCr, Flaw::Nul];
    let Ok(text) = line.text() else {
        let not_utf8 = std::str::from_utf8(&line.octets).is_err();
        assert!(not_utf8 || fatal.iter().any(|flaw| line.flaws.has(*flaw)));
        return;
    };
    assert!(fatal.iter().all(|flaw| !line.flaws.has(*flaw)));
    assert_eq!(text.as_bytes(), line.octets);
    match Command::parse(text) {
        Ok(command) => {
            let again = Command::parse(&written(&command));
            assert_eq!(again, Ok(command), "{text:?}");
        }
        Err(CommandError::Syntax(usage)) => assert!(!usage.is_empty()),
        Err(_) => {}
    }
}

/// The command as a client would write it, after checks of what it holds.
fn written(command: &Command) -> String {
    match command {
        Command::Ehlo(name) | Command::Helo(name) => {
            assert!((1..=255).contains(&name.len()) && !name.contains(char::is_whitespace));
            let verb = match command {
                Command::Ehlo(_) => "EHLO",
                _ => "HELO",
            };
            format!("{verb} {name}")
        }
        Command::Mail(mail) => {
            let from = mail.from.as_ref().map(ToString::to_string);
            let from = from.unwrap_or_default();
            assert!(mail.smtputf8 || from.is_ascii());
            let mut line = format!("MAIL FROM:<{from}>");
            for parameter in &mail.parameters {
                line.push(' ');
                line.push_str(parameter);
            }
            line
        }
        Command::Rcpt(ForwardPath::Mailbox(address)) => format!("RCPT TO:<{address}>"),
        Command::Rcpt(ForwardPath::Postmaster) => "RCPT TO:<postmaster>".to_owned(),
        Command::Rcpt(ForwardPath::PostmasterAt(IpAddr::V4(v4))) => {
            format!("RCPT TO:<postmaster@[{v4}]>")
        }
        Command::Rcpt(ForwardPath::PostmasterAt(IpAddr::V6(v6))) => {
            format!("RCPT TO:<postmaster@[IPv6:{v6}]>")
        }
        Command::Rcpt(ForwardPath::Literal) => "RCPT TO:<a@[192.0.2.1]>".to_owned(),
        Command::Data => "DATA".to_owned(),
        Command::Rset => "RSET".to_owned(),
        Command::Noop => "NOOP".to_owned(),
        Command::Quit => "QUIT".to_owned(),
        Command::Vrfy => "VRFY a".to_owned(),
        Command::Help => "HELP".to_owned(),
        Command::StartTls => "STARTTLS".to_owned(),
    }
}
