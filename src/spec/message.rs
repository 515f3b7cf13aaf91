//! The facts in the head of a message (RFC 5322), and whether a person sent it (RFC 3834). Pure; the only place that
//! knows mail-parser. [`facts`] never looks at the body and keeps nothing of it. What SPF, DKIM, ARC and DMARC say is
//! added by the caller.

use crate::base::{Domain, Mailbox, MessageFacts, Robot, Timestamp, Zone, limits};
use mail_parser::{Address, HeaderName, Message, MessageParser, MimeHeaders as _};

/// Reads the facts; whatever cannot be read is absent.
#[must_use]
pub fn facts(message: &[u8], base_domain: &Domain) -> MessageFacts {
    let Some(head) = MessageParser::default().parse_headers(message) else {
        return MessageFacts::default();
    };
    let header_from = only_from(&head);
    MessageFacts {
        message_id: head.message_id().and_then(message_id),
        date: head.date().and_then(|date| {
            let valid = date.is_valid().then(|| date.to_timestamp())?;
            Timestamp::from_second(valid).ok()
        }),
        addressed: addressed(&head, base_domain),
        signatures: signatures(&head),
        robot: robot(&head, header_from.as_ref()),
        header_from,
        ..MessageFacts::default()
    }
}

/// Whether the local part of an address is one that programs send under: daemons, bounces, list owners and requests,
/// addresses that take no answer.
#[must_use]
pub fn is_daemon(local: &str) -> bool {
    const WHOLE: [&str; 12] = [
        "mailer-daemon",
        "mailerdaemon",
        "postmaster",
        "daemon",
        "noreply",
        "no-reply",
        "no_reply",
        "donotreply",
        "do-not-reply",
        "do_not_reply",
        "bounce",
        "bounces",
    ];
    let local = local.trim_matches('"').to_ascii_lowercase();
    // A detail behind the name, as in `bounces+1234@`, changes nothing.
    let bare = local.split(['+', '=']).next().unwrap_or_default();
    let known = WHOLE.iter().any(|name| {
        bare.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("-") && name.starts_with('b'))
    });
    let list = ["-request", "-bounce", "-bounces", "-owner"];
    known || bare.starts_with("owner-") || list.iter().any(|end| bare.ends_with(end))
}

/// The Message-ID in a bounded length.
fn message_id(text: &str) -> Option<String> {
    let bare = text.trim().trim_start_matches('<').trim_end_matches('>');
    let kept: String = bare.chars().take(limits::NOTED_TEXT).collect();
    (!kept.is_empty()).then_some(kept)
}

/// The From address, when there is just one in just one From line.
fn only_from(head: &Message<'_>) -> Option<Mailbox> {
    if head.header_values(HeaderName::From).count() != 1 {
        return None;
    }
    let mut addresses = head.from()?.iter();
    let only = addresses.next()?.address()?;
    if addresses.next().is_some() {
        return None;
    }
    Mailbox::parse(only).ok()
}

/// Which of our two domains stand in To or Cc.
fn addressed(head: &Message<'_>, base_domain: &Domain) -> Vec<Zone> {
    let stands = |zone: Zone| {
        let ours = base_domain.below(zone.label());
        head.all_to()
            .chain(head.all_cc())
            .flat_map(Address::iter)
            .filter_map(|address| address.address()?.rsplit_once('@'))
            .any(|(_, domain)| Domain::parse(domain) == ours)
    };
    Zone::ALL.into_iter().filter(|zone| stands(*zone)).collect()
}

/// The kinds of signature that are there.
fn signatures(head: &Message<'_>) -> Vec<String> {
    [("DKIM-Signature", "Dkim"), ("ARC-Seal", "Arc")]
        .into_iter()
        .filter(|(header, _)| values(head, header).next().is_some())
        .map(|(_, kind)| kind.to_owned())
        .collect()
}

/// The raw values of a header.
fn values<'a>(head: &'a Message<'_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.headers_raw()
        .filter(move |(header, _)| header.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// The first word of a header value, lower case: what stands before a comment, parameter or space.
fn word(value: &str) -> String {
    let end = |c: char| c == ';' || c == '(' || c.is_whitespace();
    value
        .split(end)
        .find(|word| !word.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// Why the message comes from no person, if so.
fn robot(head: &Message<'_>, from: Option<&Mailbox>) -> Option<Robot> {
    let is_list = |name: &str| {
        name.get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case("list-"))
    };
    let is_report = |value: &str| {
        let kind = value.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("multipart/report")
    };
    if values(head, "Received").count() > limits::RECEIVED {
        Some(Robot::Loop)
    } else if values(head, "Content-Type").any(is_report) {
        Some(Robot::Report)
    } else if values(head, "Auto-Submitted").any(|value| word(value) != "no") {
        Some(Robot::AutoSubmitted)
    } else if head.headers_raw().any(|(name, _)| is_list(name.trim()))
        || values(head, "Precedence")
            .any(|value| ["bulk", "list", "junk"].contains(&word(value).as_str()))
    {
        Some(Robot::List)
    } else if from.is_some_and(|from| is_daemon(&from.local)) {
        Some(Robot::Daemon)
    } else {
        None
    }
}

/// A message for a person's eyes: its header as it came, then every part decoded (RFC 2045), under its media type and name.
#[must_use]
pub fn readable(message: &[u8]) -> String {
    let Some(parsed) = MessageParser::new().parse(message) else {
        return String::from_utf8_lossy(message).into_owned();
    };
    let header = usize::try_from(parsed.root_part().raw_body_offset()).unwrap_or_default();
    let header = message.get(..header).unwrap_or(message);
    let mut text = String::from_utf8_lossy(header).replace('\r', "");
    for part in parsed.parts.iter().filter(|part| !part.is_multipart()) {
        let kind = part.content_type().map_or_else(String::new, |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())
        });
        let name = part.attachment_name().unwrap_or_default();
        let content = String::from_utf8_lossy(part.contents()).replace('\r', "");
        text.push_str(format!("--- {kind} {name}").trim_end());
        text.push_str(&format!("\n\n{}\n\n", content.trim_end()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> MessageFacts {
        let message = format!("{}\r\n\r\nHello.\r\n", head.replace('\n', "\r\n"));
        facts(message.as_bytes(), &Domain::parse("example.org").unwrap())
    }

    #[test]
    fn the_head_is_read() {
        let facts = read(
            "Message-ID: <1@sender.example>\nDate: Mon, 23 Nov 2026 12:00:00 +0100\n\
             From: Jim <jim@Sender.Example>\nTo: en@et.example.org,\n Someone <x@other.example>\n\
             Cc: \"Test\" <en+0123456789abcdef@UT.example.org>\n\
             DKIM-Signature: v=1; d=sender.example\nARC-Seal: i=1; cv=none",
        );
        assert_eq!(facts.message_id.as_deref(), Some("1@sender.example"));
        assert_eq!(facts.date, "2026-11-23T11:00:00Z".parse().ok());
        let from = facts.header_from.map(|from| from.to_string());
        assert_eq!(from.as_deref(), Some("jim@sender.example"));
        assert_eq!(facts.addressed, Zone::ALL);
        assert_eq!(facts.signatures, ["Dkim", "Arc"]);
        assert_eq!(facts.robot, None);
    }

    #[test]
    fn our_domains_are_found_where_they_stand() {
        for (head, zones) in [
            ("To: en@et.example.org", vec![Zone::Et]),
            ("To: en@ut.example.org.", vec![Zone::Ut]),
            ("Cc: de@ut.example.org", vec![Zone::Ut]),
            ("To: a@x.example\nTo: en@ut.example.org", vec![Zone::Ut]),
            ("To: group: en@et.example.org, b@x.example;", vec![Zone::Et]),
            ("Bcc: en@et.example.org", vec![]),
            ("To: en@et.example.org.evil.example", vec![]),
            ("To: en@mx03.et.example.org", vec![]),
            ("To: undisclosed-recipients:;", vec![]),
            ("Subject: en@et.example.org", vec![]),
        ] {
            assert_eq!(read(head).addressed, zones, "{head}");
        }
    }

    #[test]
    fn from_counts_when_there_is_just_one() {
        for (head, from) in [
            ("From: jim@x.example", Some("jim@x.example")),
            ("From: a@x.example, b@x.example", None),
            ("From: a@x.example\nFrom: b@x.example", None),
            ("From: nobody", None),
            ("To: a@x.example", None),
        ] {
            let found = read(head).header_from.map(|from| from.to_string());
            assert_eq!(found.as_deref(), from, "{head}");
        }
    }

    #[test]
    fn robots_are_known_by_what_they_say() {
        let many = |count| "Received: from a by b; Mon, 23 Nov 2026 12:00:00 +0000\n".repeat(count);
        for (head, robot) in [
            ("From: jim@x.example".to_owned(), None),
            ("Auto-Submitted: no".to_owned(), None),
            ("Auto-Submitted: No (really)".to_owned(), None),
            (
                "Auto-Submitted: auto-replied".to_owned(),
                Some(Robot::AutoSubmitted),
            ),
            (
                "auto-submitted: Auto-Generated; x=y".to_owned(),
                Some(Robot::AutoSubmitted),
            ),
            ("List-Id: <a.example>".to_owned(), Some(Robot::List)),
            (
                "LIST-UNSUBSCRIBE: <https://a.example>".to_owned(),
                Some(Robot::List),
            ),
            ("Precedence: Bulk".to_owned(), Some(Robot::List)),
            ("Precedence: junk".to_owned(), Some(Robot::List)),
            ("Precedence: first-class".to_owned(), None),
            (
                "Content-Type: multipart/report;\n report-type=delivery-status; boundary=x"
                    .to_owned(),
                Some(Robot::Report),
            ),
            ("Content-Type: multipart/mixed; boundary=x".to_owned(), None),
            (
                "From: MAILER-DAEMON@x.example".to_owned(),
                Some(Robot::Daemon),
            ),
            (many(limits::RECEIVED) + "From: jim@x.example", None),
            (
                many(limits::RECEIVED + 1) + "From: jim@x.example",
                Some(Robot::Loop),
            ),
        ] {
            assert_eq!(read(&head).robot, robot, "{head}");
        }
    }

    #[test]
    fn daemons_are_known_by_their_name() {
        for (local, daemon) in [
            ("jim", false),
            ("postmaster", true),
            ("Mailer-Daemon", true),
            ("no-reply", true),
            ("noreply+123", true),
            ("owner-list", true),
            ("list-owner", true),
            ("list-request", true),
            ("bounces", true),
            ("bounce-123-x", true),
            ("bounces+a=b", true),
            ("list-bounces+a=b", true),
            ("bouncer", false),
            ("noreplyman", false),
            ("ownership", false),
        ] {
            assert_eq!(is_daemon(local), daemon, "{local}");
        }
    }

    #[test]
    fn garbage_never_panics() {
        let base = Domain::parse("example.org").unwrap();
        let whole =
            b"From: =?utf-8?q?J=C3=B6rg?= <j@x.example>\r\nTo: a:b@c,d;<e@et.example.org>\r\n\
            Date: Tue, 99 Foo 0000 99:99:99 +9999\r\nMessage-ID: <<>>\r\nReceived: x\r\n\r\nbody";
        assert_eq!(facts(b"", &base), MessageFacts::default());
        let mut state = 1_u32;
        for round in 0..5000 {
            let mut message = whole[..whole.len() - round % whole.len()].to_vec();
            for _ in 0..round % 8 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = state as usize % message.len();
                message[at] = (state >> 24) as u8;
            }
            let _ = facts(&message, &base);
        }
        let id = format!("Message-ID: <{}>", "x".repeat(5000));
        assert_eq!(
            read(&id).message_id.map(|id| id.len()),
            Some(limits::NOTED_TEXT)
        );
    }

    #[test]
    fn parts_are_decoded_under_their_names() {
        let message = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\none =3D=\r\n two\r\n--b\r\n\
            Content-Type: application/json\r\nContent-Disposition: attachment; filename=a.json\r\n\
            Content-Transfer-Encoding: base64\r\n\r\ne30=\r\n--b--\r\n";
        assert_eq!(
            readable(message),
            "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--- text/plain\n\none = two\n\n--- application/json a.json\n\n{}\n\n"
        );
    }
}
