//! TLS reports that are posted, rightly and wrongly.

use super::*;

const JSON: &str = "Content-Type: application/tlsrpt+json\r\n";
const GZIP: &str = "Content-Type: Application/TLSRPT+gzip; x=y\r\n";
const OTHER: &str = "Content-Type: application/json\r\n";

/// Method, head and body, and the status and the last words of the reply.
type Row<'a> = (&'a str, &'a str, &'a [u8], &'a str, &'a str);

#[tokio::test]
async fn reports_are_taken_where_they_are_posted() {
    let served = serve(Settings::default());
    let large = vec![b' '; limits::TLS_REPORT_UNPACKED];
    let most = &large[..limits::TLS_REPORT];
    let more = &large[..=limits::TLS_REPORT];
    let octets = format!("{} octets", limits::TLS_REPORT);
    let rows: [Row<'_>; 14] = [
        ("POST", JSON, b"new", "201", "taken"),
        ("POST", GZIP, b"before", "200", "already"),
        ("POST", JSON, b"many", "429", "again"),
        ("POST", JSON, b"down", "503", "again"),
        ("POST", JSON, b"", "400", "0 octets"),
        ("POST", JSON, most, "400", &octets),
        ("POST", JSON, more, "413", "unpacked 1048576"),
        ("POST", JSON, &large, "413", "unpacked 1048576"),
        ("POST", OTHER, b"new", "415", "(RFC 8460 5.4)"),
        ("POST", OTHER, &large, "415", "(RFC 8460 5.4)"),
        ("POST", "", b"new", "415", "(RFC 8460 5.4)"),
        ("PUT", JSON, b"new", "405", "posted here"),
        ("PUT", JSON, &large, "405", "posted here"),
        ("GET", "", b"", "405", "posted here"),
    ];
    for (method, head, body, status, words) in rows {
        for chunked in [false, true] {
            let head = format!("Host: {REPORTS}\r\nConnection: close\r\n{head}");
            let request = request(&format!("{method} /tlsrpt"), &head, body, chunked);
            let answer = exchange(connect(&served).await, &request).await;
            let what = format!("{method} {head}{} {chunked}: {answer}", body.len());
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}");
            assert!(answer.ends_with(&format!("{words}\n")), "{what}");
            for (header, statuses) in [("allow: ", "405"), ("retry-after: ", "429 503")] {
                assert_eq!(answer.contains(header), statuses.contains(status), "{what}");
            }
        }
    }
    finished(served).await;
}

#[tokio::test]
async fn reports_have_one_place() {
    let served = serve(Settings::default());
    for (line, host, status) in [
        ("POST /tlsrpt?x", REPORTS, 201),
        ("POST /", REPORTS, 405),
        ("POST /tlsrpt/", REPORTS, 405),
        ("POST /tlsrpt", HOST, 405),
        ("GET /tlsrpt", HOST, 404),
    ] {
        let head = format!("Host: {host}\r\nConnection: close\r\n{JSON}");
        let answer = exchange(connect(&served).await, &request(line, &head, b"new", false)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line} {host}: {answer}"
        );
    }
    let stream = TcpStream::connect(served.plain).await.unwrap();
    let head = format!("Host: {REPORTS}\r\nConnection: close\r\n{JSON}");
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
    let head = format!("POST /tlsrpt HTTP/1.1\r\nHost: {REPORTS}\r\n{JSON}");
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
