//! `seeds FOLDER`: writes what the fuzzer begins with, made from the dialogues, the journal's samples, a result, a TLS
//! report, greetings of TLS and questions to the nameserver.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/dns/ask.rs"]
mod ask;
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/dns/rows.rs"]
mod rows;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/reports/scene.rs"]
mod scene;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/smtp/script.rs"]
mod script;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/dns/world.rs"]
mod world;

use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use hickory_proto::rr::rdata::opt::EdnsOption;
use rustls::client::ClientConfig;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, RootCertStore};
use script::Step;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

// What is fuzzed counts its edges, here as well, so that the fuzzer has to be linked in; it is not run.
libfuzzer_sys::fuzz_target!(|_input: &[u8]| {});

/// Octets that all questions of a session are answered with: they offer STARTTLS, except for the odd ones; the
/// recipients are real; mail is put off, or accepted from the second on.
const ANSWERS: [u8; 5] = [0, 40, 70, 15, 25];
/// Longer inputs are not tried (`run.sh`).
const LONGEST: usize = 4096;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for script in script::read(&sources.join("tests/dialogues")) {
        let mut stream = Vec::new();
        for step in &script.steps {
            match step {
                Step::Send(bytes) => stream.extend_from_slice(bytes),
                Step::Tls(_) => stream.extend_from_slice(&[22, 3, 1]),
                Step::Expect(_) | Step::Fin => {}
            }
        }
        let seed = |target: &str, name: &str, head: &[u8]| {
            write(&folder, target, name, &[head, &stream].concat());
        };
        seed("command_lines", &script.name, &[255, 6]);
        seed("message_data", &script.name, &[255, 80, 6]);
        for answer in ANSWERS {
            let head = [&[0, 30][..], &[answer; 30], &[2, 6, 0]].concat();
            seed("session", &format!("{}-{answer}", script.name), &head);
        }
    }
    for (name, versions) in [("tls12", &[&TLS12][..]), ("tls13", &[&TLS13, &TLS12])] {
        write(
            &folder,
            "client_hello",
            name,
            &[&[99][..], &hello(versions)].concat(),
        );
    }
    reports(&folder);
    for (number, (name, rtype, edns, ..)) in rows::ROWS.iter().enumerate() {
        let mut query = ask::query(name, ask::rtype(rtype), *edns);
        for how in 0..4 {
            if let (2, Some(edns)) = (how, &mut query.edns) {
                // NSID, and the cookie of a client.
                let options = edns.options_mut();
                options.insert(EdnsOption::Unknown(3, Vec::new()));
                options.insert(EdnsOption::Unknown(10, vec![9; 8]));
            }
            let input = [&[how][..], &query.to_vec().unwrap()].concat();
            write(&folder, "question", &format!("{number}-{how}"), &input);
        }
    }
    let samples = fs::read_to_string(sources.join("src/journal/v1/written.hex")).unwrap();
    for (number, line) in samples.lines().enumerate() {
        let octet = |at| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
        let record: Vec<u8> = (0..line.len()).step_by(2).map(octet).collect();
        let name = format!("record-{number}");
        write(
            &folder,
            "stored_records",
            &name,
            &[&[0][..], &record].concat(),
        );
    }
    for (name, report) in results() {
        let stored = report.to_stored().unwrap();
        write(
            &folder,
            "stored_records",
            name,
            &[&[1][..], &stored].concat(),
        );
    }
}

/// A TLS report (RFC 8460 4.4).
const REPORT: &str = r#"{
  "organization-name": "Sender Ltd.", "contact-info": "reports@sender.example", "report-id": "1@sender.example",
  "date-range": {"start-datetime": "2026-11-27T00:00:00Z", "end-datetime": "2026-11-27T23:59:59Z"},
  "policies": [{
    "policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce"],
      "policy-domain": "et.example.org", "mx-host": ["mx04.et.example.org"]},
    "summary": {"total-successful-session-count": 7, "total-failure-session-count": 3},
    "failure-details": [{"result-type": "certificate-not-trusted", "sending-mta-ip": "198.51.100.7",
      "receiving-mx-hostname": "mx04.et.example.org", "failed-session-count": 3, "failure-reason-code": "x"}]
  }, {"policy": {"policy-type": "no-policy-found", "policy-domain": "ut.example.org", "mx-host": "x"}}]
}"#;

/// The report posted and mailed.
fn reports(folder: &Path) {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(REPORT.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let message = format!(
        "From: reports@sender.example\r\nTLS-Report-Submitter: sender.example\r\n\
         Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n\
         --b\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        BASE64.encode(&packed)
    );
    for (name, form, bytes) in [
        ("json", 0, REPORT.as_bytes()),
        ("gzip", 1, &packed),
        ("mail", 2, message.as_bytes()),
    ] {
        write(folder, "tlsrpt", name, &[&[form][..], bytes].concat());
    }
}

/// The first thing that a client says in TLS.
fn hello(versions: &[&'static rustls::SupportedProtocolVersion]) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = "mx06.et.example.org".try_into().unwrap();
    let mut stream = Vec::new();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    client.write_tls(&mut stream).unwrap();
    stream
}

fn results() -> [(&'static str, mailproof::report::Report); 3] {
    let checked = Some(scene::inbound());
    [
        ("none", scene::report(&scene::NONE, None)),
        ("open", scene::report(&scene::UNDETERMINED, None)),
        ("checked", scene::report(&scene::UNDETERMINED[..1], checked)),
    ]
}

fn write(folder: &Path, target: &str, name: &str, input: &[u8]) {
    if input.len() <= LONGEST {
        fs::create_dir_all(folder.join(target)).unwrap();
        fs::write(folder.join(target).join(format!("seed-{name}")), input).unwrap();
    }
}
