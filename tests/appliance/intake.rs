//! Bad input at the mail port: each is answered with its reply, and the appliance goes on.

use crate::appliance::Appliance;
use crate::client::Client;

/// What is said, and how each reply begins.
type Dialogue = (&'static str, &'static [(&'static str, &'static str)]);

const MAIL: (&str, &str) = ("MAIL FROM:<a@sender.example>", "250 2.1.0");
const ET: (&str, &str) = ("RCPT TO:<en@et.example.org>", "250 2.1.5");
const NO_DATA: (&str, &str) = ("DATA", "503 5.5.1");
const NOOP: (&str, &str) = ("NOOP", "250 2.0.0");

/// Sent in clear text, after EHLO.
const IN_CLEAR: [Dialogue; 8] = [
    (
        "unknown recipients",
        &[
            MAIL,
            ("RCPT TO:<fr@et.example.org>", "550 5.1.1"),
            ("RCPT TO:<en+0000000000000000@et.example.org>", "550 5.1.1"),
            ("RCPT TO:<root@ut.example.org>", "550 5.1.1"),
            ("RCPT TO:<tlsrpt@ut.example.org>", "550 5.1.1"),
            NO_DATA,
        ],
    ),
    (
        "no relay",
        &[
            MAIL,
            ("RCPT TO:<victim@elsewhere.example>", "550 5.7.1"),
            ("RCPT TO:<en@example.org>", "550 5.7.1"),
            ("RCPT TO:<en@mx03.et.example.org>", "550 5.7.1"),
            ("RCPT TO:<en@xet.example.org>", "550 5.7.1"),
            ("RCPT TO:<en@et.example.org.elsewhere.example>", "550 5.7.1"),
            (
                "RCPT TO:<victim%elsewhere.example@et.example.org>",
                "550 5.1.1",
            ),
            (
                "RCPT TO:<\"victim@elsewhere.example\"@et.example.org>",
                "550 5.1.1",
            ),
            (
                "RCPT TO:<@et.example.org:victim@elsewhere.example>",
                "550 5.7.1",
            ),
            ("RCPT TO:<victim@[192.0.2.1]>", "550 5.7.1"),
            NO_DATA,
        ],
    ),
    (
        "no relay for senders of ours either",
        &[
            ("MAIL FROM:<en@et.example.org>", "250 2.1.0"),
            ("RCPT TO:<victim@elsewhere.example>", "550 5.7.1"),
        ],
    ),
    (
        "both domains, or a test and the operator, in one transaction",
        &[
            MAIL,
            ET,
            ("RCPT TO:<en@ut.example.org>", "452 4.5.3"),
            ("RCPT TO:<postmaster@et.example.org>", "452 4.5.3"),
            ("RCPT TO:<de@et.example.org>", "250 2.1.5"),
            ("DATA", "451 4.7.0"),
        ],
    ),
    (
        "too large by its own word",
        &[
            ("MAIL FROM:<a@sender.example> SIZE=262145", "552 5.3.4"),
            ("RCPT TO:<en@et.example.org>", "503 5.5.1"),
            ("MAIL FROM:<a@sender.example> SIZE=262144", "250 2.1.0"),
        ],
    ),
    (
        "out of order, not offered, not known",
        &[
            NO_DATA,
            ("RCPT TO:<en@et.example.org>", "503 5.5.1"),
            ("STARTTLS", "502 5.5.1"),
            ("BDAT 10 LAST", "502 5.5.1"),
            ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
            ("MAIL FROM:a@sender.example", "501 5.5.4"),
            ("MAIL FROM:<a@sender.example> MT-PRIORITY=3", "555 5.5.4"),
            NOOP,
        ],
    ),
    ("a NUL", &[("NOOP\0", "500 5.5.2"), NOOP]),
    (
        "the null sender",
        &[("MAIL FROM:<>", "250 2.1.0"), ET, ("DATA", "550 5.7.1")],
    ),
];

/// Sent inside TLS, after DATA was accepted. The end of data is added.
const MESSAGES: [(&str, &str, &str); 5] = [
    ("a bare LF", "Subject: x\r\n\r\none\ntwo", "550 5.6.0"),
    ("a bare CR", "Subject: x\r\n\r\none\rtwo", "550 5.6.0"),
    (
        "an end of data of bare LF, with a second mail behind it",
        "Subject: x\r\n\r\none\n.\nMAIL FROM:<b@sender.example>",
        "550 5.6.0",
    ),
    (
        "an end of data that is half one",
        "Subject: x\r\n\r\none\r\n.\nMAIL FROM:<b@sender.example>",
        "550 5.6.0",
    ),
    ("nothing at all", "", "451 4.7.1"),
];

#[test]
fn bad_input_is_answered_and_leaves_nothing_behind() {
    let appliance = Appliance::started();
    for (name, lines) in IN_CLEAR {
        eprintln!("{name}");
        let mut client = greeted(&appliance, "clear.sender.example");
        client.converse(lines);
        client.quit();
    }
    garbage(&appliance);
    too_many_faults(&appliance);
    a_browser(&appliance);
    messages(&appliance);
    let senders: Vec<_> = appliance
        .json(&["tests", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["sender"].clone())
        .collect();
    assert_eq!(
        senders,
        ["a@sender.example"],
        "only these offered mail to a test"
    );
    let test = appliance.test_of("a@sender.example");
    let findings = test["outbound"]["findings"].as_array().unwrap();
    let bare = (findings.iter()).find(|finding| finding["code"] == "bare-line-end");
    let refused = MESSAGES
        .iter()
        .filter(|(_, _, reply)| *reply == "550 5.6.0");
    assert_eq!(
        bare.unwrap()["evidence"].as_array().unwrap().len(),
        refused.count()
    );
    appliance.client().quit();
    assert!(!appliance.log().contains("panicked"), "{}", appliance.log());
}

fn greeted(appliance: &Appliance, name: &str) -> Client {
    let mut client = appliance.client();
    let reply = client.say(&format!("EHLO {name}"));
    assert!(
        !reply.contains("STARTTLS") && !reply.contains("CHUNKING"),
        "{reply}"
    );
    client
}

/// What is no SMTP: every line gets its reply, and the session is fit for use afterwards.
fn garbage(appliance: &Appliance) {
    let long = vec![b'x'; 1 << 20];
    for (bytes, end, why) in [
        (&b"\xff\xfe\xfd"[..], "\r\n", "This is not UTF-8"),
        (b"\0\x01\x02", "\r\n", "A NUL is not allowed"),
        (&long, "\r\n", "The line is too long"),
        (b"NOOP", "\n", "Lines end with CRLF (RFC 5321 2.3.8)"),
    ] {
        let mut client = appliance.client();
        client.send(bytes);
        client.send(end.as_bytes());
        assert_eq!(client.reply(), format!("500 5.5.2 {why}"));
        client.converse(&[NOOP]);
        client.quit();
    }
    let mut silent = appliance.client();
    silent.send(&long);
    silent.leave();
    let mut eager = appliance.client();
    eager.say_hello_of_tls(&appliance.trust(), "mx06.et.example.org");
    eager.leave();
}

fn too_many_faults(appliance: &Appliance) {
    let mut client = appliance.client();
    let last = (0..100)
        .map(|_| client.say("NONSENSE"))
        .find(|reply| !reply.starts_with("500 "));
    assert_eq!(last.unwrap(), "421 4.7.0 Too much for one session");
    assert_eq!(client.reply(), "", "the server closes");
}

fn a_browser(appliance: &Appliance) {
    let mut client = appliance.client();
    let reply =
        client.say("POST / HTTP/1.1\r\nHost: et.example.org\r\n\r\nMAIL FROM:<a@sender.example>");
    assert_eq!(reply, "421 4.7.0 This server speaks SMTP alone");
    assert_eq!(client.reply(), "", "the server closes");
}

fn messages(appliance: &Appliance) {
    let (name, host) = ("tls.sender.example", "mx06.et.example.org");
    greeted(appliance, name).quit();
    appliance.wait_for_window();
    let large = format!(
        "Subject: x\r\n\r\n{}",
        "A line of thirty-two octets ....\r\n".repeat(8000)
    );
    let rows = [("too large by count", large.as_str(), "552 5.3.4")];
    for (what, message, expected) in rows.into_iter().chain(MESSAGES) {
        let mut client = appliance.secured(name, host);
        client.converse(&[
            ("EHLO tls.sender.example", "250"),
            MAIL,
            ET,
            ("DATA", "354"),
        ]);
        client.send(message.as_bytes());
        client.send(if message.is_empty() {
            b".\r\n"
        } else {
            b"\r\n.\r\n"
        });
        let reply = client.reply();
        assert!(reply.starts_with(expected), "{what}: {reply}");
        if expected.starts_with('5') {
            client.converse(&[NOOP]);
        }
        client.quit();
    }
}
