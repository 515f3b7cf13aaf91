//! Simulated senders and minutes.
use super::Settings;
use crate::base::Domain;
use std::time::Duration;

pub(super) fn settings() -> Settings {
    Settings {
        base_domain: Domain::parse("example.org").unwrap(),
        plaintext_window: Duration::from_secs(180),
        rotation: Duration::from_secs(300),
        patience: Duration::from_secs(4 * 3600),
        patience_attempts: 24,
        attempt_gap: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        deadline: Duration::from_secs(20 * 3600),
        quiet: Duration::from_secs(3600),
        order_ttl: 60,
        token_key: [7; 32],
        reply_from: "emailtest".to_owned(),
        reports: false,
        mailboxes: vec![Domain::parse("mailbox.example").unwrap()],
    }
}
