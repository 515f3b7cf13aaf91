//! Command lines (RFC 5321 4.1) with the parameters of SIZE (RFC 1870), 8BITMIME (RFC 6152) and SMTPUTF8 (RFC 6531).
//!
//! Says what a line means or what is wrong with it; whether the command may come now is the dialogue's business.

use crate::base::{Mailbox, limits};
use std::borrow::Cow;
use std::net::IpAddr;

/// What the client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Extended greeting, with the client's name as written.
    Ehlo(String),
    /// Plain greeting, with the client's name as written.
    Helo(String),
    /// A transaction begins.
    Mail(MailFrom),
    /// A recipient.
    Rcpt(ForwardPath),
    /// The message follows.
    Data,
    /// The transaction is given up.
    Rset,
    /// Nothing.
    Noop,
    /// The end.
    Quit,
    /// Whether a mailbox exists.
    Vrfy,
    /// Help.
    Help,
    /// TLS, please (RFC 3207).
    StartTls,
}

/// The BODY parameter (RFC 6152).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Seven bits.
    SevenBit,
    /// Eight bits.
    EightBitMime,
}

/// MAIL with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFrom {
    /// The envelope sender; `None` is the null sender.
    pub from: Option<Mailbox>,
    /// The announced size in octets.
    pub size: Option<u64>,
    /// The announced kind of content.
    pub body: Option<Body>,
    /// Whether the message may hold UTF-8 in headers and addresses.
    pub smtputf8: bool,
    /// Every parameter as written, in order.
    pub parameters: Vec<String>,
}

/// A recipient as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardPath {
    /// An address with a domain; its local part without quotes where it needs none (RFC 5321 4.1.2).
    Mailbox(Mailbox),
    /// `<postmaster>` without a domain, in any case (RFC 5321 4.5.1).
    Postmaster,
    /// `<postmaster@[192.0.2.1]>`, in any case: the one of the host with this address.
    PostmasterAt(IpAddr),
    /// Any other address literal: no domain of ours.
    Literal,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// No command known at all.
    Unknown,
    /// A command that exists and is not offered here.
    NotImplemented,
    /// A request of another protocol, which somebody had a browser or a proxy send here.
    OtherProtocol,
    /// A known command with wrong arguments; how it is to be written.
    Syntax(&'static str),
    /// A parameter that is not offered (RFC 5321 4.1.1.11).
    Parameter,
    /// A sender's address that is none, or to which nothing can be sent.
    Sender,
    /// A recipient's address that is none.
    Recipient,
    /// An address beyond ASCII without SMTPUTF8 (RFC 6531 3.5).
    NeedsUtf8,
}

const NOT_OFFERED: [&str; 9] = [
    "AUTH", "BDAT", "BURL", "ETRN", "EXPN", "SAML", "SEND", "SOML", "TURN",
];

/// First words of HTTP requests.
const OTHER_PROTOCOL: [&str; 8] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
];

impl Command {
    /// Reads a line, without its end. Spaces at the end and after the colon of MAIL and RCPT are tolerated.
    ///
    /// # Errors
    /// When it is no command that could be obeyed.
    pub fn parse(line: &str) -> Result<Self, CommandError> {
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim_start_matches([' ', '\t']);
        let alone = |command, usage| match rest {
            "" => Ok(command),
            _ => Err(CommandError::Syntax(usage)),
        };
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => name(rest, "EHLO name").map(Self::Ehlo),
            "HELO" => name(rest, "HELO name").map(Self::Helo),
            "MAIL" => mail(rest).map(Self::Mail),
            "RCPT" => rcpt(rest).map(Self::Rcpt),
            "DATA" => alone(Self::Data, "DATA"),
            "RSET" => alone(Self::Rset, "RSET"),
            "QUIT" => alone(Self::Quit, "QUIT"),
            "STARTTLS" => alone(Self::StartTls, "STARTTLS"),
            "NOOP" => Ok(Self::Noop),
            "HELP" => Ok(Self::Help),
            "VRFY" if rest.is_empty() => Err(CommandError::Syntax("VRFY address")),
            "VRFY" => Ok(Self::Vrfy),
            verb if NOT_OFFERED.contains(&verb) => Err(CommandError::NotImplemented),
            verb if OTHER_PROTOCOL.contains(&verb) => Err(CommandError::OtherProtocol),
            _ => Err(CommandError::Unknown),
        }
    }
}

/// The client's name: one word of at most 255 octets without control characters, otherwise taken as it is, for it is
/// evidence.
fn name(rest: &str, usage: &'static str) -> Result<String, CommandError> {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    let word = !rest.is_empty() && rest.len() <= 255 && !rest.contains(bad);
    word.then(|| rest.to_owned())
        .ok_or(CommandError::Syntax(usage))
}

fn mail(rest: &str) -> Result<MailFrom, CommandError> {
    const USAGE: CommandError = CommandError::Syntax("MAIL FROM:<address> [parameters]");
    let (path, parameters) = path(rest, "FROM:").ok_or(USAGE)?;
    let mut mail = MailFrom::default();
    for parameter in parameters.split_ascii_whitespace() {
        mail.parameters.push(parameter.to_owned());
        let (keyword, value) = match parameter.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (parameter, None),
        };
        match (keyword.to_ascii_uppercase().as_str(), value) {
            ("SIZE", Some(size)) => mail.size = Some(number(size).ok_or(USAGE)?),
            ("BODY", Some(body)) => {
                mail.body = Some(match body.to_ascii_uppercase().as_str() {
                    "7BIT" => Body::SevenBit,
                    "8BITMIME" => Body::EightBitMime,
                    _ => return Err(CommandError::Parameter),
                });
            }
            ("SMTPUTF8", None) => mail.smtputf8 = true,
            _ => return Err(CommandError::Parameter),
        }
    }
    if path.is_empty() {
        return Ok(mail);
    }
    if !path.is_ascii() && !mail.smtputf8 {
        return Err(CommandError::NeedsUtf8);
    }
    mail.from = Some(Mailbox::parse(path).map_err(|_| CommandError::Sender)?);
    Ok(mail)
}

fn rcpt(rest: &str) -> Result<ForwardPath, CommandError> {
    let (path, parameters) = path(rest, "TO:").ok_or(CommandError::Syntax("RCPT TO:<address>"))?;
    if !parameters.is_empty() {
        return Err(CommandError::Parameter);
    }
    if path.eq_ignore_ascii_case("postmaster") {
        return Ok(ForwardPath::Postmaster);
    }
    let (local, domain) = path.rsplit_once('@').ok_or(CommandError::Recipient)?;
    let local = unquoted(local);
    let literal = (domain.strip_prefix('[')).and_then(|rest| rest.strip_suffix(']'));
    match (literal, literal.and_then(address)) {
        (Some(_), _) if local.is_empty() => Err(CommandError::Recipient),
        (_, Some(address)) if local.eq_ignore_ascii_case("postmaster") => {
            Ok(ForwardPath::PostmasterAt(address))
        }
        (Some(_), _) => Ok(ForwardPath::Literal),
        (None, _) => Mailbox::parse(&format!("{local}@{domain}"))
            .ok()
            .filter(|mailbox| mailbox.local.len() <= limits::LOCAL_PART)
            .map(ForwardPath::Mailbox)
            .ok_or(CommandError::Recipient),
    }
}

/// The address in a literal (RFC 5321 4.1.3).
fn address(literal: &str) -> Option<IpAddr> {
    let v6 = literal
        .get(..5)
        .filter(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    match v6 {
        Some(tag) => literal[tag.len()..].parse().ok().map(IpAddr::V6),
        None => literal.parse().ok().map(IpAddr::V4),
    }
}

/// A local part without its quotes where they change nothing: a dot-string may be written as a quoted string, with a
/// backslash before any character (RFC 5321 4.1.2, RFC 6531 3.3).
fn unquoted(local: &str) -> Cow<'_, str> {
    let inside = (local.strip_prefix('"')).and_then(|rest| rest.strip_suffix('"'));
    let Some(inside) = inside else {
        return Cow::Borrowed(local);
    };
    let mut bare = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => bare.extend(characters.next()),
            other => bare.push(other),
        }
    }
    let is_text = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
            || (!c.is_ascii() && !c.is_control())
    };
    let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(is_text);
    match bare.split('.').all(is_atom) {
        true => Cow::Owned(bare),
        false => Cow::Borrowed(local),
    }
}

/// Digits only, 20 at most (RFC 1870 4); what does not fit is as large as can be.
fn number(digits: &str) -> Option<u64> {
    let right = (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    right.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Behind the keyword: the text in angle brackets, without a source route (RFC 5321 4.1.1.3), and what follows.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (head, rest) = rest.split_at_checked(keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let inside = rest.trim_start_matches(' ').strip_prefix('<')?;
    let end = closing(inside)?;
    let (path, rest) = (&inside[..end], &inside[end + 1..]);
    let parameters = match rest {
        "" => "",
        rest => rest.strip_prefix([' ', '\t'])?.trim_start(),
    };
    let mailbox = match path.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => path,
    };
    Some((mailbox, parameters))
}

/// Where the closing bracket stands: the first one outside a quoted string.
fn closing(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Mailbox {
        Mailbox::parse(text).unwrap()
    }

    #[test]
    fn commands_are_read_in_any_case() {
        for (line, command) in [
            (
                "EHLO mail.example.net",
                Command::Ehlo("mail.example.net".into()),
            ),
            ("ehlo [192.0.2.1] ", Command::Ehlo("[192.0.2.1]".into())),
            ("HELO x", Command::Helo("x".into())),
            ("DATA", Command::Data),
            ("rset", Command::Rset),
            ("Noop whatever", Command::Noop),
            ("QUIT ", Command::Quit),
            ("VRFY jim", Command::Vrfy),
            ("HELP", Command::Help),
            ("STARTTLS", Command::StartTls),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_says_why() {
        use CommandError::{
            NeedsUtf8, NotImplemented, OtherProtocol, Parameter, Recipient, Sender, Unknown,
        };
        for (line, error) in [
            ("", Unknown),
            ("HALLO", Unknown),
            ("BDAT 10 LAST", NotImplemented),
            ("AUTH PLAIN", NotImplemented),
            ("GET / HTTP/1.1", OtherProtocol),
            ("post /x HTTP/1.0", OtherProtocol),
            ("EHLO", CommandError::Syntax("EHLO name")),
            ("HELO a b", CommandError::Syntax("HELO name")),
            ("HELO a\u{7}b", CommandError::Syntax("HELO name")),
            ("EHLO \u{1b}[2J", CommandError::Syntax("EHLO name")),
            ("EHLO a\u{85}b", CommandError::Syntax("EHLO name")),
            ("STARTTLS now", CommandError::Syntax("STARTTLS")),
            ("DATA x", CommandError::Syntax("DATA")),
            (
                "MAIL FROM:jim@example.net",
                CommandError::Syntax("MAIL FROM:<address> [parameters]"),
            ),
            (
                "MAIL FROM:<jim@example.net>SIZE=1",
                CommandError::Syntax("MAIL FROM:<address> [parameters]"),
            ),
            (
                "MAIL FROM:<a@example.net> SIZE=-1",
                CommandError::Syntax("MAIL FROM:<address> [parameters]"),
            ),
            ("MAIL FROM:<a@example.net> RET=HDRS", Parameter),
            ("MAIL FROM:<a@example.net> BODY=BINARYMIME", Parameter),
            ("MAIL FROM:<jim>", Sender),
            ("MAIL FROM:<jim@[192.0.2.1]>", Sender),
            ("MAIL FROM:<jürgen@example.net>", NeedsUtf8),
            ("RCPT TO:<>", Recipient),
            ("RCPT TO:<en>", Recipient),
            (
                "RCPT TO:<@[192.0.2.1]>",
                CommandError::Syntax("RCPT TO:<address>"),
            ),
            ("RCPT TO:<en@et.example.org> NOTIFY=NEVER", Parameter),
            (
                "RCPT en@et.example.org",
                CommandError::Syntax("RCPT TO:<address>"),
            ),
        ] {
            assert_eq!(Command::parse(line), Err(error), "{line}");
        }
    }

    #[test]
    fn senders_and_parameters_are_read() {
        let from = |text| Some(address(text));
        let written = |text: &str| text.split(' ').map(str::to_owned).collect();
        for (line, mail) in [
            ("MAIL FROM:<>", MailFrom::default()),
            (
                "mail from: <Jim@Example.net> size=1000 body=8bitmime",
                MailFrom {
                    from: from("Jim@example.net"),
                    size: Some(1000),
                    body: Some(Body::EightBitMime),
                    parameters: written("size=1000 body=8bitmime"),
                    ..MailFrom::default()
                },
            ),
            (
                "MAIL FROM:<jürgen@example.net> SMTPUTF8",
                MailFrom {
                    from: from("jürgen@example.net"),
                    smtputf8: true,
                    parameters: written("SMTPUTF8"),
                    ..MailFrom::default()
                },
            ),
            (
                "MAIL FROM:<@relay.example,@b.example:jim@example.net> SIZE=99999999999999999999",
                MailFrom {
                    from: from("jim@example.net"),
                    size: Some(u64::MAX),
                    parameters: written("SIZE=99999999999999999999"),
                    ..MailFrom::default()
                },
            ),
            (
                r#"MAIL FROM:<"a>b c"@example.net>"#,
                MailFrom {
                    from: from(r#""a>b c"@example.net"#),
                    ..MailFrom::default()
                },
            ),
        ] {
            assert_eq!(Command::parse(line), Ok(Command::Mail(mail)), "{line}");
        }
    }

    #[test]
    fn recipients_are_read() {
        for (line, path) in [
            (
                "RCPT TO:<en@ET.example.org>",
                ForwardPath::Mailbox(address("en@et.example.org")),
            ),
            ("RCPT TO:<PostMaster>", ForwardPath::Postmaster),
            ("RCPT TO:<en@[192.0.2.25]>", ForwardPath::Literal),
            ("RCPT TO:<postmaster@[none]>", ForwardPath::Literal),
            (
                r#"RCPT TO:<"Postmaster"@[192.0.2.25]>"#,
                ForwardPath::PostmasterAt([192, 0, 2, 25].into()),
            ),
            (
                "RCPT TO:<postmaster@[IPv6:2001:db8::25]>",
                ForwardPath::PostmasterAt("2001:db8::25".parse().unwrap()),
            ),
            (
                r#"RCPT TO:<"e\n+0.ü"@et.example.org>"#,
                ForwardPath::Mailbox(address("en+0.ü@et.example.org")),
            ),
            (
                r#"RCPT TO:<"e n"@et.example.org>"#,
                ForwardPath::Mailbox(address(r#""e n"@et.example.org"#)),
            ),
            (
                r#"RCPT TO:<"en."@et.example.org>"#,
                ForwardPath::Mailbox(address(r#""en."@et.example.org"#)),
            ),
        ] {
            assert_eq!(Command::parse(line), Ok(Command::Rcpt(path)), "{line}");
        }
    }
}
