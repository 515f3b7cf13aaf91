//! What SPF, DKIM, ARC and DMARC say of a message, on our resolvers (RFC 7208, 6376, 8617, 7489).
//!
//! A message comes in as octets and leaves as facts; nothing of its content is kept or logged. What cannot be found out
//! now is a `temperror`, never a failure of the sender's.

use super::Dial;
use crate::base::ports::{Answer, Envelope, Judge};
use crate::base::{Authentication, DkimResult, Domain, MessageFacts, Robot, Verdict, limits};
use crate::spec::message;
use mail_auth::dkim::Canonicalization;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DmarcResult, Error, MessageAuthenticator, SpfOutput,
    SpfResult,
};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::task::spawn_blocking;
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
    async fn authentication(&self, envelope: &Envelope, message: &[u8]) -> Authentication {
        let authenticator = match self.authenticator().await {
            Ok(authenticator) => authenticator,
            Err(why) => {
                tracing::warn!(why, "messages cannot be authenticated");
                return unknown(message);
            }
        };
        let ambiguous = self.has_two_spf_records(envelope).await;
        let (envelope, copy) = (envelope.clone(), message.to_vec());
        let host = self.dial.settings().helo.clone();
        let checks =
            apart(async move { authenticate(&authenticator, &envelope, &copy, &host).await });
        match timeout(limits::VALIDATION_TIMEOUT, checks).await {
            Ok(Some(mut authentication)) => {
                if ambiguous {
                    authentication.spf = Verdict::PermError;
                }
                authentication
            }
            _ => unknown(message),
        }
    }

    /// Whether the domain that SPF is about has more than one record, which mail-auth does not mind (RFC 7208 4.5).
    async fn has_two_spf_records(&self, envelope: &Envelope) -> bool {
        let domain = match &envelope.from {
            Some(from) => Some(from.domain.clone()),
            None => Domain::parse(&envelope.ehlo).ok(),
        };
        let Some(domain) = domain else {
            return false;
        };
        let texts = self.dial.resolver().txt(&domain).await.records;
        let is_spf = |text: &&String| {
            let version = text.split(' ').next().unwrap_or_default();
            version.eq_ignore_ascii_case("v=spf1")
        };
        texts.iter().filter(is_spf).count() > 1
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
                authentication: self.authentication(envelope, message).await,
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

/// Runs all checks.
async fn authenticate(
    authenticator: &MessageAuthenticator,
    envelope: &Envelope,
    message: &[u8],
    host: &str,
) -> Authentication {
    let spf = spf(authenticator, envelope, host).await;
    let Some((original, excessive)) = parsed(message) else {
        return Authentication {
            spf: spf_verdict(spf.result()),
            ..Authentication::default()
        };
    };
    let shortened = without_blank_end(message, original.body_offset as usize);
    let relaxed = shortened
        .as_deref()
        .and_then(parsed)
        .map(|(relaxed, _)| relaxed);
    let dkim = dkim(authenticator, &original, relaxed.as_ref()).await;
    let arc = arc(authenticator, &original, relaxed.as_ref()).await;
    let sender = envelope.from.as_ref();
    let sender = sender.map_or(envelope.ehlo.as_str(), |from| from.domain.as_str());
    let parameters = DmarcParameters::new(&original, &dkim, sender, &spf);
    let dmarc = authenticator.verify_dmarc(parameters).await;
    Authentication {
        spf: spf_verdict(spf.result()),
        dkim: dkim
            .iter()
            .filter_map(dkim_result)
            .chain(excessive)
            .collect(),
        arc,
        dmarc: match dmarc.result() {
            DmarcResult::Pass => Verdict::Pass,
            DmarcResult::Fail(_) => Verdict::Fail,
            DmarcResult::TempError(_) => Verdict::TempError,
            DmarcResult::PermError(_) => Verdict::PermError,
            DmarcResult::None => Verdict::None,
        },
    }
}

/// The message with at most `limits::SIGNATURES` signatures; apart from it, those that would be too much work.
fn parsed(message: &[u8]) -> Option<(AuthenticatedMessage<'_>, Vec<DkimResult>)> {
    let mut parsed = AuthenticatedMessage::parse(message)?;
    parsed.dkim_headers.truncate(limits::SIGNATURES);
    let fields = parsed.headers.len();
    let excessive = parsed
        .dkim_headers
        .extract_if(.., |header| is_excessive(fields, &header.header.h))
        .filter_map(|header| {
            Some(DkimResult {
                domain: Domain::parse(&header.header.d).ok()?,
                result: Verdict::PermError,
            })
        })
        .collect();
    Some((parsed, excessive))
}

/// Whether a signature is too much work in a head of so many fields: mail-auth looks for each name in all of them.
const fn is_excessive(fields: usize, names: &[String]) -> bool {
    fields > limits::HEADER_FIELDS || names.len() > limits::SIGNED_NAMES
}

async fn spf(authenticator: &MessageAuthenticator, envelope: &Envelope, host: &str) -> SpfOutput {
    let client = envelope.client.to_canonical();
    let ehlo = envelope.ehlo.trim_end_matches('.');
    match &envelope.from {
        Some(from) => {
            let sender = from.to_string();
            let parameters = SpfParameters::verify_mail_from(client, ehlo, host, &sender);
            authenticator.verify_spf(parameters).await
        }
        None => {
            let parameters = SpfParameters::verify_ehlo(client, ehlo, host);
            authenticator.verify_spf(parameters).await
        }
    }
}

/// Verifies each signature over the message, or, with relaxed body canonicalisation, over `relaxed` where there is one.
async fn dkim<'x>(
    authenticator: &MessageAuthenticator,
    original: &'x AuthenticatedMessage<'x>,
    relaxed: Option<&'x AuthenticatedMessage<'x>>,
) -> Vec<DkimOutput<'x>> {
    let outputs = authenticator.verify_dkim(original).await;
    let Some(relaxed) = relaxed else {
        return outputs;
    };
    let others = authenticator.verify_dkim(relaxed).await;
    let is_relaxed = |output: &DkimOutput<'_>| {
        let signature = output.signature();
        signature.is_some_and(|signature| signature.cb == Canonicalization::Relaxed)
    };
    outputs
        .into_iter()
        .zip(others)
        .map(|(output, other)| if is_relaxed(&output) { other } else { output })
        .collect()
}

async fn arc<'x>(
    authenticator: &MessageAuthenticator,
    original: &'x AuthenticatedMessage<'x>,
    relaxed: Option<&'x AuthenticatedMessage<'x>>,
) -> Verdict {
    let fields = original.headers.len();
    let mut signed = original.ams_headers.iter().map(|ams| &ams.header.h);
    if original.ams_headers.len() > limits::SIGNATURES
        || signed.any(|names| is_excessive(fields, names))
    {
        return Verdict::PermError;
    }
    let last = original.ams_headers.last();
    let is_relaxed = last.is_some_and(|header| header.header.cb == Canonicalization::Relaxed);
    let judged = relaxed.filter(|_| is_relaxed).unwrap_or(original);
    verdict(authenticator.verify_arc(judged).await.result())
}

/// The message without the lines of white space at the end of its body, if there are any.
///
/// mail-auth 0.13 leaves such lines in when it canonicalises a body the relaxed way, and so takes a right signature for
/// a wrong one; RFC 6376 3.4.4 ignores them. The right hash is the same with and without them.
fn without_blank_end(message: &[u8], body: usize) -> Option<Vec<u8>> {
    let (head, body) = message.split_at_checked(body)?;
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let text = body.iter().rposition(|octet| !blank(octet));
    let kept = match text {
        // The last line with text on it keeps what follows the text, up to its end.
        Some(text) => {
            let end = body[text..].iter().position(|octet| *octet == b'\n')?;
            text + end + 1
        }
        None => 0,
    };
    let white = |octet: &u8| matches!(octet, b' ' | b'\t');
    body[kept..]
        .iter()
        .any(white)
        .then(|| [head, &body[..kept]].concat())
}

/// A signature's result; one that cannot be read names no domain and is left out.
fn dkim_result(output: &DkimOutput<'_>) -> Option<DkimResult> {
    Some(DkimResult {
        domain: Domain::parse(&output.signature()?.d).ok()?,
        result: verdict(output.result()),
    })
}

/// RFC 8601 2.7.1: a signature that can be read and does not verify has failed; mail-auth calls some of these neutral.
fn verdict(result: &mail_auth::DkimResult) -> Verdict {
    match result {
        mail_auth::DkimResult::Pass => Verdict::Pass,
        mail_auth::DkimResult::Neutral(Error::Dkim(_) | Error::Arc(_))
        | mail_auth::DkimResult::Fail(_) => Verdict::Fail,
        mail_auth::DkimResult::Neutral(_) => Verdict::Neutral,
        mail_auth::DkimResult::PermError(_) => Verdict::PermError,
        mail_auth::DkimResult::TempError(_) => Verdict::TempError,
        mail_auth::DkimResult::None => Verdict::None,
    }
}

const fn spf_verdict(result: SpfResult) -> Verdict {
    match result {
        SpfResult::Pass => Verdict::Pass,
        SpfResult::Fail => Verdict::Fail,
        SpfResult::SoftFail => Verdict::SoftFail,
        SpfResult::Neutral => Verdict::Neutral,
        SpfResult::TempError => Verdict::TempError,
        SpfResult::PermError => Verdict::PermError,
        SpfResult::None => Verdict::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_white_space_at_the_end_are_left_out() {
        for (body, kept) in [
            ("hello\r\n", None),
            ("hello\r\n\r\n\r\n", None),
            ("hello  \r\n", None),
            ("hello\r\n \r\n", Some("hello\r\n")),
            ("hello \t\r\n\r\n\t\r\n\r\n", Some("hello \t\r\n")),
            ("hello\r\n  ", Some("hello\r\n")),
            (" \r\n", Some("")),
            ("", None),
            ("hello", None),
            ("a\r\n \r\nb\r\n", None),
        ] {
            let message = format!("Subject: x\r\n\r\n{body}");
            let found = without_blank_end(message.as_bytes(), 14);
            let expected = kept.map(|kept| format!("Subject: x\r\n\r\n{kept}").into_bytes());
            assert_eq!(found, expected, "{body:?}");
        }
        assert_eq!(without_blank_end(b"x", 5), None);
    }
}
