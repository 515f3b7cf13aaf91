//! The operator's mail: handed on while the sender waits, never stored.

use crate::base::ports::{Answer, Clock, Envelope, Random, Relay, RelayReply};
use crate::base::{Mailbox, Policy, Timestamp, limits};
use crate::dial::Dial;
use crate::dial::deliver::{Delivery, Outcome, Reason, StsCache, deliver};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hands postmaster's mail to the operator's own server.
pub struct OperatorRelay {
    dial: Dial,
    operator: Mailbox,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    policies: StsCache,
    places: Semaphore,
}

impl OperatorRelay {
    /// A relay to this mailbox.
    pub fn new(
        dial: Dial,
        operator: Mailbox,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            dial,
            operator,
            clock,
            random,
            policies: StsCache::default(),
            places: Semaphore::new(limits::RELAYS),
        }
    }

    async fn hand_on(&self, envelope: &Envelope, message: &[u8]) -> RelayReply {
        if hops(message) > limits::RECEIVED {
            return reply(
                554,
                "5.4.6 too many hops: the message goes round in circles",
            );
        }
        let Ok(_place) = self.places.try_acquire() else {
            return reply(
                451,
                "4.3.2 too much mail for the operator just now, come again",
            );
        };
        let mut seed = [0; 8];
        self.random.fill(&mut seed);
        let helo = self.dial.settings().helo.clone();
        let delivery = Delivery {
            from: envelope.from.clone(),
            ..Delivery::new(
                Policy::DaneMtaSts,
                self.operator.clone(),
                Arc::from(traced(envelope, &helo, self.clock.now(), message)),
                helo,
                u64::from_le_bytes(seed),
            )
        };
        let outcome = deliver(
            &self.dial,
            &delivery,
            &self.policies,
            &*self.clock,
            &mut |_| {},
        )
        .await;
        if let Outcome::Failed(why) = &outcome {
            tracing::info!("mail for the operator was refused: {why}");
        }
        answer(&outcome)
    }
}

/// What the sender is told: the answer of the operator's own server, where it gave one.
fn answer(outcome: &Outcome) -> RelayReply {
    let (ended, code, text) = match outcome {
        Outcome::Delivered { .. } => return reply(250, "2.0.0 the operator's server took it"),
        Outcome::Failed(why) => (
            Some(why),
            550,
            "5.0.0 mail for the operator cannot be delivered",
        ),
        Outcome::Deferred(reasons) => (
            reasons.last(),
            451,
            "4.4.1 the operator's server does not take it now, come again",
        ),
        Outcome::Stopped { .. } => (None, 451, "4.4.1 come again"),
    };
    match ended.map(|ended| &ended.why) {
        Some(Reason::Refused(_, its)) if its.code / 100 == code / 100 => {
            reply(its.code, &its.lines.join(" "))
        }
        _ => reply(code, text),
    }
}

fn reply(code: u16, text: &str) -> RelayReply {
    RelayReply {
        code,
        text: text.to_owned(),
    }
}

/// How many `Received` lines the head has.
fn hops(message: &[u8]) -> usize {
    message
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty())
        .filter(|line| line.len() > 9 && line[..9].eq_ignore_ascii_case(b"received:"))
        .count()
}

/// The message with our trace line (RFC 5321 4.4), by which a loop is noticed.
fn traced(envelope: &Envelope, by: &str, now: Timestamp, message: &[u8]) -> Vec<u8> {
    // Only a year beyond 9999 has no such form.
    let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(jiff::tz::TimeZone::UTC));
    let client = match envelope.client.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("IPv6:{address}"),
    };
    let mut traced = format!(
        "Received: from {} ([{client}])\r\n\tby {by} with ESMTP; {}\r\n",
        envelope.ehlo,
        date.unwrap_or_default()
    )
    .into_bytes();
    traced.extend_from_slice(message);
    traced
}

impl Relay for OperatorRelay {
    fn relay<'a>(&'a self, envelope: &'a Envelope, message: &'a [u8]) -> Answer<'a, RelayReply> {
        Box::pin(self.hand_on(envelope, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::deliver::{GivenUp, Stage};
    use crate::spec::sender::Reply;

    #[test]
    fn only_lines_of_the_head_count() {
        for (message, count) in [
            (
                &b"Received: a\r\nSubject: x\r\n\r\nReceived: body\r\n"[..],
                1,
            ),
            (b"RECEIVED: a\r\nreceived: b\r\n\r\n", 2),
            (b"", 0),
        ] {
            assert_eq!(hops(message), count);
        }
    }

    #[test]
    fn the_answer_is_that_of_the_operators_server() {
        let refused = |code: u16| GivenUp {
            host: None,
            address: None,
            why: Reason::Refused(
                Stage::Rcpt,
                Reply {
                    code,
                    lines: vec!["a".to_owned(), "b".to_owned()],
                },
            ),
        };
        let silent = GivenUp {
            host: None,
            address: None,
            why: Reason::NoAddress,
        };
        for (outcome, code, text) in [
            (Outcome::Failed(refused(552)), 552, "a b"),
            (Outcome::Failed(silent.clone()), 550, "5.0.0 mail for"),
            (Outcome::Deferred(vec![refused(452)]), 452, "a b"),
            (Outcome::Deferred(vec![refused(554)]), 451, "4.4.1 the"),
            (
                Outcome::Deferred(vec![refused(452), silent]),
                451,
                "4.4.1 the",
            ),
        ] {
            let reply = answer(&outcome);
            assert_eq!(reply.code, code, "{outcome:?}");
            assert!(reply.text.starts_with(text), "{reply:?}");
        }
    }

    #[test]
    fn the_trace_line_is_whole() {
        let envelope = Envelope {
            client: "::ffff:192.0.2.7".parse().unwrap(),
            ehlo: "mx.example.net".to_owned(),
            from: None,
            to: Vec::new(),
        };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let traced = traced(&envelope, "et.example.org", now, b"Subject: x\r\n\r\n");
        assert_eq!(
            String::from_utf8(traced).unwrap(),
            "Received: from mx.example.net ([192.0.2.7])\r\n\tby et.example.org with ESMTP; Fri, 15 Jan 2027 08:00:00 +0000\r\nSubject: x\r\n\r\n"
        );
        assert_eq!(hops(b"Received: from a\r\n\tby b; c\r\n\r\n"), 1);
    }
}
