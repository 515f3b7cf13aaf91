//! From a request's head to the reply. Pure.

use crate::base::limits;
use crate::base::ports::{Page, Pages};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request;
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Method, Response, StatusCode, Version};
use std::sync::Arc;

/// Where a policy is fetched from (RFC 8461 3.2).
const POLICY: &str = "/.well-known/mta-sts.txt";

/// Said of every page: it needs nothing but its own text and style, is kept by nobody and tells nobody where it was.
const HEADERS: [(header::HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// What a listener does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Serves the pages.
    Serve,
    /// Redirects to the same page by HTTPS on this port.
    Redirect(u16),
}

/// The reply to a request; for HEAD it holds the body too, which hyper does not send.
pub(super) fn reply(role: Role, head: &request::Parts, pages: &dyn Pages) -> Response<Bytes> {
    let plain = |status| respond(status, "text/plain; charset=utf-8", text(status));
    if head.method != Method::GET && head.method != Method::HEAD {
        let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED);
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(header::ALLOW, allowed);
        return refusal;
    }
    let Some(host) = host(head) else {
        return plain(StatusCode::BAD_REQUEST);
    };
    match (pages.page(&host, head.uri.path()), role) {
        (None, _) => plain(StatusCode::NOT_FOUND),
        (
            Some(Page {
                status,
                media_type,
                body,
            }),
            Role::Serve,
        ) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            respond(status, media_type, body)
        }
        (Some(_), Role::Redirect(port)) => {
            let port = match port {
                443 => String::new(),
                port => format!(":{port}"),
            };
            let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
            let Ok(target) = HeaderValue::try_from(format!("https://{host}{port}{path}")) else {
                return plain(StatusCode::BAD_REQUEST);
            };
            let mut redirect = plain(StatusCode::MOVED_PERMANENTLY);
            redirect.headers_mut().insert(header::LOCATION, target);
            redirect
        }
    }
}

/// Whether this reply gave a policy to somebody.
pub(super) fn is_policy<B>(head: &request::Parts, reply: &Response<B>) -> bool {
    head.method == Method::GET && head.uri.path() == POLICY && reply.status() == StatusCode::OK
}

/// The User-Agent as it is noted: control characters removed, cut to `limits::AGENT` characters.
pub(super) fn agent(headers: &HeaderMap) -> String {
    let agent = headers
        .get(header::USER_AGENT)
        .map_or(&b""[..], HeaderValue::as_bytes);
    String::from_utf8_lossy(agent)
        .chars()
        .filter(|c| !c.is_control())
        .take(limits::AGENT)
        .collect()
}

/// The host asked for: lower case, without port and final dot. It is required, once, and stands in the request line
/// instead where that holds a whole URI (RFC 9112 3.2).
pub(super) fn host(head: &request::Parts) -> Option<String> {
    let mut fields = head.headers.get_all(header::HOST).iter();
    let authority: Option<Authority> = match (fields.next(), fields.next()) {
        (Some(field), None) => Some(field.to_str().ok()?.parse().ok()?),
        (None, _) if head.version < Version::HTTP_11 => None,
        _ => return None,
    };
    let host = head.uri.host().map(str::to_owned);
    let host = host.or_else(|| authority.map(|authority| authority.host().to_owned()))?;
    let host = host.strip_suffix('.').unwrap_or(&host).to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

fn text(status: StatusCode) -> Arc<[u8]> {
    format!("{status}\n").into_bytes().into()
}

pub(super) fn respond(
    status: StatusCode,
    media_type: &'static str,
    body: Arc<[u8]>,
) -> Response<Bytes> {
    let length = HeaderValue::from(body.len());
    let mut reply = Response::new(Bytes::from_owner(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.extend(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, length);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    struct One;

    impl Pages for One {
        fn page(&self, host: &str, path: &str) -> Option<Page> {
            (host == "mta-sts.example.org" && path == POLICY).then(|| Page {
                status: 200,
                media_type: "text/plain",
                body: b"version: STSv1\r\n".as_slice().into(),
            })
        }
    }

    fn head(method: &str, uri: &str, version: Version, hosts: &[&str]) -> request::Parts {
        let mut request = Request::builder().method(method).uri(uri).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn requests_are_answered_by_method_host_and_path() {
        let known = "mta-sts.example.org";
        let absolute = format!("https://{known}{POLICY}");
        let (new, old) = (Version::HTTP_11, Version::HTTP_10);
        for (method, uri, version, hosts, status) in [
            ("GET", POLICY, new, &[known][..], 200),
            ("GET", POLICY, old, &[known], 200),
            ("HEAD", POLICY, new, &[known], 200),
            ("GET", POLICY, new, &["MTA-STS.Example.ORG.:8443"], 200),
            ("GET", &absolute, new, &["other.example"], 200),
            ("GET", "/.well-known/mta-sts.txt?x", new, &[known], 200),
            ("GET", "/", new, &[known], 404),
            ("GET", POLICY, new, &["other.example"], 404),
            ("GET", POLICY, new, &[], 400),
            ("GET", POLICY, old, &[], 400),
            ("GET", POLICY, new, &[known, known], 400),
            ("GET", POLICY, new, &[""], 400),
            ("GET", POLICY, new, &["a b"], 400),
            ("POST", POLICY, new, &[known], 405),
            ("OPTIONS", "*", new, &[known], 405),
        ] {
            let head = head(method, uri, version, hosts);
            let reply = reply(Role::Serve, &head, &One);
            assert_eq!(reply.status().as_u16(), status, "{method} {uri} {hosts:?}");
            assert_eq!(reply.headers().contains_key("allow"), status == 405);
            assert_eq!(is_policy(&head, &reply), status == 200 && method == "GET");
            for name in [
                "content-security-policy",
                "x-content-type-options",
                "cache-control",
            ] {
                assert!(reply.headers().contains_key(name), "{name}");
            }
            let length = reply.headers()["content-length"].to_str().unwrap();
            assert_eq!(length, reply.body().len().to_string());
        }
    }

    #[test]
    fn the_plain_listener_redirects_to_known_pages_only() {
        let path = "/.well-known/mta-sts.txt?x=1";
        for (port, host, target) in [
            (
                443,
                "mta-sts.example.org:80",
                Some("https://mta-sts.example.org"),
            ),
            (
                8443,
                "mta-sts.example.org",
                Some("https://mta-sts.example.org:8443"),
            ),
            (443, "evil.example", None),
        ] {
            let head = head("GET", path, Version::HTTP_11, &[host]);
            let reply = reply(Role::Redirect(port), &head, &One);
            let location = reply
                .headers()
                .get("location")
                .map(|at| at.to_str().unwrap());
            let expected = target.map(|target| format!("{target}{path}"));
            assert_eq!(location, expected.as_deref());
            assert_eq!(reply.status(), if target.is_some() { 301 } else { 404 });
            assert!(!is_policy(&head, &reply));
        }
    }

    #[test]
    fn agents_are_cleaned_and_cut() {
        let mut headers = HeaderMap::new();
        assert_eq!(agent(&headers), "");
        headers.insert("user-agent", HeaderValue::from_bytes(b"a\tb\xff").unwrap());
        assert_eq!(agent(&headers), "ab\u{fffd}");
        let long = "x".repeat(limits::AGENT + 1);
        headers.insert("user-agent", long.parse().unwrap());
        assert_eq!(agent(&headers).len(), limits::AGENT);
    }
}
