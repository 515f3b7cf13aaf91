//! The operator's mail: handed on while the sender waits, never stored.

use crate::base::ports::{Answer, Clock, Envelope, Random, Relay, RelayReply};
use crate::base::{Mailbox, Policy, limits};
use crate::dial::Dial;
use crate::dial::deliver::{Delivery, Outcome, StsCache, deliver};
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
        let delivery = Delivery {
            from: envelope.from.clone(),
            ..Delivery::new(
                Policy::DaneMtaSts,
                self.operator.clone(),
                Arc::from(traced(envelope, message)),
                self.dial.settings().helo.clone(),
                u64::from_le_bytes(seed),
            )
        };
        match deliver(
            &self.dial,
            &delivery,
            &self.policies,
            &*self.clock,
            &mut |_| {},
        )
        .await
        {
            Outcome::Delivered { .. } => reply(250, "2.0.0 the operator's server took it"),
            Outcome::Failed(why) => {
                tracing::info!("mail for the operator was refused: {why}");
                reply(550, "5.0.0 the operator's server refused it")
            }
            Outcome::Deferred(_) | Outcome::Stopped { .. } => reply(
                451,
                "4.4.1 the operator's server does not take it now, come again",
            ),
        }
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
fn traced(envelope: &Envelope, message: &[u8]) -> Vec<u8> {
    let mut traced = format!(
        "Received: from {} ([{}]) by mailproof\r\n",
        envelope.ehlo, envelope.client
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
    use super::hops;

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
