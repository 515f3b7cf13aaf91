//! Who sends: addresses, names, and the way to take leave.

use crate::random::Random;
use mailproof::base::{Close, Domain, Mailbox};
use std::net::IpAddr;

/// How a client that refuses a certificate takes its leave.
const REFUSALS: [Close; 5] = [
    Close::Quit,
    Close::Alert(48),
    Close::Alert(42),
    Close::Fin,
    Close::CloseNotify,
];

/// Who sends.
pub struct Identity {
    pub mailbox: Mailbox,
    /// Its addresses, by family.
    pub clients: [IpAddr; 2],
    pub ptr: Option<Domain>,
    pub ehlo: String,
    pub message_id: String,
    pub refuses_by: Close,
}

impl Identity {
    /// The sender of this number; one in four has no reverse name that confirms its own.
    pub fn new(number: usize, random: &mut Random) -> Self {
        let domain = format!("sender{number}.example");
        let ehlo = format!("out.{domain}");
        Self {
            mailbox: Mailbox::parse(&format!("jim@{domain}")).unwrap(),
            clients: [
                format!("198.51.{number}.7").parse().unwrap(),
                format!("2001:db8:{number}00::7").parse().unwrap(),
            ],
            ptr: (random.below(4) > 0).then(|| Domain::parse(&ehlo).unwrap()),
            ehlo,
            message_id: format!("<1@{domain}>"),
            refuses_by: REFUSALS[random.below(REFUSALS.len())].clone(),
        }
    }
}
