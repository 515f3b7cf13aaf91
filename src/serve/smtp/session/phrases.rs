//! Every reply of the server, by what it is for.

use crate::base::ports::{Kept, NotTaken, Recipient, RelayReply};
use crate::base::{Close, TestId, limits};
use crate::spec::smtp::{CommandError, Flaw, Reply};
use std::borrow::Cow;

pub(super) fn greeting(hostname: &str) -> Reply {
    Reply::plain(220, format!("{hostname} ESMTP mailproof"))
}

/// The reply to EHLO (RFC 5321 4.1.1.1). CHUNKING is never offered, for BDAT would carry content past DATA.
pub(super) fn ehlo(hostname: &str, starttls: bool) -> Reply {
    let mut reply = Reply::plain(250, hostname.to_owned());
    reply.lines.push("PIPELINING".into());
    reply.lines.push(format!("SIZE {}", limits::MESSAGE).into());
    reply.lines.push("8BITMIME".into());
    reply.lines.push("SMTPUTF8".into());
    reply.lines.push("ENHANCEDSTATUSCODES".into());
    if starttls {
        reply.lines.push("STARTTLS".into());
    }
    reply
}

pub(super) fn helo(hostname: &str) -> Reply {
    Reply::plain(250, hostname.to_owned())
}

pub(super) fn sender_ok() -> Reply {
    Reply::enhanced(250, (2, 1, 0), "Sender ok")
}

pub(super) fn recipient_ok() -> Reply {
    Reply::enhanced(250, (2, 1, 5), "Recipient ok")
}

pub(super) fn send_data() -> Reply {
    Reply::plain(354, "Send the message, end with <CRLF>.<CRLF>")
}

pub(super) fn start_tls() -> Reply {
    Reply::enhanced(220, (2, 0, 0), "Ready to start TLS")
}

pub(super) fn ok() -> Reply {
    Reply::enhanced(250, (2, 0, 0), "Ok")
}

pub(super) fn bye() -> Reply {
    Reply::enhanced(221, (2, 0, 0), "Bye")
}

pub(super) fn vrfy() -> Reply {
    Reply::enhanced(252, (2, 5, 0), "Send a mail and see")
}

pub(super) fn help() -> Reply {
    Reply::enhanced(
        214,
        (2, 0, 0),
        "This server tests how mail is sent; it answers by mail",
    )
}

pub(super) fn accepted(test: &TestId) -> Reply {
    Reply::enhanced(
        250,
        (2, 0, 0),
        format!("Accepted; the result follows by mail, test {test}"),
    )
}

/// In the window: content must not cross in clear text.
pub(super) fn window() -> Reply {
    Reply::enhanced(
        451,
        (4, 7, 0),
        "Part of the test: please send again in some minutes",
    )
}

/// While the test needs further attempts.
pub(super) fn later() -> Reply {
    Reply::enhanced(
        451,
        (4, 7, 1),
        "Part of the test: please send again, further attempts are needed",
    )
}

/// To a second MAIL in a session whose first was put off.
pub(super) fn reconnect() -> Reply {
    Reply::enhanced(
        421,
        (4, 7, 1),
        "Part of the test: please send again in a new connection",
    )
}

pub(super) fn unavailable() -> Reply {
    Reply::enhanced(
        452,
        (4, 3, 1),
        "Cannot note this down now, please send again",
    )
}

/// To DATA while other messages take up all room.
pub(super) fn no_room() -> Reply {
    Reply::enhanced(
        452,
        (4, 3, 2),
        "Too many messages at once, please send again",
    )
}

pub(super) fn one_at_a_time(why: &'static str) -> Reply {
    Reply::enhanced(452, (4, 5, 3), why)
}

pub(super) fn sequence(why: &'static str) -> Reply {
    Reply::enhanced(503, (5, 5, 1), why)
}

pub(super) fn not_offered() -> Reply {
    Reply::enhanced(502, (5, 5, 1), "Command not implemented")
}

pub(super) fn no_tls() -> Reply {
    Reply::enhanced(454, (4, 7, 0), "TLS is not available now")
}

pub(super) fn too_large() -> Reply {
    Reply::enhanced(
        552,
        (5, 3, 4),
        format!("At most {} octets are taken", limits::MESSAGE),
    )
}

/// To message data with a line end other than CRLF (RFC 5321 2.3.8).
pub(super) fn bare_line_end() -> Reply {
    Reply::enhanced(
        550,
        (5, 6, 0),
        "The message has a bare CR or LF (RFC 5321 2.3.8)",
    )
}

/// To a message of the null sender to a test: whoever sent it waits for no answer, and can be told nothing.
pub(super) fn null_sender() -> Reply {
    Reply::enhanced(
        550,
        (5, 7, 1),
        "A test needs a sender who can be answered, not the null sender",
    )
}

pub(super) fn other_protocol() -> Reply {
    Reply::enhanced(421, (4, 7, 0), "This server speaks SMTP alone")
}

/// To a recipient who gets no mail here.
pub(super) fn no_recipient(recipient: &Recipient) -> Reply {
    match recipient {
        Recipient::Foreign => Reply::enhanced(550, (5, 7, 1), "Mail is relayed for nobody"),
        _ => Reply::enhanced(550, (5, 1, 1), "There is no such mailbox"),
    }
}

pub(super) fn flawed_line(flaw: Flaw) -> Reply {
    let why = match flaw {
        Flaw::BareLf | Flaw::BareCr => "Lines end with CRLF (RFC 5321 2.3.8)",
        Flaw::LongLine => "The line is too long",
        Flaw::Nul => "A NUL is not allowed",
        Flaw::EightBit => "This is not UTF-8",
    };
    Reply::enhanced(500, (5, 5, 2), why)
}

pub(super) fn no_command(error: CommandError) -> Reply {
    match error {
        CommandError::Unknown => Reply::enhanced(500, (5, 5, 2), "Unknown command"),
        CommandError::NotImplemented => not_offered(),
        CommandError::OtherProtocol => other_protocol(),
        CommandError::Syntax(usage) => {
            Reply::enhanced(501, (5, 5, 4), format!("Write it as: {usage}"))
        }
        CommandError::Parameter => {
            Reply::enhanced(555, (5, 5, 4), "A parameter is not offered here")
        }
        CommandError::Sender => Reply::enhanced(
            553,
            (5, 1, 7),
            "The sender's address is none that could be answered",
        ),
        CommandError::Recipient => Reply::enhanced(553, (5, 1, 3), "This is no mail address"),
        CommandError::NeedsUtf8 => {
            Reply::enhanced(553, (5, 6, 7), "Such an address needs SMTPUTF8 (RFC 6531)")
        }
    }
}

/// The last word when we end the session.
pub(super) fn farewell(close: &Close) -> Reply {
    match close {
        Close::Shutdown => Reply::enhanced(421, (4, 3, 2), "Stopping, please send again"),
        Close::Timeout => Reply::enhanced(421, (4, 4, 2), "Nothing came for too long"),
        _ => Reply::enhanced(421, (4, 7, 0), "Too much for one session"),
    }
}

/// The next server's reply to the operator's mail, made fit for the wire: with an enhanced code (RFC 2034 4) of its
/// class, and in ASCII alone (RFC 5321 4.2). A nonsensical one becomes `451 4.3.0`, and a `421`, which closes that
/// server's session and not ours, `451`.
pub(super) fn relayed(reply: &RelayReply) -> Reply {
    let code = match reply.code {
        200..=299 => 250,
        421 => 451,
        400..=599 => reply.code,
        _ => return Reply::enhanced(451, (4, 3, 0), "The next server is out of order"),
    };
    let text = in_ascii(&reply.text);
    match (has_enhanced_code(&text, code), code / 100) {
        (false, class) => Reply::enhanced(code, (class as u8, 0, 0), text),
        (true, _) => Reply::plain(code, Cow::Owned(text)),
    }
}

/// What became of a TLS report.
pub(super) fn reported(kept: &Result<Kept, NotTaken>) -> Reply {
    match kept {
        Ok(Kept::New) => Reply::enhanced(250, (2, 0, 0), "The report is taken"),
        Ok(Kept::Before) => Reply::enhanced(250, (2, 0, 0), "The report is here already"),
        Err(NotTaken::Unfit(why)) => Reply::enhanced(
            550,
            (5, 6, 0),
            format!("The report is not taken: {}", in_ascii(why)),
        ),
        Err(NotTaken::TooLarge) => Reply::enhanced(
            552,
            (5, 3, 4),
            format!(
                "At most {} octets are taken of a report, unpacked {}",
                limits::TLS_REPORT,
                limits::TLS_REPORT_UNPACKED
            ),
        ),
        Err(NotTaken::Unproven(why)) => Reply::enhanced(
            550,
            (5, 7, 1),
            format!("The report is not taken: {why} (RFC 8460 3)"),
        ),
        Err(NotTaken::Unclear) => Reply::enhanced(
            451,
            (4, 7, 0),
            "The DKIM signature cannot be checked now, please send again",
        ),
        Err(NotTaken::TooMany) => Reply::enhanced(
            451,
            (4, 3, 2),
            "Too many reports just now, please send again",
        ),
        Err(NotTaken::Unavailable) => unavailable(),
    }
}

/// A text made fit for the wire (RFC 5321 4.2), in a bounded length.
fn in_ascii(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' '..='~' => c,
            c if c.is_control() => ' ',
            _ => '?',
        })
        .take(limits::NOTED_TEXT)
        .collect()
}

/// Whether a text begins with an enhanced code of the reply's class (RFC 3463 2).
fn has_enhanced_code(text: &str, code: u16) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    let parts: Vec<&str> = first.split('.').collect();
    let digits = |part: &&str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit())
    };
    parts.len() == 3 && parts.iter().all(digits) && parts[0].parse() == Ok(code / 100)
}
