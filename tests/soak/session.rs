//! Sessions with mail for a test, or for the operator.

use crate::account::{Claim, Said};
use crate::link::{Gone, Link, expect};
use crate::random::Random;
use crate::sender::{Senders, Somebody, Temper};
use std::sync::atomic::{AtomicU64, Ordering};

const HOSTS: [&str; 4] = ["mx03.et", "mx04.et", "mx05.et", "mx06.et"];
/// What a forger puts into a message so that a careless server takes it for the next one.
const FORGED: &str =
    "x\n.\nMAIL FROM:<mallory@sender.example>\r\nRCPT TO:<en@et.example.org>\r\nDATA\r\nx";

/// Who sends, and as what.
pub struct Errand<'a> {
    all: &'a Senders<'a>,
    who: &'a Somebody,
    ehlo: &'a str,
    from: String,
}

impl<'a> Errand<'a> {
    pub fn new(all: &'a Senders<'a>, who: &'a Somebody, ehlo: &'a str) -> Self {
        Self {
            all,
            who,
            ehlo,
            from: who.from(),
        }
    }

    fn claim(&self, message: Option<&str>, said: Said) {
        self.all.account.claim(Claim {
            ehlo: self.ehlo.to_owned(),
            from: self.from.clone(),
            message: message.map(str::to_owned),
            said,
        });
    }
}

/// One session with the test's message; says whether it was taken.
pub fn deliver(
    link: &mut Link<'_>,
    errand: &Errand<'_>,
    random: &mut Random,
) -> Result<bool, Gone> {
    let zone = match errand.who.both && random.below(3) == 0 {
        true => "ut",
        false => "et",
    };
    if errand.who.temper == Temper::Clear && random.below(4) == 0 {
        return pipelined(link, errand, zone, random);
    }
    let greeting = link.expect(&format!("EHLO {}", errand.ehlo), &["250"])?;
    if errand.who.temper != Temper::Clear {
        match greeting.contains("STARTTLS") {
            true if !secure(link, errand, zone, random)? => return Ok(false),
            true => {}
            // Whoever insists on TLS leaves.
            false if matches!(errand.who.temper, Temper::Choosy | Temper::Strict) => {
                return quit(link).map(|()| false);
            }
            false => {}
        }
    }
    let mut taken = false;
    loop {
        let again = transaction(link, errand, zone, random)?;
        taken |= again == Some(true);
        match again {
            Some(true) if random.below(20) == 0 => {}
            Some(false) if random.below(6) == 0 => {
                // Nobody is to send again within the session.
                let mail = format!("MAIL FROM:<{}>", errand.from);
                link.expect(&mail, &["421 4.7.1"])?;
                return Ok(taken);
            }
            _ => return quit(link).map(|()| taken),
        }
    }
}

/// Starts TLS; `false` when the sender went, for it did not like the certificate.
fn secure(
    link: &mut Link<'_>,
    errand: &Errand<'_>,
    zone: &str,
    random: &mut Random,
) -> Result<bool, Gone> {
    let host = match zone {
        "ut" => zone,
        _ => HOSTS[random.below(HOSTS.len())],
    };
    let temper = errand.who.temper;
    link.expect("STARTTLS", &["220 2.0.0"])?;
    let liked = link.start_tls(errand.all.tls(temper), &format!("{host}.example.org"))?;
    let refused = temper == Temper::Choosy && matches!(host, "mx03.et" | "mx05.et");
    let must_refuse = temper == Temper::Strict && matches!(host, "mx03.et" | "mx04.et");
    if liked == must_refuse {
        return Err(Gone::Fault(format!("the certificate of {host}: {liked}")));
    }
    if !liked || refused {
        return Ok(false);
    }
    let greeting = link.expect(&format!("EHLO {}", errand.ehlo), &["250"])?;
    match greeting.contains("STARTTLS") {
        true => Err(Gone::Fault("STARTTLS inside TLS".to_owned())),
        false => Ok(true),
    }
}

/// A transaction; whether the message was taken or put off, `None` when it was refused.
fn transaction(
    link: &mut Link<'_>,
    errand: &Errand<'_>,
    zone: &str,
    random: &mut Random,
) -> Result<Option<bool>, Gone> {
    link.expect(&format!("MAIL FROM:<{}>", errand.from), &["250 2.1.0"])?;
    let to = format!("RCPT TO:<en@{zone}.example.org>");
    let reply = link.expect(&to, &["250 2.1.5", "451 4.7.1"])?;
    if reply.starts_with("451") {
        errand.claim(None, Said::Later);
        return Ok(Some(false));
    }
    if random.below(5) == 0 {
        let other = if zone == "et" { "ut" } else { "et" };
        for (to, code) in [
            (
                format!("de@{zone}.example.org"),
                &["250 2.1.5", "451 4.7.1"][..],
            ),
            (format!("en@{other}.example.org"), &["452 4.5.3"]),
            (format!("nobody@{zone}.example.org"), &["550 5.1.1"]),
            ("victim@elsewhere.example".to_owned(), &["550 5.7.1"]),
        ] {
            link.expect(&format!("RCPT TO:<{to}>"), code)?;
        }
    }
    let reply = link.expect("DATA", &["354", "451 4.7.0", "451 4.7.1"])?;
    data(link, errand, &reply, random)
}

/// All of a transaction in clear text in one piece.
pub fn pipelined(
    link: &mut Link<'_>,
    errand: &Errand<'_>,
    zone: &str,
    random: &mut Random,
) -> Result<bool, Gone> {
    let lines = format!(
        "EHLO {}\r\nMAIL FROM:<{}>\r\nRCPT TO:<en@{zone}.example.org>\r\nDATA\r\n",
        errand.ehlo, errand.from
    );
    link.send(lines.as_bytes(), "commands")?;
    for expected in ["250", "250 2.1.0", "250 2.1.5"] {
        let reply = link.reply()?;
        expect(&lines, &reply, &[expected])?;
    }
    let reply = link.reply()?;
    expect(&lines, &reply, &["354", "451 4.7.0", "451 4.7.1"])?;
    let taken = data(link, errand, &reply, random)?;
    quit(link).map(|()| taken == Some(true))
}

/// What follows the reply to DATA.
fn data(
    link: &mut Link<'_>,
    errand: &Errand<'_>,
    reply: &str,
    random: &mut Random,
) -> Result<Option<bool>, Gone> {
    if reply.starts_with("451") {
        errand.claim(None, Said::Later);
        return Ok(Some(false));
    }
    let id = message_id();
    let forged = random.below(12) == 0;
    let text = message(errand, &id, forged, random);
    link.send(text.as_bytes(), "a message")?;
    let reply = link.reply()?;
    if forged {
        expect(&id, &reply, &["550 5.6.0"])?;
        errand.claim(Some(&id), Said::Refused);
        link.expect("NOOP", &["250 2.0.0"])?;
        return Ok(None);
    }
    expect(&id, &reply, &["250 2.0.0 Accepted", "451 4.7.1"])?;
    if reply.starts_with("451") {
        errand.claim(Some(&id), Said::Later);
        return Ok(Some(false));
    }
    let test = reply.rsplit(' ').next().unwrap_or_default();
    errand.claim(Some(&id), Said::Accepted(test.to_owned()));
    Ok(Some(true))
}

/// A Message-ID that there is once.
fn message_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{}@sender.example", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn message(errand: &Errand<'_>, id: &str, forged: bool, random: &mut Random) -> String {
    let ut = if errand.who.both {
        ", <en@ut.example.org>"
    } else {
        ""
    };
    let line = [".. a line that begins with a dot\r\n", "A line\r\n", "\r\n"][random.below(3)];
    let body = match forged {
        true => FORGED.to_owned(),
        false => line.repeat(random.below(100)),
    };
    format!(
        "From: <{}>\r\nTo: <en@et.example.org>{ut}\r\nMessage-ID: <{id}>\r\nSubject: x\r\n\r\n{body}\r\n.\r\n",
        errand.from
    )
}

/// Mail for the operator, whose server cannot be found.
pub fn operator(link: &mut Link<'_>, who: &Somebody, ehlo: &str) -> Result<(), Gone> {
    link.expect(&format!("EHLO {ehlo}"), &["250"])?;
    link.expect(&format!("MAIL FROM:<{}>", who.from()), &["250 2.1.0"])?;
    link.expect("RCPT TO:<postmaster@et.example.org>", &["250 2.1.5"])?;
    let reply = link.expect("DATA", &["354", "451 4.7.0"])?;
    if reply.starts_with("354") {
        link.send(b"Subject: x\r\n\r\nx\r\n.\r\n", "a message")?;
        let reply = link.reply()?;
        expect("mail for the operator", &reply, &["4"])?;
    }
    quit(link)
}

fn quit(link: &mut Link<'_>) -> Result<(), Gone> {
    link.expect("QUIT", &["221 2.0.0"]).map(drop)
}
