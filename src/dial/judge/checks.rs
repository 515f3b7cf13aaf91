//! The checks of one message, by mail-auth.

use super::texts::Texts;
use crate::base::ports::Envelope;
use crate::base::{Authentication, DkimResult, Domain, Verdict, limits};
use mail_auth::dkim::Canonicalization;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DmarcResult, Error, MessageAuthenticator, Parameters,
    SpfOutput, SpfResult,
};

/// What is to be checked, and with what.
pub(super) struct Checks {
    /// It looks up what is no TXT record.
    pub(super) authenticator: MessageAuthenticator,
    /// The TXT records.
    pub(super) texts: Texts,
    /// Our name, for SPF.
    pub(super) host: String,
    /// The envelope.
    pub(super) envelope: Envelope,
    /// The message.
    pub(super) message: Vec<u8>,
}

impl Checks {
    /// Runs all of them.
    pub(super) async fn all(&self) -> Authentication {
        let spf = self.spf().await;
        let Some((original, excessive)) = parsed(&self.message) else {
            return Authentication {
                spf: spf_verdict(spf.result()),
                ..Authentication::default()
            };
        };
        let shortened = without_blank_end(&self.message, original.body_offset as usize);
        let relaxed = shortened
            .as_deref()
            .and_then(parsed)
            .map(|(relaxed, _)| relaxed);
        let dkim = self.dkim(&original, relaxed.as_ref()).await;
        let arc = self.arc(&original, relaxed.as_ref()).await;
        let dmarc = self.dmarc(&original, &dkim, &spf).await;
        Authentication {
            spf: spf_verdict(spf.result()),
            dkim: dkim
                .iter()
                .filter_map(dkim_result)
                .chain(excessive)
                .collect(),
            arc,
            dmarc,
        }
    }

    async fn spf(&self) -> SpfOutput {
        let client = self.envelope.client.to_canonical();
        let ehlo = self.envelope.ehlo.trim_end_matches('.');
        let sender = self.envelope.from.as_ref().map(ToString::to_string);
        let check = |texts| {
            let parameters = match &sender {
                Some(from) => SpfParameters::verify_mail_from(client, ehlo, &self.host, from),
                None => SpfParameters::verify_ehlo(client, ehlo, &self.host),
            };
            let parameters = Parameters::new(parameters).with_txt_cache(texts);
            self.authenticator.verify_spf(parameters)
        };
        self.texts.settle(check).await
    }

    /// Verifies each signature over the message, or, with relaxed body canonicalisation, over `relaxed` where there is one.
    async fn dkim<'x>(
        &'x self,
        original: &'x AuthenticatedMessage<'x>,
        relaxed: Option<&'x AuthenticatedMessage<'x>>,
    ) -> Vec<DkimOutput<'x>> {
        let verify = async |message| {
            let check = |texts| {
                let parameters = Parameters::new(message).with_txt_cache(texts);
                self.authenticator.verify_dkim(parameters)
            };
            self.texts.settle(check).await
        };
        let outputs = verify(original).await;
        let Some(relaxed) = relaxed else {
            return outputs;
        };
        let others = verify(relaxed).await;
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
        &'x self,
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
        let check = |texts| {
            let parameters = Parameters::new(judged).with_txt_cache(texts);
            self.authenticator.verify_arc(parameters)
        };
        verdict(self.texts.settle(check).await.result())
    }

    async fn dmarc(
        &self,
        message: &AuthenticatedMessage<'_>,
        dkim: &[DkimOutput<'_>],
        spf: &SpfOutput,
    ) -> Verdict {
        let sender = self.envelope.from.as_ref();
        let sender = sender.map_or(self.envelope.ehlo.as_str(), |from| from.domain.as_str());
        let check = |texts| {
            let parameters = DmarcParameters::new(message, dkim, sender, spf);
            let parameters = Parameters::new(parameters).with_txt_cache(texts);
            self.authenticator.verify_dmarc(parameters)
        };
        match self.texts.settle(check).await.result() {
            DmarcResult::Pass => Verdict::Pass,
            DmarcResult::Fail(_) => Verdict::Fail,
            DmarcResult::TempError(_) => Verdict::TempError,
            DmarcResult::PermError(_) => Verdict::PermError,
            DmarcResult::None => Verdict::None,
        }
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
