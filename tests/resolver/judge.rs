//! Messages judged with keys and records from the signed world.

use crate::{dial, meddler::meddler, name, ready, world};
use hickory_proto::op::ResponseCode;
use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner};
use mail_auth::{ArcOutput, AuthenticatedMessage, AuthenticationResults};
use mailproof::base::ports::{Envelope, Judge};
use mailproof::base::{Authentication, Mailbox, MessageFacts, Robot, Verdict};
use mailproof::dial::judge::MailJudge;
use mailproof::dial::{Dial, Validate};

/// The key of RFC 8032 7.1, test 1, which RFC 8463 uses too.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn octets(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// A message of `jim@mail.signed.lab`, signed with this body and sent with that one.
fn message(signed: &str, sent: &str, canonicalization: Canonicalization) -> String {
    let head = "From: Jim <jim@mail.signed.lab>\r\nTo: en@et.example.org\r\nSubject: x\r\n\r\n";
    let key = Ed25519Key::from_seed_and_public_key(&octets(SEED), &octets(PUBLIC)).unwrap();
    let signature = DkimSigner::from_key(key)
        .domain("mail.signed.lab")
        .selector("key")
        .headers(["From", "To", "Subject"])
        .body_canonicalization(canonicalization)
        .header_canonicalization(Canonicalization::Relaxed)
        .sign(format!("{head}{signed}").as_bytes())
        .unwrap();
    format!("{}{head}{sent}", signature.to_header())
}

async fn judge(dial: &Dial, client: &str, from: Option<&str>, message: &str) -> MessageFacts {
    let envelope = Envelope {
        client: client.parse().unwrap(),
        ehlo: "mail.signed.lab".to_owned(),
        from: from.map(|from| Mailbox::parse(from).unwrap()),
        to: Vec::new(),
    };
    let judge = MailJudge::new(dial.clone(), name("example.org"));
    judge.judge(&envelope, message.as_bytes()).await
}

/// The results of SPF, each DKIM signature and DMARC.
fn show(authentication: &Authentication) -> String {
    let dkim = authentication.dkim.iter().map(|it| it.result.to_string());
    let dkim = dkim.collect::<Vec<_>>().join(",");
    format!("{} {dkim} {}", authentication.spf, authentication.dmarc)
}

/// An address that SPF allows, in two forms, and one that it does not.
const HERE: &str = "127.0.0.1";
const MAPPED: &str = "::ffff:127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";

type Row = (&'static str, Option<&'static str>, String, &'static str);

/// Client, envelope sender, message, and what is to be found.
fn rows() -> Vec<Row> {
    let jim = Some("jim@mail.signed.lab");
    let (relaxed, simple) = (Canonicalization::Relaxed, Canonicalization::Simple);
    let plain = message("Hello.\r\n", "Hello.\r\n", relaxed);
    let blank = |how| message("Hello.\r\n", "Hello.\r\n \r\n\t\r\n", how);
    vec![
        (HERE, jim, plain.clone(), "pass pass pass"),
        (MAPPED, jim, plain.clone(), "pass pass pass"),
        (ELSEWHERE, jim, plain.clone(), "fail pass pass"),
        (HERE, None, plain.clone(), "pass pass pass"),
        (
            HERE,
            Some("a@twice.signed.lab"),
            plain.clone(),
            "permerror pass pass",
        ),
        (HERE, Some("a@three.lab"), plain.clone(), "none pass pass"),
        (HERE, jim, plain.replace("Hello", "Hallo"), "pass fail pass"),
        (
            ELSEWHERE,
            jim,
            plain.replace("Subject: x", "Subject: y"),
            "fail fail fail",
        ),
        (
            HERE,
            jim,
            plain.replace("s=key", "s=none"),
            "pass permerror pass",
        ),
        (ELSEWHERE, jim, blank(relaxed), "fail pass pass"),
        (ELSEWHERE, jim, blank(simple), "fail fail fail"),
        (HERE, jim, String::new(), "pass  none"),
        (
            HERE,
            Some("a@plain.lab"),
            "From: x\r\n".to_owned(),
            "none  none",
        ),
    ]
}

#[tokio::test]
async fn messages_are_judged_on_our_resolver() {
    let world = world::world();
    let dial = dial(world.server.address, Validate::Own, &world.anchor);
    ready(&dial).await;
    for (client, from, message, expected) in rows() {
        let facts = judge(&dial, client, from, &message).await;
        assert_eq!(
            show(&facts.authentication),
            expected,
            "{client} {from:?}\n{message}"
        );
        assert_eq!(facts.authentication.arc, Verdict::None);
    }
    let (jim, plain) = (
        Some("jim@mail.signed.lab"),
        message("Hello.\r\n", "Hello.\r\n", Canonicalization::Relaxed),
    );
    let many = plain.split_once("From:").unwrap().0.repeat(30) + &plain;
    let facts = judge(&dial, "127.0.0.1", jim, &many).await;
    assert_eq!(facts.authentication.dkim[0].domain, name("mail.signed.lab"));
    assert_eq!(
        facts.authentication.dkim.len(),
        10,
        "a bounded number of signatures"
    );
    let bounce = judge(
        &dial,
        "127.0.0.1",
        Some("bounces+1@mail.signed.lab"),
        &plain,
    )
    .await;
    assert_eq!(bounce.robot, Some(Robot::Daemon));
}

#[tokio::test]
async fn the_crate_still_needs_its_blank_lines_removed() {
    let world = world::world();
    let dial = dial(world.server.address, Validate::Own, &world.anchor);
    ready(&dial).await;
    let message = message("Hello.\r\n", "Hello.\r\n \r\n", Canonicalization::Relaxed);
    let servers = hickory_resolver::config::NameServerConfig::udp(world.server.address.ip());
    let config = hickory_resolver::config::ResolverConfig::from_name_servers(vec![servers]);
    let crate_alone = mail_auth::MessageAuthenticator::new(config, Default::default()).unwrap();
    let parsed = mail_auth::AuthenticatedMessage::parse(message.as_bytes()).unwrap();
    let output = crate_alone.verify_dkim(&parsed).await;
    // The body hash is compared before the key is looked up. Should this pass one day, the way around can go.
    assert!(
        matches!(output[0].result(), mail_auth::DkimResult::Neutral(_)),
        "{:?}",
        output[0].result()
    );
    let facts = judge(&dial, "127.0.0.1", None, &message).await;
    assert_eq!(facts.authentication.dkim[0].result, Verdict::Pass);
}

#[tokio::test]
async fn what_cannot_be_found_out_is_temporary() {
    let world = world::world();
    ready(&dial(world.server.address, Validate::Own, &world.anchor)).await;
    let plain = message("Hello.\r\n", "Hello.\r\n", Canonicalization::Relaxed);
    let broken = meddler(world.server.address, |message| {
        if message.queries[0]
            .name()
            .to_ascii()
            .contains("mail.signed.lab")
        {
            message.answers.clear();
            message.metadata.response_code = ResponseCode::ServFail;
        }
    });
    for resolver in [broken, "127.0.0.1:9".parse().unwrap()] {
        let dial = dial(resolver, Validate::Own, &world.anchor);
        let facts = judge(&dial, "127.0.0.1", Some("jim@mail.signed.lab"), &plain).await;
        let shown = show(&facts.authentication);
        assert_eq!(shown, "temperror temperror temperror", "{resolver}");
    }
}

/// The message with a first ARC set of `mail.signed.lab` before it.
fn sealed(body: &str) -> String {
    let plain = message(body, body, Canonicalization::Relaxed);
    let key = Ed25519Key::from_seed_and_public_key(&octets(SEED), &octets(PUBLIC)).unwrap();
    let parsed = AuthenticatedMessage::parse(plain.as_bytes()).unwrap();
    let results = AuthenticationResults::new("relay.lab");
    let set = ArcSealer::from_key(key)
        .domain("mail.signed.lab")
        .selector("key")
        .headers(["From", "To", "Subject", "DKIM-Signature"])
        .body_canonicalization(Canonicalization::Relaxed)
        .seal(&parsed, &results, &ArcOutput::default())
        .unwrap();
    format!("{}{plain}", set.to_header())
}

/// A message with `more` fields beside those signed, and that many fields `X` signed with them.
fn large(signed: usize, more: usize) -> String {
    let head = format!(
        "From: Jim <jim@mail.signed.lab>\r\n{}{}\r\n",
        "X: y\r\n".repeat(signed),
        "Z: y\r\n".repeat(more),
    );
    let key = Ed25519Key::from_seed_and_public_key(&octets(SEED), &octets(PUBLIC)).unwrap();
    let signature = DkimSigner::from_key(key)
        .domain("mail.signed.lab")
        .selector("key")
        .headers(["From", "X"])
        .sign(format!("{head}Hello.\r\n").as_bytes())
        .unwrap();
    format!("{}{head}Hello.\r\n", signature.to_header())
}

/// A message just short of what is taken at all, its body hash right: as many names, each looked for in as many fields,
/// as there is room for.
fn bomb(kind: &str, instance: &str, chain: &str) -> String {
    let names: Vec<_> = (0..22_000).map(|n| format!("{n:x}")).collect();
    let names = names.join(":");
    let fields = "a:\r\n".repeat(28_000);
    let message = format!(
        "{kind}: {instance}v=1; a=ed25519-sha256; d=mail.signed.lab; s=key; b=AAAA; h={names};\r\n \
         bh=yZQq1c8wjBl0fZ4Wc/oraMCAG1mZJv5v/hlvyFy+t6A=\r\n{chain}From: Jim <jim@mail.signed.lab>\r\n{fields}\r\nHello.\r\n"
    );
    assert!(message.len() < 256 * 1024, "{}", message.len());
    message
}

/// What belongs to an ARC-Message-Signature.
const CHAIN: &str = "ARC-Seal: i=1; a=ed25519-sha256; cv=none; d=mail.signed.lab; s=key; b=AAAA\r\n\
                     ARC-Authentication-Results: i=1; relay.lab; none\r\n";

#[tokio::test]
async fn signatures_that_are_too_much_work_are_not_verified() {
    let world = world::world();
    let dial = dial(world.server.address, Validate::Own, &world.anchor);
    ready(&dial).await;
    let jim = Some("jim@mail.signed.lab");
    for (message, expected) in [
        (large(99, 0), "pass pass pass"),
        (large(100, 0), "pass permerror pass"),
        // The signature is a field as well.
        (large(1, 497), "pass pass pass"),
        (large(1, 498), "pass permerror pass"),
        (bomb("DKIM-Signature", "", ""), "pass permerror pass"),
        (bomb("ARC-Message-Signature", "i=1; ", CHAIN), "pass  pass"),
    ] {
        let facts = judge(&dial, HERE, jim, &message).await;
        let start = &message[..message.len().min(300)];
        assert_eq!(show(&facts.authentication), expected, "{start}");
        let is_arc = message.starts_with("ARC");
        let arc = if is_arc {
            Verdict::PermError
        } else {
            Verdict::None
        };
        assert_eq!(facts.authentication.arc, arc, "{start}");
    }
}

#[tokio::test]
async fn arc_chains_are_verified() {
    let world = world::world();
    let dial = dial(world.server.address, Validate::Own, &world.anchor);
    ready(&dial).await;
    let whole = sealed("Hello.\r\n");
    for (message, expected) in [
        (whole.clone(), Verdict::Pass),
        (whole.clone() + " \r\n", Verdict::Pass),
        (whole.replace("Hello", "Hallo"), Verdict::Fail),
        ("X: y\r\n".repeat(500) + &whole, Verdict::PermError),
        (whole.replace("cv=none", "cv=pass"), Verdict::Fail),
    ] {
        let facts = judge(&dial, HERE, None, &message).await;
        assert_eq!(facts.authentication.arc, expected, "{message}");
        assert_eq!(facts.signatures, ["Dkim", "Arc"]);
    }
}
