//! What SPF, DKIM, ARC and DMARC say of a message, on our resolvers (RFC 7208, 6376, 8617, 9989).
//!
//! A message comes in as octets and leaves as facts; nothing of its content is kept or logged. What cannot be found out
//! now is a `temperror`, never a failure of the sender's.

mod checks;
mod texts;

use super::Dial;
use crate::base::ports::{Answer, Envelope, Judge};
use crate::base::{Authentication, DkimResult, Domain, MessageFacts, Robot, Verdict, limits};
use crate::spec::message;
use checks::Checks;
use mail_auth::{AuthenticatedMessage, MessageAuthenticator};
use std::time::{Duration, Instant};
use texts::Texts;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

/// The resolver behind the judgements is made anew after this time, with fresh trust anchors and empty caches.
const AUTHENTICATOR_AGE: Duration = Duration::from_secs(3600);

/// Judges messages.
pub struct MailJudge {
    dial: Dial,
    base_domain: Domain,
    authenticator: Mutex<Option<(Instant, MessageAuthenticator)>>,
}

impl MailJudge {
    /// A judge for mail to the zones below `base_domain`.
    #[must_use]
    pub fn new(dial: Dial, base_domain: Domain) -> Self {
        Self {
            dial,
            base_domain,
            authenticator: Mutex::new(None),
        }
    }

    /// The checks of the crate, on our resolvers.
    ///
    /// # Errors
    /// Why there is no trust to start with.
    async fn authenticator(&self) -> Result<MessageAuthenticator, String> {
        let mut held = self.authenticator.lock().await;
        if let Some((since, authenticator)) = held.as_ref()
            && since.elapsed() < AUTHENTICATOR_AGE
        {
            return Ok(authenticator.clone());
        }
        let resolver = self.dial.resolver().for_authentication().await?;
        let authenticator = MessageAuthenticator(resolver);
        *held = Some((Instant::now(), authenticator.clone()));
        Ok(authenticator)
    }

    /// What the checks say. They run apart, so that a fault of theirs on a strange message ends nothing else.
    async fn authentication(
        &self,
        envelope: &Envelope,
        message: &[u8],
        is_signed: bool,
    ) -> Authentication {
        let authenticator = match self.authenticator().await {
            Ok(authenticator) => authenticator,
            Err(why) => {
                tracing::warn!(why, "messages cannot be authenticated");
                return unknown(message);
            }
        };
        let checks = Checks {
            authenticator,
            texts: Texts::new(self.dial.resolver().clone()),
            host: self.dial.settings().helo.clone(),
            envelope: envelope.clone(),
            message: message.to_vec(),
        };
        let done = async {
            match is_signed {
                true => apart(async move { checks.all().await }).await,
                // There is next to nothing to hash.
                false => {
                    // Ends what it runs when nobody waits for it any more.
                    let mut task = JoinSet::new();
                    task.spawn(async move { checks.all().await });
                    task.join_next().await.and_then(Result::ok)
                }
            }
        };
        match timeout(limits::VALIDATION_TIMEOUT, done).await {
            Ok(Some(authentication)) => authentication,
            _ => unknown(message),
        }
    }
}

impl Judge for MailJudge {
    fn judge<'a>(&'a self, envelope: &'a Envelope, message: &'a [u8]) -> Answer<'a, MessageFacts> {
        Box::pin(async move {
            let facts = message::facts(message, &self.base_domain);
            let daemon = envelope
                .from
                .as_ref()
                .is_some_and(|from| message::is_daemon(&from.local));
            MessageFacts {
                authentication: self
                    .authentication(envelope, message, !facts.signatures.is_empty())
                    .await,
                robot: facts.robot.or(daemon.then_some(Robot::Daemon)),
                ..facts
            }
        })
    }
}

/// Runs checks on a thread of their own: between look-ups they hash and verify, for which nothing else shall wait. As
/// many threads may be needed as there is room for messages. `None` when the checks broke off; they end soon when
/// nobody waits for them any more.
async fn apart<T: Send + 'static>(checks: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let runtime = Handle::current();
    let (waiting, abandoned) = oneshot::channel::<()>();
    let thread = spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                done = checks => Some(done),
                _ = abandoned => None,
            }
        })
    });
    let done = thread.await;
    drop(waiting);
    done.ok().flatten()
}

/// What is said when nothing could be found out.
fn unknown(message: &[u8]) -> Authentication {
    let parsed = AuthenticatedMessage::parse(message);
    let temporary = |present: bool| {
        if present {
            Verdict::TempError
        } else {
            Verdict::None
        }
    };
    let dkim = parsed.iter().flat_map(|parsed| &parsed.dkim_headers);
    Authentication {
        spf: Verdict::TempError,
        dkim: dkim
            .take(limits::SIGNATURES)
            .filter_map(|header| {
                let domain = Domain::parse(&header.header.d).ok()?;
                let result = Verdict::TempError;
                Some(DkimResult { domain, result })
            })
            .collect(),
        arc: temporary(parsed.as_ref().is_some_and(|it| !it.ams_headers.is_empty())),
        dmarc: temporary(parsed.is_some_and(|it| !it.from.is_empty())),
    }
}
