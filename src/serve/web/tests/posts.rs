//! TLS reports that are posted, rightly and wrongly.

use super::*;

const JSON: &str = "Content-Type: application/tlsrpt+json\r\n";
const GZIP: &str = "Content-Type: Application/TLSRPT+gzip; x=y\r\n";
const OTHER: &str = "Content-Type: application/json\r\n";
const PLACE: &str = "/tlsrpt";

/// Method, host, path, head, body, and how the reply begins and ends.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a [u8],
    &'a str,
    &'a str,
);

#[tokio::test]
async fn reports_are_taken_where_they_are_posted() {
    let served = serve(Settings::default());
    let large = vec![b' '; limits::TLS_REPORT + 1];
    let octets = format!("{} octets\n", limits::TLS_REPORT);
    let rows: [Row<'_>; 15] = [
        ("POST", REPORTS, PLACE, JSON, b"new", "201", "taken\n"),
        ("POST", REPORTS, PLACE, GZIP, b"before", "200", "already\n"),
        ("POST", REPORTS, "/tlsrpt?x", JSON, b"new", "201", "taken\n"),
        ("POST", REPORTS, PLACE, JSON, b"many", "429", "again\n"),
        ("POST", REPORTS, PLACE, JSON, b"down", "503", "again\n"),
        ("POST", REPORTS, PLACE, JSON, b"", "400", "0 octets\n"),
        ("POST", REPORTS, PLACE, JSON, &large[1..], "400", &octets),
        (
            "POST",
            REPORTS,
            PLACE,
            JSON,
            &large,
            "413",
            "unpacked 1048576\n",
        ),
        (
            "POST",
            REPORTS,
            PLACE,
            OTHER,
            b"new",
            "415",
            "(RFC 8460 5.4)\n",
        ),
        (
            "POST",
            REPORTS,
            PLACE,
            "",
            b"new",
            "415",
            "(RFC 8460 5.4)\n",
        ),
        ("PUT", REPORTS, PLACE, JSON, b"new", "405", "posted here\n"),
        ("GET", REPORTS, PLACE, "", b"", "405", "posted here\n"),
        ("POST", REPORTS, "/", JSON, b"new", "405", "Not Allowed\n"),
        ("POST", HOST, PLACE, JSON, b"new", "405", "Not Allowed\n"),
        ("GET", HOST, PLACE, "", b"", "404", "Not Found\n"),
    ];
    for (method, host, path, head, body, status, text) in rows {
        for chunked in [false, true] {
            let head = format!("Host: {host}\r\nConnection: close\r\n{head}");
            let request = request(&format!("{method} {path}"), &head, body, chunked);
            let answer = exchange(connect(&served).await, &request).await;
            let what = format!("{method} {path} {head}{chunked}: {answer}");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}");
            assert!(answer.ends_with(text), "{what}");
            for (header, statuses) in [("allow: ", "405"), ("retry-after: ", "429 503")] {
                assert_eq!(answer.contains(header), statuses.contains(status), "{what}");
            }
        }
    }
    let stream = TcpStream::connect(served.plain).await.unwrap();
    let head = format!("Host: {REPORTS}\r\n{JSON}");
    let answer = exchange(stream, &request("POST /tlsrpt", &head, b"new", false)).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    finished(served).await;
}

/// A request with a body, in one piece or as a chunk.
fn request(line: &str, head: &str, body: &[u8], chunked: bool) -> Vec<u8> {
    let length = body.len();
    let (framing, end) = match (chunked, length) {
        (false, _) => (format!("Content-Length: {length}\r\n\r\n"), ""),
        (true, 0) => ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), ""),
        (true, _) => (
            format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n"),
            "\r\n0\r\n\r\n",
        ),
    };
    let head = format!("{line} HTTP/1.1\r\n{head}{framing}");
    [head.as_bytes(), body, end.as_bytes()].concat()
}

#[tokio::test]
async fn a_report_that_breaks_off_is_none() {
    let served = serve(Settings {
        timeout: Duration::from_millis(500),
        ..Settings::default()
    });
    let head = format!("POST {PLACE} HTTP/1.1\r\nHost: {REPORTS}\r\n{JSON}");
    for (framing, status) in [
        ("Content-Length: 4\r\n\r\nnew", ""),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nnew\r\n", ""),
        ("Transfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 400 "),
    ] {
        let request = format!("{head}{framing}");
        let answer = exchange(connect(&served).await, request.as_bytes()).await;
        let is_so = match status {
            "" => answer.is_empty(),
            status => answer.starts_with(status),
        };
        assert!(is_so, "{framing}: {answer}");
    }
    finished(served).await;
}
