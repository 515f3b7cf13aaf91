//! A sender of the lab: a domain with one mail host, which sends with its settings and takes the answers.

use super::lab::{Host, address};
use super::{exim, postfix};
use std::fs;

/// The program, and the settings it sends with.
#[derive(Clone, Copy)]
pub enum Mta {
    /// Lines of main.cf.
    Postfix(&'static str),
    /// Options of the smtp transport.
    Exim(&'static str),
}

impl Mta {
    pub fn start(self, host: &mut Host, domain: &str) {
        match self {
            Self::Postfix(settings) => postfix::start(host, domain, settings),
            Self::Exim(settings) => exim::start(host, domain, settings),
        }
    }

    /// Its name, and what its log says of its version.
    pub const fn product(self) -> (&'static str, &'static str) {
        match self {
            Self::Postfix(_) => ("Postfix 3.7", "daemon started -- version 3.7."),
            Self::Exim(_) => ("Exim 4.96", "exim 4.96 daemon started"),
        }
    }

    /// The settings it sends with, one a line; none where they are as Debian has them.
    pub const fn settings(self) -> &'static str {
        match self {
            Self::Postfix(settings) | Self::Exim(settings) => settings,
        }
    }

    /// Whether it has MTA-STS policies fetched.
    pub fn fetches(self) -> bool {
        self.settings().contains(postfix::POLICIES)
    }

    /// Hands it a message with these lines after its From and To.
    pub fn submit(self, host: &Host, sender: &str, recipients: &[&str], rest: &str) {
        let to = recipients.join(", ");
        let file = host.write("message.eml", &format!("From: {sender}\nTo: {to}\n{rest}"));
        match self {
            Self::Postfix(_) => postfix::submit(host, sender, recipients, &file),
            Self::Exim(_) => exim::submit(host, sender, recipients, &file),
        }
    }

    /// What it logged.
    pub fn log(self, host: &Host) -> String {
        match self {
            Self::Postfix(_) => postfix::log(host),
            Self::Exim(_) => exim::log(host),
        }
    }

    /// What it writes into the trace line of a message that came by TLS.
    pub const fn tls_trace(self) -> &'static str {
        match self {
            Self::Postfix(_) => "(using TLSv1.3 with cipher",
            Self::Exim(_) => "with esmtps  (TLS1.3) tls TLS_",
        }
    }

    /// Stops what does not end with its host.
    pub fn stop(self, host: &Host) {
        match self {
            Self::Postfix(_) => postfix::stop(host),
            Self::Exim(_) => {}
        }
    }
}

/// The messages in the domain's mailbox, whole.
pub fn inbox(host: &Host) -> Vec<String> {
    let Ok(entries) = fs::read_dir(host.directory.join("mail/inbox/new")) else {
        return Vec::new();
    };
    entries
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// The records of a domain whose mail host has this address, with a certificate for it in the host's directory.
pub fn records(host: &Host, domain: &str, last: u8) -> String {
    let (digest, address) = (certificate(host, domain), address(last));
    format!(
        "{domain}. MX 10 mx.{domain}.\n{domain}. TXT \"v=spf1 ip4:{address} -all\"\nmx.{domain}. A {address}\n\
         _25._tcp.mx.{domain}. TLSA 3 1 1 {digest}\n{last}.100.51.198.in-addr.arpa. PTR mx.{domain}.\n"
    )
}

/// A key and a certificate for the mail host of this domain, and the digest for its TLSA record.
fn certificate(host: &Host, domain: &str) -> String {
    let subject = format!("/CN=mx.{domain}");
    let names = format!("subjectAltName=DNS:mx.{domain}");
    let make = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "30",
        "-subj",
        &subject,
        "-addext",
        &names,
        "-keyout",
        "mx.key",
        "-out",
        "mx.pem",
    ];
    host.must("openssl", &make);
    let digest =
        "openssl x509 -in mx.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum";
    let printed = host.must("sh", &["-c", digest]);
    printed.split_whitespace().next().unwrap().to_owned()
}
