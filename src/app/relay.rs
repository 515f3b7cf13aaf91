//! The operator's mail: handed on while the sender waits, never stored.

use crate::base::ports::{Answer, Clock, Envelope, Random, Relay, RelayReply};
use crate::base::{Mailbox, Policy, Timestamp, limits};
use crate::dial::Dial;
use crate::dial::deliver::{Delivery, GivenUp, Outcome, Reason, StsCache, deliver};
use crate::serve::pace::Pace;
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
    pace: Pace,
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
            pace: Pace::per_minute(limits::RELAY_RATE).in_all(limits::RELAY_RATE_IN_ALL),
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
            return reply(451, TOO_MUCH);
        };
        if self.pace.allow(envelope.client).is_err() {
            return reply(451, TOO_MUCH);
        }
        let mut seed = [0; 8];
        self.random.fill(&mut seed);
        let helo = &self.dial.settings().helo;
        let traced = traced(envelope, message, helo, self.clock.now());
        let delivery = Delivery {
            from: envelope.from.clone(),
            ..Delivery::new(
                Policy::DaneMtaSts,
                self.operator.clone(),
                Arc::from(traced),
                helo.clone(),
                u64::from_le_bytes(seed),
            )
        };
        let (policies, clock) = (&self.policies, &*self.clock);
        answer(&deliver(&self.dial, &delivery, policies, clock, &mut |_| {}).await)
    }
}

/// What the sender is told: what the operator's server said, where it said anything.
fn answer(outcome: &Outcome) -> RelayReply {
    match outcome {
        Outcome::Delivered { .. } => reply(250, "2.0.0 the operator's server took it"),
        Outcome::Failed(why) => said(why, 5).unwrap_or_else(|| {
            let why = without_words(&why.why);
            tracing::warn!("mail for the operator cannot be handed on: {why}");
            reply(550, "5.4.4 mail for the operator cannot be handed on")
        }),
        Outcome::Deferred(why) => {
            let said = why.iter().rev().find_map(|why| said(why, 4));
            said.unwrap_or_else(|| reply(451, LATER))
        }
        Outcome::Stopped { .. } => reply(451, LATER),
    }
}

const TOO_MUCH: &str = "4.3.2 too much mail for the operator just now, come again";
const LATER: &str = "4.4.1 the operator's server does not take it now, come again";

/// What the server said, when it was of this class. `421` would say that we close.
fn said(why: &GivenUp, class: u16) -> Option<RelayReply> {
    match &why.why {
        Reason::Refused(_, said) if said.code / 100 == class => {
            let code = if said.code == 421 { 451 } else { said.code };
            Some(reply(code, &said.lines.join(" ")))
        }
        _ => None,
    }
}

/// A reason without the words of another server, which may quote addresses or the message.
fn without_words(why: &Reason) -> String {
    match why {
        Reason::Refused(stage, said) => format!("{} at {stage}", said.code),
        Reason::Lost(stage, _) => format!("the connection was lost at {stage}"),
        Reason::NotSecured(_) => "no TLS".to_owned(),
        other => other.to_string(),
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
fn traced(envelope: &Envelope, message: &[u8], host: &str, now: Timestamp) -> Vec<u8> {
    let family = match envelope.client {
        IpAddr::V4(_) => "",
        IpAddr::V6(_) => "IPv6:",
    };
    let printable = |c| if matches!(c, '!'..='~') { c } else { '?' };
    let ehlo: String = envelope.ehlo.chars().map(printable).collect();
    let mut traced = format!(
        "Received: from {ehlo} ([{family}{}]) by {host}; {}\r\n",
        envelope.client,
        now.strftime("%a, %d %b %Y %H:%M:%S +0000"),
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
    use crate::dial::deliver::Stage;
    use crate::spec::sender::Reply;

    fn refused(code: u16, text: &str) -> GivenUp {
        let lines = vec![text.to_owned()];
        GivenUp {
            host: None,
            address: None,
            why: Reason::Refused(Stage::Rcpt, Reply { code, lines }),
        }
    }

    #[test]
    fn the_sender_is_told_what_the_operators_server_said() {
        let no_host = GivenUp {
            host: None,
            address: None,
            why: Reason::NullMx,
        };
        for (outcome, code, text) in [
            (
                Outcome::Failed(refused(552, "5.2.2 full")),
                552,
                "5.2.2 full",
            ),
            (
                Outcome::Deferred(vec![refused(450, "4.2.0 grey"), no_host.clone()]),
                450,
                "4.2.0 grey",
            ),
            (
                Outcome::Deferred(vec![refused(421, "4.3.2 down")]),
                451,
                "4.3.2 down",
            ),
            (
                Outcome::Deferred(vec![refused(554, "not this host")]),
                451,
                LATER,
            ),
            (
                Outcome::Failed(no_host),
                550,
                "5.4.4 mail for the operator cannot be handed on",
            ),
        ] {
            assert_eq!(answer(&outcome), reply(code, text), "{outcome:?}");
        }
    }

    #[test]
    fn the_log_has_nothing_of_what_the_server_said() {
        for (why, logged) in [
            (refused(550, "no <jim@example.net>").why, "550 at rcpt"),
            (
                Reason::Lost(Stage::Data, "no reply: jim".to_owned()),
                "the connection was lost at data",
            ),
            (Reason::NotSecured("454 jim".to_owned()), "no TLS"),
            (Reason::NoAddress, "no address"),
        ] {
            assert_eq!(without_words(&why), logged);
        }
    }

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    impl Random for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[tokio::test]
    async fn the_operators_mail_comes_at_a_bounded_rate() {
        let settings = crate::dial::Settings {
            // Nobody answers there, and nobody is asked.
            resolvers: vec!["127.0.0.1:1".parse().unwrap()],
            ..Default::default()
        };
        let operator = Mailbox::parse("operator@example.net").unwrap();
        let (clock, random) = (Arc::new(Fixed), Arc::new(Fixed));
        let relay = OperatorRelay::new(Dial::new(settings).unwrap(), operator, clock, random);
        let from = |network: u8| Envelope {
            client: [192, 0, network, 1].into(),
            ehlo: "out.sender.example".to_owned(),
            from: None,
            to: Vec::new(),
        };
        // One network takes all that is its own, then all networks what there is.
        let mut taken = 0;
        while relay.pace.allow(from(0).client).is_ok() {
            taken += 1;
        }
        assert!((20..40).contains(&taken), "{taken}");
        assert_eq!(relay.relay(&from(0), b"x").await, reply(451, TOO_MUCH));
        for network in 1.. {
            if relay.pace.allow(from(network).client) == Err(None) {
                break;
            }
        }
        assert_eq!(relay.relay(&from(255), b"x").await, reply(451, TOO_MUCH));
    }

    #[test]
    fn the_trace_line_is_whole() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (ehlo, written) in [
            ("out.sender.example", "out.sender.example"),
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("ü\r\n\tx\u{7f}", "????x?"),
        ] {
            let envelope = Envelope {
                client: "2001:db8::7".parse().unwrap(),
                ehlo: ehlo.to_owned(),
                from: None,
                to: Vec::new(),
            };
            let line = format!(
                "Received: from {written} ([IPv6:2001:db8::7]) by et.example.org; Fri, 15 Jan 2027 08:00:00 +0000\r\nx"
            );
            let traced = traced(&envelope, b"x", "et.example.org", now);
            assert_eq!(String::from_utf8(traced).unwrap(), line);
        }
    }

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
}
