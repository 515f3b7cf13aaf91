//! Between the ACME library and the port [`Fetch`]: looks at every reply before the library does.
//!
//! The library loses what a CA says beside a failure, and stops the program on some nonsense; so a reply that is a
//! failure ends here as a [`Failure`], and only what the library can bear comes through.

use crate::base::ports::{Clock, Fetch, HttpMethod, HttpReply, HttpRequest};
use crate::base::{Timestamp, limits};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{ACCEPT_LANGUAGE, AGE, DATE, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::http::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the CA is told that we are (RFC 8555 6.1).
const AGENT: &str = concat!("mailproof/", env!("CARGO_PKG_VERSION"), " instant-acme");

/// The one failure that is the library's to mend (RFC 8555 6.5).
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

/// Why a reply does not reach the library.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is none: why.
    Silent(String),
    /// It comes from another time than ours.
    Clock { theirs: Timestamp, ours: Timestamp },
    /// Whatever answers there does not speak ACME: how that shows.
    Foreign(String),
    /// The CA says no.
    Refused(Refusal),
}

/// What a CA says when it says no.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status, 400 at least.
    pub(super) status: u16,
    /// Whether an account asked; else it was a plain question, whose answer is not about us.
    pub(super) signed: bool,
    /// Its words; `None` when there is no problem document.
    pub(super) problem: Option<Problem>,
    /// How long it asks us to wait.
    pub(super) wait: Option<Duration>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(why) | Self::Foreign(why) => f.write_str(why),
            Self::Clock { theirs, ours } => {
                write!(f, "the CA's clock says {theirs:.0}, ours {ours:.0}")
            }
            Self::Refused(refusal) => write!(f, "the CA answers with status {}", refusal.status),
        }
    }
}

impl std::error::Error for Failure {}

/// The way through; clones share what they remember.
#[derive(Clone)]
pub(super) struct Tap(Arc<Inner>);

struct Inner {
    directory: Uri,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    wait: Mutex<Option<Duration>>,
}

impl Tap {
    /// A way to the CA with this directory.
    pub(super) fn new(directory: Uri, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            directory,
            fetch,
            clock,
            wait: Mutex::new(None),
        }))
    }

    /// How long the last reply asks us to wait (`Retry-After`), `limits::ACME_WAIT` at most.
    pub(super) fn wait(&self) -> Option<Duration> {
        *self.0.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for Tap {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let reply = inner.exchange(request).await;
            reply.map_err(|failure| Error::Other(Box::new(failure)))
        })
    }
}

impl Inner {
    async fn exchange(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, Failure> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await;
        if head.uri.scheme_str() != Some("https") {
            return Err(Failure::Foreign(format!("{} is no https URL", head.uri)));
        }
        let method = match head.method {
            Method::GET => HttpMethod::Get,
            Method::HEAD => HttpMethod::Head,
            _ => HttpMethod::Post,
        };
        let mut headers = vec![
            (USER_AGENT.to_string(), AGENT.to_owned()),
            (ACCEPT_LANGUAGE.to_string(), "en".to_owned()),
        ];
        for (name, value) in &head.headers {
            if let (false, Ok(value)) = (name == USER_AGENT, value.to_str()) {
                headers.push((name.to_string(), value.to_owned()));
            }
        }
        let whole = HttpRequest {
            method,
            url: head.uri.to_string(),
            headers,
            body: body.to_bytes().to_vec(),
        };
        let reply = self.fetch.fetch(whole).await.map_err(Failure::Silent)?;
        self.judge(method, &head.uri, reply)
    }

    /// Lets through what the library can bear.
    fn judge(
        &self,
        method: HttpMethod,
        url: &Uri,
        reply: HttpReply,
    ) -> Result<BytesResponse, Failure> {
        let now = self.clock.now();
        let wait = retry_after(&reply, now);
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner) = wait;
        if let Some(theirs) = date(&reply)
            && now.duration_since(theirs).unsigned_abs() > limits::ACME_SKEW
        {
            return Err(Failure::Clock { theirs, ours: now });
        }
        if (300..400).contains(&reply.status) {
            let place = header(&reply, &LOCATION).unwrap_or("nowhere");
            let detail = format!("{url} leads elsewhere, to {place}");
            return Err(Failure::Foreign(detail));
        }
        if reply.status >= 400 {
            let problem = serde_json::from_slice::<Problem>(&reply.body).ok();
            let stale = |problem: &Problem| problem.r#type.as_deref() == Some(BAD_NONCE);
            // The library asks again with another one.
            if !(reply.status == 400 && problem.as_ref().is_some_and(stale)) {
                return Err(Failure::Refused(Refusal {
                    status: reply.status,
                    signed: method == HttpMethod::Post,
                    problem,
                    wait,
                }));
            }
        }
        if *url == self.directory {
            check_directory(&reply.body).map_err(Failure::Foreign)?;
        }
        let again = (method == HttpMethod::Get).then(|| wait.unwrap_or(limits::ACME_ASK_AGAIN.2));
        response(reply, again)
    }
}

/// Refuses what the library would stop the program on: an address for nonces that is none.
fn check_directory(body: &[u8]) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Directory {
        new_nonce: String,
    }
    let wrong = "what answers there is no ACME directory";
    let directory =
        serde_json::from_slice::<Directory>(body).map_err(|error| format!("{wrong}: {error}"))?;
    match directory.new_nonce.parse::<Uri>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{wrong}: newNonce is no URL")),
    }
}

/// The reply as the library wants it. `Retry-After` goes only where the library must see one, and bounded, for it adds
/// it to the time of day without a look.
fn response(reply: HttpReply, again: Option<Duration>) -> Result<BytesResponse, Failure> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = reply
        .status
        .try_into()
        .map_err(|_| Failure::Foreign(format!("{} is no HTTP status", reply.status)))?;
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers.remove(RETRY_AFTER);
    if let Some(again) = again {
        headers.insert(RETRY_AFTER, again.as_secs().into());
    }
    Ok(BytesResponse::from(response))
}

fn header<'a>(reply: &'a HttpReply, name: &HeaderName) -> Option<&'a str> {
    let mut headers = reply.headers.iter();
    let (_, value) = headers.find(|(other, _)| other == name.as_str())?;
    Some(value.trim())
}

/// Seconds, or a date (RFC 9110 10.2.3), as a wait from now.
fn retry_after(reply: &HttpReply, now: Timestamp) -> Option<Duration> {
    let value = header(reply, &RETRY_AFTER)?;
    let wait = if value.bytes().all(|octet| octet.is_ascii_digit()) {
        // What is no number then is longer than any.
        value.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        let left = http_date(value)?.duration_since(now);
        left.try_into().unwrap_or(Duration::ZERO)
    };
    (!value.is_empty()).then(|| wait.min(limits::ACME_WAIT))
}

/// When the reply was made, plus the time that it lay in a cache (RFC 9111 4.2.3).
fn date(reply: &HttpReply) -> Option<Timestamp> {
    let made = http_date(header(reply, &DATE)?)?;
    let age = header(reply, &AGE).and_then(|age| age.parse::<u32>().ok());
    let age = Duration::from_secs(age.unwrap_or_default().into());
    made.checked_add(age).ok()
}

/// A date in the form of today (RFC 9110 5.6.7); those of the last century are not understood.
fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(name: &str, value: &str) -> HttpReply {
        HttpReply {
            status: 200,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: Vec::new(),
        }
    }

    #[test]
    fn a_wait_is_a_number_or_a_date_and_never_too_long() {
        let now = "1999-12-31T23:00:00Z".parse().unwrap();
        let rows = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(3599)),
            ("Fri, 31 Dec 1999 22:59:59 GMT", Some(0)),
            ("Tue, 31 Dec 2999 23:59:59 GMT", Some(604_800)),
            ("Mon, 31 Dec 2999 23:59:59 GMT", None),
            ("604801", Some(604_800)),
            ("18446744073709551616", Some(604_800)),
            ("-1", None),
            ("soon", None),
            ("", None),
            ("Friday, 31-Dec-99 23:59:59 GMT", None),
        ];
        for (value, seconds) in rows {
            let wait = retry_after(&reply("retry-after", value), now);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&reply("date", "120"), now), None);
    }

    #[test]
    fn a_date_counts_the_time_in_a_cache() {
        let mut reply = reply("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(&reply).unwrap().to_string(), "1994-11-06T08:49:37Z");
        reply.headers.push(("age".to_owned(), "3600".to_owned()));
        assert_eq!(date(&reply).unwrap().to_string(), "1994-11-06T09:49:37Z");
        reply.headers[0].1 = "yesterday".to_owned();
        assert_eq!(date(&reply), None);
    }
}
