//! TLS reports that are posted (RFC 8460 5.4): from the request to the reply.

use super::reply::{host, respond};
use crate::base::ports::{Kept, NotTaken, Reports};
use crate::base::{Domain, Packing, limits};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{Method, Response, StatusCode};
use std::error::Error;
use std::net::IpAddr;
use std::pin::pin;

/// Where they are posted to.
const PLACE: &str = "/tlsrpt";
/// Seconds after which a client is to come again that could not be served.
const LATER: HeaderValue = HeaderValue::from_static("600");

/// Whether a request is for the place of reports.
pub(super) fn is_place(head: &request::Parts, reports_host: &Domain) -> bool {
    head.uri.path() == PLACE && host(head).as_deref() == Some(reports_host.as_str())
}

/// The reply to a request for the place of reports. What is not taken is read all the same, as far as there is a limit:
/// who still sends when the connection is closed may never read why.
pub(super) async fn answer<B>(
    reports: &dyn Reports,
    client: IpAddr,
    head: &request::Parts,
    body: B,
) -> Response<Bytes>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let body = read(body).await;
    if head.method != Method::POST {
        let mut refusal = said(
            StatusCode::METHOD_NOT_ALLOWED,
            "TLS reports (RFC 8460) are posted here",
        );
        let allowed = HeaderValue::from_static("POST");
        refusal.headers_mut().insert(header::ALLOW, allowed);
        return refusal;
    }
    let media_type = head.headers.get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let Some(packing) = media_type.and_then(Packing::of) else {
        return said(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "application/tlsrpt+gzip and application/tlsrpt+json are taken (RFC 8460 5.4)",
        );
    };
    match body {
        Ok(body) => reply(&reports.posted(client, packing, &body).await),
        Err(Unread::TooLarge) => reply(&Err(NotTaken::TooLarge)),
        Err(Unread::Broken) => said(StatusCode::BAD_REQUEST, "the body broke off"),
    }
}

/// Why there is no body.
enum Unread {
    TooLarge,
    Broken,
}

/// Reads a body; of one that is too large nothing is kept, and no more is read than a report may have when unpacked.
async fn read<B>(body: B) -> Result<Vec<u8>, Unread>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut body = pin!(Limited::new(body, limits::TLS_REPORT_UNPACKED));
    let (mut kept, mut size) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => Unread::TooLarge,
            false => Unread::Broken,
        })?;
        let piece = frame.into_data().unwrap_or_default();
        size += piece.len();
        match size > limits::TLS_REPORT {
            true => kept = Vec::new(),
            false => kept.extend_from_slice(&piece),
        }
    }
    match size > limits::TLS_REPORT {
        true => Err(Unread::TooLarge),
        false => Ok(kept),
    }
}

fn reply(kept: &Result<Kept, NotTaken>) -> Response<Bytes> {
    match kept {
        Ok(Kept::New) => said(StatusCode::CREATED, "the report is taken"),
        Ok(Kept::Before) => said(StatusCode::OK, "the report is here already"),
        Err(NotTaken::Unfit(why)) => said(StatusCode::BAD_REQUEST, why),
        Err(NotTaken::TooLarge) => said(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!(
                "at most {} octets are taken of a report, unpacked {}",
                limits::TLS_REPORT,
                limits::TLS_REPORT_UNPACKED
            ),
        ),
        Err(NotTaken::Unproven(why)) => said(StatusCode::FORBIDDEN, why),
        Err(NotTaken::TooMany) => later(
            StatusCode::TOO_MANY_REQUESTS,
            "too many reports just now, please come again",
        ),
        Err(NotTaken::Unclear | NotTaken::Unavailable) => later(
            StatusCode::SERVICE_UNAVAILABLE,
            "the report cannot be noted now, please come again",
        ),
    }
}

fn said(status: StatusCode, why: &str) -> Response<Bytes> {
    let text = format!("{status}: {why}\n").into_bytes();
    respond(status, "text/plain; charset=utf-8", text.into())
}

fn later(status: StatusCode, why: &str) -> Response<Bytes> {
    let mut reply = said(status, why);
    reply.headers_mut().insert(header::RETRY_AFTER, LATER);
    reply
}
