//! Certificates of a real CA, renewed and changed while real clients look: who looks a digest up or trusts the CA is
//! always right, and everyone else always refused.

use super::lab::{Host, Lab, address, wait_for};
use super::{appliance, dns, mta, pebble, postfix};
use serde_json::Value;
use std::fs;
use std::time::Duration;

const BASE: &str = "mp.lab";
const ROOT: u8 = 53;
const APPLIANCE: u8 = 25;
const CA: u8 = 30;
const SENDER: u8 = 35;
const CHECKER: u8 = 40;
const DOMAIN: &str = "pfdaneonly.lab";
/// Only keeps a broken run from hanging.
const LIMIT: Duration = Duration::from_secs(240);
/// For who wants DANE, and nothing else.
const DANE_ONLY: &str = "smtp_tls_security_level = dane-only\nsmtp_dns_support_level = dnssec";
/// All that posttls-finger needs of its main.cf.
const MAIN: &str = "compatibility_level = 3.6\nmyhostname = checker.lab\ninet_protocols = ipv4\n";

/// A server with an address of its own, and who takes its certificate.
struct Server {
    label: &'static str,
    /// Below the base domain.
    name: &'static str,
    last: u8,
    /// Who trusts the CA.
    pkix: bool,
    /// Who looks up its TLSA records, where there are any.
    dane: Option<bool>,
}

const SERVERS: [Server; 5] = [
    server("mx03", "mx03.et", 13, false, Some(false)),
    server("mx04", "mx04.et", 14, false, Some(true)),
    server("mx05", "mx05.et", 15, true, Some(false)),
    server("mx06", "mx06.et", 16, true, Some(true)),
    server("ut", "ut", 17, true, None),
];

const fn server(
    label: &'static str,
    name: &'static str,
    last: u8,
    pkix: bool,
    dane: Option<bool>,
) -> Server {
    Server {
        label,
        name,
        last,
        pkix,
        dane,
    }
}

impl Server {
    fn host(&self) -> String {
        format!("{}.{BASE}", self.name)
    }

    /// What is wrong with what this server presents, and with who takes it.
    fn faults(&self, checker: &Host) -> Vec<String> {
        let host = self.host();
        let mut faults = Vec::new();
        for last in [self.last, APPLIANCE] {
            let told = shown(checker, last, "-starttls smtp", "25", &host, "");
            let names = format!("X509v3 Subject Alternative Name: \n    DNS:{host}\n");
            let trusted = told.contains("Verify return code: 0 (ok)");
            if !told.contains(&names) || trusted != self.pkix {
                faults.push(format!("{host} at {}, PKIX: {told}", address(last)));
            }
        }
        let Some(dane) = self.dane else {
            return faults;
        };
        let mut records = String::new();
        let question = format!("_25._tcp.{host}");
        for line in checker.must("dig", &["+short", &question, "TLSA"]).lines() {
            let mut fields = line.splitn(4, ' ');
            let mut field = || fields.next().unwrap_or_default().replace(' ', "");
            let (usage, selector, matching, digest) = (field(), field(), field(), field());
            records.push_str(&format!(
                " -dane_tlsa_rrdata '{usage} {selector} {matching} {digest}'"
            ));
        }
        let wanted = format!("-dane_tlsa_domain {host}{records}");
        let told = shown(checker, self.last, "-starttls smtp", "25", &host, &wanted);
        if told.contains("DANE TLSA 3 1 1 ") != dane {
            faults.push(format!("{host}, DANE by OpenSSL with{records}: {told}"));
        }
        let told = finger(checker, &host);
        let verified = told.contains(&format!("Verified TLS connection established to {host}["));
        if verified != dane || !told.contains("TLS connection established to") {
            faults.push(format!("{host}, DANE by Postfix: {told}"));
        }
        faults
    }
}

/// What OpenSSL tells of a handshake with this server as this host, and the names in what it was shown.
fn shown(checker: &Host, last: u8, how: &str, port: &str, host: &str, more: &str) -> String {
    let command = format!(
        "openssl s_client {how} -name checker.lab -connect {}:{port} -servername {host} -verify_hostname {host} \
         -CAfile roots.pem -no-CApath {more} > shown 2>&1; cat shown; openssl x509 -noout -ext subjectAltName < shown",
        address(last)
    );
    let command = match how {
        "" => command.replace("-name checker.lab ", ""),
        _ => command,
    };
    let output = checker.run("sh", &["-c", &command]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What posttls-finger tells of a server.
fn finger(checker: &Host, host: &str) -> String {
    let config = format!("MAIL_CONFIG={}", checker.path("finger"));
    let place = format!("[{host}]");
    let arguments = [
        &config,
        "posttls-finger",
        "-c",
        "-l",
        "dane",
        "-L",
        "summary",
        &place,
    ];
    let output = checker.run("env", &arguments);
    let (told, more) = (output.stdout, output.stderr);
    String::from_utf8_lossy(&[told, more].concat()).into_owned()
}

/// What is wrong with the policy's host.
fn policy_faults(checker: &Host) -> Vec<String> {
    let host = format!("mta-sts.et.{BASE}");
    let told = shown(checker, APPLIANCE, "", "443", &host, "");
    let right =
        told.contains(&format!("DNS:{host}\n")) && told.contains("Verify return code: 0 (ok)");
    if right {
        return Vec::new();
    }
    vec![format!("{host}: {told}")]
}

/// All hosts, and what was sent.
struct Scene {
    mailproof: Host,
    sender: Host,
    checker: Host,
    sent: usize,
}

impl Scene {
    fn certificates(&self) -> Vec<Value> {
        let config = self.mailproof.path("mailproof.toml");
        let arguments = ["--config", &config, "certs", "status", "--json"];
        let output = self.mailproof.run(appliance::PROGRAM, &arguments);
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        status["certificates"].as_array().unwrap().clone()
    }

    /// Sends one more message, of a sender of its own.
    fn send(&mut self) {
        self.sent += 1;
        let text = "Subject: How well is my mail protected?\n\nPlease tell me.\n";
        let file = self.sender.write("message.eml", text);
        let from = format!("jim{}@{DOMAIN}", self.sent);
        let to = format!("en@et.{BASE}");
        postfix::submit(&self.sender, &from, &[&to], &file);
    }

    /// Looks and sends until this is done and Postfix has verified both servers since; returns what is wrong.
    fn watch(&mut self, done: impl Fn(&[Value]) -> bool) -> Vec<String> {
        let before = postfix::log(&self.sender).len();
        let mut faults = Vec::new();
        wait_for("what is watched", LIMIT, || {
            for server in &SERVERS {
                faults.extend(server.faults(&self.checker));
                self.send();
            }
            faults.extend(policy_faults(&self.checker));
            let log = postfix::log(&self.sender).split_off(before);
            let verified = ["mx04", "mx06"].iter().all(|label| {
                let line = format!("Verified TLS connection established to {label}.et.{BASE}[");
                log.contains(&line)
            });
            let certificates = self.certificates();
            for row in &certificates {
                if row["fit"] != true {
                    faults.push(row.to_string());
                }
            }
            (!faults.is_empty() || verified && done(&certificates)).then_some(())
        });
        faults
    }

    /// The same from this command on until each certificate has something else here.
    fn watch_command(&mut self, command: &str, key: &str) -> Vec<String> {
        let before = self.certificates();
        appliance::mailproof(&self.mailproof, &["certs", command]);
        self.watch(|now| {
            let mut pairs = before.iter().zip(now);
            pairs.all(|(was, now)| {
                was[key] != now[key] && now["next"].is_null() && now["renew_by"] != "operator"
            })
        })
    }
}

/// Has the appliance get its certificates from this CA, instead of making them itself.
fn ask_ca(mailproof: &Host, directory: &str, root: &str) {
    mailproof.write("ca.pem", root);
    let path = mailproof.path("mailproof.toml");
    let config = fs::read_to_string(&path).unwrap();
    let internal = "issuer = \"internal\"\n";
    assert!(config.contains(internal), "{config}");
    let acme = format!(
        "issuer = \"acme\"\ndirectory = \"{directory}\"\ncaa = \"pebble.lab\"\nca_file = \"ca.pem\"\n"
    );
    fs::write(path, config.replace(internal, &acme)).unwrap();
}

fn start(lab: &mut Lab) -> (Scene, Host, Host) {
    let mut root = lab.host("root", ROOT);
    let mut ca = lab.host("ca", CA);
    let mut mailproof = lab.host("mp", APPLIANCE);
    let mut sender = lab.host("pfdaneonly", SENDER);
    let mut checker = lab.host("checker", CHECKER);
    for server in &SERVERS {
        mailproof.add_address(server.last);
    }
    let servers = SERVERS.each_ref().map(|server| (server.label, server.last));
    let ds = appliance::prepare(&mailproof, BASE, &servers);
    let records =
        appliance::delegation(BASE, &ds, APPLIANCE) + &mta::records(&sender, DOMAIN, SENDER);
    let anchor = dns::serve_root(&mut root, &records);
    for host in [&mut ca, &mut mailproof, &mut sender, &mut checker] {
        dns::resolve(host, &root, &anchor, "");
    }
    let (directory, https_root) = pebble::start(&mut ca);
    ask_ca(&mailproof, &directory, &https_root);
    appliance::serve(&mut mailproof);
    let issuing = pebble::issuing_root(&ca).expect("the CA's root");
    for host in [&sender, &checker] {
        host.write("roots.pem", &issuing);
    }
    postfix::start(&mut sender, DOMAIN, DANE_ONLY);
    fs::create_dir(checker.path("finger")).unwrap();
    checker.write("finger/main.cf", MAIN);
    let scene = Scene {
        mailproof,
        sender,
        checker,
        sent: 0,
    };
    (scene, root, ca)
}

#[test]
fn a_renewal_and_new_keys_go_unnoticed() {
    let mut lab = Lab::new();
    let (mut scene, _root, _ca) = start(&mut lab);
    wait_for("certificates of the CA", LIMIT, || {
        let certificates = scene.certificates();
        certificates
            .iter()
            .all(|row| row["fit"] == true)
            .then_some(())
    });
    // The first connections of an origin begin its window.
    wait_for("STARTTLS", LIMIT, || {
        let told = [13, APPLIANCE].map(|last| {
            let host = SERVERS[0].host();
            shown(&scene.checker, last, "-starttls smtp", "25", &host, "")
        });
        let offered = |told: &String| told.contains("DNS:");
        told.iter().all(offered).then_some(())
    });
    let mut faults = scene.watch(|_| true);
    for (command, key) in [("renew", "serial"), ("roll", "spki_sha256")] {
        faults.extend(scene.watch_command(command, key));
        faults.extend(scene.watch(|_| true));
    }
    wait_for("all mail on its way", LIMIT, || {
        let log = postfix::log(&scene.sender);
        let taken = format!("to=<en@et.{BASE}>");
        let taken = |line: &&str| line.contains(&taken) && line.contains("status=sent");
        (log.lines().filter(taken).count() == scene.sent).then_some(())
    });
    let log = postfix::log(&scene.sender);
    for line in log.lines() {
        let valid = ["mx04", "mx06"].iter().any(|label| line.contains(label));
        let established = line.contains("TLS connection established to");
        let refused = line.contains("verification failed for") || line.contains("not verified");
        let verified = line.contains(": Verified TLS connection");
        let sent = line.contains("status=sent") && line.contains("et.mp.lab");
        if valid && (refused || established && !verified)
            || !valid && (established && verified || sent)
        {
            faults.push(line.to_owned());
        }
    }
    postfix::stop(&scene.sender);
    assert!(faults.is_empty(), "\n{}\n{log}", faults.join("\n"));
}
