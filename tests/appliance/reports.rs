//! TLS reports as their senders bring them, by mail and by HTTPS, and what becomes of the tests they are about.

use crate::appliance::{Appliance, LIMIT, wait_for};
use crate::client::Client;
use crate::dns;
use crate::resolver::{self, Known};
use data_encoding::BASE64;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::dkim::DkimSigner;
use mailproof::base::{
    Authentication, Certificate, ClientHello, Close, Connection, ConnectionId, Contact, Language,
    Server, Status, Test, TestId, TestState, Timestamp, Tls, Transport, Via, Zone,
};
use mailproof::infer;
use mailproof::journal::{Journal, Space};
use mailproof::report::{Reply, ReplyState, Report};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const HOST: &str = "et.example.org";
const JSON: &str = "application/tlsrpt+json";
/// The key of RFC 8032 7.1, test 1.
const SEED: &str = "9D61B19DEFFD5A60BA844AF492EC2CC44449C5697B326919703BAC031CAE7F60";
const PUBLIC: &str = "D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A";

/// An appliance that is not started yet, in a world in which this host is `out.sender.example`.
fn appliance() -> Appliance {
    let appliance = Appliance::new();
    let public = BASE64.encode(&octets(PUBLIC));
    // RFC 8460 3: a key may be for reports alone.
    let key = format!("v=DKIM1; k=ed25519; s=tlsrpt; p={public}");
    let known = vec![
        Known::Host("out.sender.example", [127, 0, 0, 1]),
        Known::Text("key._domainkey.sender.example", key.clone()),
        Known::Text("key._domainkey.other.example", key),
        Known::Broken("broken._domainkey.sender.example"),
    ];
    let resolver = resolver::start(appliance.ports.dns.ip(), known);
    let config = appliance.path("mailproof.toml");
    let text = fs::read_to_string(&config).unwrap();
    let usual = format!("resolvers = [\"{}\"]", appliance.ports.dns);
    assert!(text.contains(&usual));
    let ours = format!("resolvers = [\"{resolver}\"]\nvalidate = \"upstream\"");
    fs::write(&config, text.replace(&usual, &ours)).unwrap();
    appliance
}

fn octets(hex: &str) -> Vec<u8> {
    data_encoding::HEXUPPER.decode(hex.as_bytes()).unwrap()
}

/// A report on the last hours by this organisation, of this type of policy.
fn report(id: &str, organisation: &str, policy: &str) -> String {
    let now = Timestamp::now();
    json!({
        "organization-name": "An organisation",
        "contact-info": format!("tls-reports@{organisation}"),
        "report-id": id,
        "date-range": {
            "start-datetime": now - Duration::from_secs(12 * 3600),
            "end-datetime": now + Duration::from_secs(60),
        },
        "policies": [{
            "policy": {"policy-type": policy, "policy-domain": HOST},
            "summary": {"total-successful-session-count": 2, "total-failure-session-count": 1},
            "failure-details": [{
                "result-type": "certificate-not-trusted",
                "receiving-mx-hostname": "mx04.et.example.org",
                "failed-session-count": 1,
            }],
        }],
    })
    .to_string()
}

/// Posts a report; the status of the reply.
fn post(appliance: &Appliance, media_type: &str, body: &str) -> u16 {
    post_from(appliance, [127, 0, 0, 1], media_type, body)
}

fn post_from(appliance: &Appliance, client: [u8; 4], media_type: &str, body: &str) -> u16 {
    let name = ServerName::try_from(HOST).unwrap();
    let tls = ClientConnection::new(appliance.trust(), name).unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((client, 0)).into()).unwrap();
    socket.connect(&appliance.ports.https.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut stream = StreamOwned::new(tls, stream);
    write!(
        stream,
        "POST /tlsrpt HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\
         Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let status = reply.split(' ').nth(1).map(str::parse);
    status.unwrap_or_else(|| panic!("{reply:?}")).unwrap()
}

/// A message with this report, from this address, signed by this selector and domain, if any.
fn message(from: &str, signed: Option<(&str, &str)>, more: &str, report: &str) -> String {
    let body = BASE64.encode(report.as_bytes());
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(76)
        .map(String::from_utf8_lossy)
        .collect();
    let message = format!(
        "From: {from}\r\nTo: tlsrpt@{HOST}\r\nSubject: Report Domain: {HOST}\r\n{more}MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n\
         --b\r\nContent-Type: {JSON}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        lines.join("\r\n")
    );
    let Some((selector, domain)) = signed else {
        return message;
    };
    let key = Ed25519Key::from_seed_and_public_key(&octets(SEED), &octets(PUBLIC)).unwrap();
    let signature = DkimSigner::from_key(key)
        .domain(domain)
        .selector(selector)
        .headers(["From", "To", "Subject", "Content-Type"])
        .sign(message.as_bytes())
        .unwrap();
    format!("{}{message}", signature.to_header())
}

/// Brings a message in a session that has greeted already; the reply.
fn mail(client: &mut Client, message: &str) -> String {
    client.converse(&[
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<tlsrpt@et.example.org>", "250"),
        ("DATA", "354"),
    ]);
    client.say(&format!("{}.", message.replace("\r\n.", "\r\n..")))
}

/// What a test has of reports: way, domain, whether authenticated, id.
fn reports(test: &Value) -> Vec<String> {
    let rows = test["tls_reports"].as_array().unwrap().iter();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.map(|row| {
        let proven = if row["authenticated"] == true {
            "proven"
        } else {
            "unproven"
        };
        format!(
            "{} {} {proven} {}",
            text(row, "via"),
            text(row, "domain"),
            text(row, "id")
        )
    })
    .collect()
}

#[test]
fn reports_are_taken_from_those_who_can_prove_it_and_shown_of_others() {
    let mut appliance = appliance();
    appliance.start();
    let published = dns::text(appliance.ports.dns, "_smtp._tls.et.example.org");
    assert_eq!(
        published,
        "v=TLSRPTv1; rua=mailto:tlsrpt@et.example.org,https://et.example.org/tlsrpt"
    );
    let mut client = appliance.client();
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        ("MAIL FROM:<jim@sender.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
        ("DATA", "451"),
    ]);
    client.quit();
    // In the window a report waits as well.
    let mut client = appliance.client();
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<tlsrpt@et.example.org>", "250"),
        ("DATA", "451 4.7.0"),
    ]);
    client.quit();
    appliance.wait_for_window();
    by_mail(&appliance);
    by_https(&appliance);

    let expected = [
        "mail sender.example proven m1",
        "https sender.example proven h1",
        "https sender.example proven h2",
    ];
    let test = appliance.test_of("jim@sender.example");
    assert_eq!(reports(&test), expected);
    assert_eq!(
        test["tls_reports"][0]["policies"],
        json!([{
            "type": "sts", "zone": "et", "domain": HOST, "mx": [], "success": 2, "failure": 1,
            "details": [{
                "result": "certificate-not-trusted", "mx": "mx04.et.example.org", "sender": null,
                "sessions": 1, "reason": null,
            }],
        }])
    );
    appliance.stop();
    let test = appliance.test_of("jim@sender.example");
    assert_eq!(reports(&test), expected, "they outlive a restart");
    for content in ["A report.", "tls-reports@"] {
        let file = fs::read(appliance.path("journal.redb")).unwrap();
        let held = file
            .windows(content.len())
            .any(|part| part == content.as_bytes());
        assert!(!held, "{content} is kept");
        assert!(
            !appliance.log().contains(content),
            "{content} is in the log"
        );
    }
}

fn by_mail(appliance: &Appliance) {
    let mut client = appliance.client();
    client.converse(&[("EHLO out.sender.example", "250")]);
    let good = report("m1", "sender.example", "sts");
    let from = "reports@mail.sender.example";
    let signed = Some(("key", "sender.example"));
    let of_other = Some(("key", "other.example"));
    let submitter = "TLS-Report-Domain: et.example.org\r\nTLS-Report-Submitter: sender.example\r\n";
    let another = "TLS-Report-Submitter: other.example\r\n";
    let whole = message(from, signed, submitter, &good);
    for (name, message, reply) in [
        ("unsigned", message(from, None, "", &good), "550 5.7.1"),
        (
            "not aligned",
            message(from, of_other, "", &good),
            "550 5.7.1",
        ),
        (
            "another submitter",
            message(from, signed, another, &good),
            "550 5.7.1",
        ),
        (
            "changed",
            whole.replace("A report.", "B report."),
            "550 5.7.1",
        ),
        (
            "no key",
            message(from, Some(("none", "sender.example")), "", &good),
            "550 5.7.1",
        ),
        (
            "no answer",
            message(from, Some(("broken", "sender.example")), "", &good),
            "451 4.7.0",
        ),
        ("no report", message(from, signed, "", "{}"), "550 5.6.0"),
        ("right", whole.clone(), "250 2.0.0 The report is taken"),
        ("again", whole, "250 2.0.0 The report is here already"),
    ] {
        let said = mail(&mut client, &message);
        assert!(said.starts_with(reply), "{name}: {said}");
    }
    client.quit();
}

fn by_https(appliance: &Appliance) {
    let long_ago = "2022-08-27T00:00:00Z";
    let mut old: Value = serde_json::from_str(&report("h9", "sender.example", "sts")).unwrap();
    old["date-range"] = json!({"start-datetime": long_ago, "end-datetime": long_ago});
    for (media_type, body, status) in [
        (JSON, report("h1", "sender.example", "sts"), 201),
        (JSON, report("h1", "sender.example", "sts"), 200),
        // It came by mail before.
        (JSON, report("m1", "sender.example", "sts"), 200),
        // Without a claim it is of whom it comes from.
        (JSON, report("h2", "localhost", "tlsa"), 201),
        // This claims to be of somebody else: it is taken, and is not about this test.
        (JSON, report("h3", "other.example", "sts"), 201),
        (JSON, old.to_string(), 400),
        (JSON, "{}".to_owned(), 400),
        ("application/tlsrpt+gzip", "not packed".to_owned(), 400),
        (
            "application/json",
            report("h4", "sender.example", "sts"),
            415,
        ),
        (JSON, " ".repeat(300_000), 413),
    ] {
        let told = post(appliance, media_type, &body);
        assert_eq!(
            told,
            status,
            "{media_type} {}",
            &body[..body.len().min(300)]
        );
    }
}

/// A contact of `ended` with a server that took its mail, or was refused.
fn contact(number: u64, at: Timestamp, server: Server, took: bool) -> Contact {
    let (client, address) = ("127.0.0.1".parse().unwrap(), "192.0.2.25".parse().unwrap());
    let mut facts = Connection::new(ConnectionId(number), client, address, at);
    facts.ehlo = Some("out.sender.example".to_owned());
    facts.ptr = Some("out.sender.example".parse().unwrap());
    facts.ended = Some(at);
    facts.close = Some(Close::Quit);
    facts.server = Some(server);
    if server != Server::One {
        facts.starttls_offered = true;
        facts.zone = Some(Zone::Et);
        facts.via = Some(Via::Sni);
        facts.transport = Transport::Encrypted;
        facts.status = Status::TlsStarted;
        facts.certificate = Some(Certificate::Host(server));
        facts.hello = Some(ClientHello::default());
        facts.tls = Some(Tls {
            version: "1.3".to_owned(),
            cipher: "TLS13_AES_128_GCM_SHA256".to_owned(),
        });
    }
    if took {
        facts.ehlo_in_tls = true;
        facts.status = Status::Mail;
        facts.from = Some("jim@sender.example".parse().ok());
        facts.to = vec!["en@et.example.org".parse().unwrap()];
    }
    Contact {
        attempt: if number == 1 {
            1
        } else {
            2 + u32::from(number > 4)
        },
        shared: !took,
        foreign: false,
        connection: facts,
    }
}

/// The result of a test that ended some hours ago; deliveries leave `verify` and `mta-sts`.
fn ended() -> Report {
    let started = Timestamp::now() - Duration::from_secs(6 * 3600);
    let rows = [
        (0, Server::One, false),
        (300, Server::Five, true),
        (301, Server::Four, false),
        (302, Server::Three, false),
        (900, Server::Five, true),
    ];
    let connections = rows
        .iter()
        .zip(1..)
        .map(|((second, server, took), number)| {
            contact(
                number,
                started + Duration::from_secs(*second),
                *server,
                *took,
            )
        });
    let test = Test {
        id: TestId::from_bits([5; 10]),
        sender: "jim@sender.example".parse().unwrap(),
        token: None,
        language: Language::English,
        state: TestState::Reported,
        started,
        ended: Some(started + Duration::from_secs(900)),
        addressed: Zone::ALL.to_vec(),
        origins: Vec::new(),
        authentication: Authentication::default(),
        message_ids: Vec::new(),
        date: Some(started),
        signatures: Vec::new(),
        proven: true,
        robot: None,
        orders: Vec::new(),
        order_ttl: 60,
        gaps: Vec::new(),
        connections: connections.collect(),
        queries: Vec::new(),
        fetches: Vec::new(),
        tls_reports: Vec::new(),
    };
    Report {
        outbound: infer::outbound(&test),
        test,
        inbound: None,
        reply: Reply {
            state: ReplyState::Sent,
            reason: "250 2.0.0 taken".to_owned(),
        },
    }
}

/// Policy, confidence, and the codes of the findings.
fn verdict(test: &Value) -> String {
    let outbound = &test["outbound"];
    let findings = outbound["findings"].as_array().unwrap().iter();
    let codes: Vec<_> = findings
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    format!(
        "{} {} {}",
        outbound["policy"].as_str().unwrap(),
        outbound["confidence"].as_str().unwrap(),
        codes.join(" ")
    )
}

#[test]
fn a_result_is_amended_when_a_report_comes_later() {
    let mut appliance = appliance();
    let stored = ended();
    let id = stored.test.id.to_string();
    {
        let path = appliance.path("journal.redb");
        let (journal, _) = Journal::open(&path, Timestamp::now()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let put = journal.put(Space::Results, &id, stored.to_stored().unwrap());
        runtime.block_on(put).unwrap();
    }
    appliance.start();
    let before = appliance.json(&["tests", "show", &id]);
    assert_eq!(verdict(&before), "undetermined proven ");

    let amended = |reports: usize| {
        wait_for("the amended result", || {
            let test = appliance.json(&["tests", "show", &id]);
            let count = test["tls_reports"].as_array().unwrap().len();
            (count == reports).then_some(test)
        })
    };
    // Whoever says so: it decides nothing.
    let from_elsewhere = report("u1", "sender.example", "sts");
    assert_eq!(
        post_from(&appliance, [127, 0, 0, 2], JSON, &from_elsewhere),
        201
    );
    let shown = amended(1);
    assert_eq!(reports(&shown), ["https sender.example unproven u1"]);
    assert_eq!(verdict(&shown), "undetermined proven ");

    let own = report("u1", "sender.example", "sts");
    assert_eq!(post(&appliance, JSON, &own), 201);
    let decided = amended(2);
    assert_eq!(
        verdict(&decided),
        "mta-sts supported sts-refused-after-connect tlsrpt-confirms"
    );
    let finding = &decided["outbound"]["findings"][1];
    assert_eq!(
        (&finding["evidence"], &finding["rfc"]),
        (&json!(["u1"]), &json!("8460 4.4"))
    );
    assert_eq!(decided["reply"], before["reply"], "no mail is sent again");
    let text = appliance.text(&["tests", "show", &id]);
    for part in [
        "TLS report on this time (RFC 8460): once",
        "perhaps by somebody else",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What was not amended yet when the appliance stopped is amended when it starts.
    let mut late = appliance_again(appliance, &id, &stored);
    let again = wait_for("the result amended at the start", || {
        let test = late.json(&["tests", "show", &id]);
        (test["tls_reports"].as_array().unwrap().len() == 2).then_some(test)
    });
    assert_eq!(again["outbound"], decided["outbound"]);
    late.text(&["tests", "erase", &id]);
    let more = report("h2", "sender.example", "sts");
    assert_eq!(post(&late, JSON, &more), 201);
    late.stop();
    let gone = late.run(&["tests", "show", &id]);
    assert_eq!(
        gone.status.code(),
        Some(1),
        "a report brings no erased test back"
    );
}

#[test]
fn who_brings_too_many_is_put_off_and_hinders_nobody_else() {
    let mut appliance = appliance();
    appliance.start();
    let first = (0..100)
        .map(|_| post(&appliance, JSON, "{}"))
        .find(|status| *status != 400);
    assert_eq!(first, Some(429));
    let own = report("h1", "sender.example", "sts");
    assert_eq!(post(&appliance, JSON, &own), 429);
    assert_eq!(post_from(&appliance, [127, 0, 9, 1], JSON, &own), 201);
    let mut client = appliance.client();
    client.converse(&[("EHLO out.sender.example", "250")]);
    client.quit();
    appliance.wait_for_window();
    let mut client = appliance.client();
    client.converse(&[("EHLO out.sender.example", "250")]);
    let said = mail(&mut client, &message("a@sender.example", None, "", &own));
    assert!(said.starts_with("451 4.3.2"), "{said}");
    client.quit();
}

/// The appliance stopped, its result as it was before, and started again.
fn appliance_again(mut appliance: Appliance, id: &str, stored: &Report) -> Appliance {
    appliance.stop();
    {
        let path = appliance.path("journal.redb");
        let (journal, _) = Journal::open(&path, Timestamp::now()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let put = journal.put(Space::Results, id, stored.to_stored().unwrap());
        runtime.block_on(put).unwrap();
    }
    appliance.start();
    appliance
}
