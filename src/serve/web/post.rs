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

/// Where they are posted to.
const PLACE: &str = "/tlsrpt";
/// Seconds after which a client is to come again that could not be served.
const LATER: HeaderValue = HeaderValue::from_static("600");

/// Whether a request is for the place of reports.
pub(super) fn is_place(head: &request::Parts, reports_host: &Domain) -> bool {
    head.uri.path() == PLACE && host(head).as_deref() == Some(reports_host.as_str())
}

/// The reply to a request for the place of reports. Nothing is read of what is too large or of another kind.
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
    if body.size_hint().lower() > limits::TLS_REPORT as u64 {
        return reply(&Err(NotTaken::TooLarge));
    }
    let body = match Limited::new(body, limits::TLS_REPORT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return reply(&Err(NotTaken::TooLarge)),
        Err(_) => return said(StatusCode::BAD_REQUEST, "the body broke off"),
    };
    reply(&reports.posted(client, packing, &body).await)
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
