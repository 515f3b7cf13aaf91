//! The web host on loopback: real TLS, real disorder.

mod posts;

use super::*;
use crate::base::ports::{
    Answer, Decision, Envelope, Greeting, Kept, NotTaken, Page, Recipient, Unavailable,
};
use crate::base::{Connection, ConnectionId, Mailbox, Packing, Query, Timestamp};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

const HOST: &str = "mta-sts.example.org";
const REPORTS: &str = "et.example.org";
const POLICY: &str = "/.well-known/mta-sts.txt";
const BODY: &[u8] = b"version: STSv1\r\n";

struct Fixed;

impl Pages for Fixed {
    fn page(&self, host: &str, path: &str) -> Option<Page> {
        (host == HOST && (path == POLICY || path == "/")).then(|| Page {
            status: 200,
            media_type: "text/plain",
            body: BODY.into(),
        })
    }
}

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// A desk that only takes fetches.
#[derive(Default)]
struct Fetches(Mutex<Vec<Fetch>>);

impl Desk for Fetches {
    fn connected(&self) -> ConnectionId {
        unreachable!()
    }
    fn greet<'a>(&'a self, _: IpAddr, _: &'a str) -> Answer<'a, Greeting> {
        unreachable!()
    }
    fn recipient(&self, _: &Mailbox) -> Recipient {
        unreachable!()
    }
    fn known(&self, _: &Connection) -> bool {
        unreachable!()
    }
    fn transacted(&self, _: Connection) -> Answer<'_, Result<Decision, Unavailable>> {
        unreachable!()
    }
    fn refused(&self, _: Connection) -> Answer<'_, Result<(), Unavailable>> {
        unreachable!()
    }

    fn turned_away(&self, _: Option<IpAddr>) {
        unreachable!()
    }

    fn closed(&self, _: Connection) {
        unreachable!()
    }
    fn queried(&self, _: Query) {
        unreachable!()
    }
    fn fetched(&self, fetch: Fetch) {
        self.0.lock().unwrap().push(fetch);
    }
}

/// Takes reports whose text says what becomes of them.
impl Reports for Fetches {
    fn mailed<'a>(&'a self, _: &'a Envelope, _: &'a [u8]) -> Answer<'a, Result<Kept, NotTaken>> {
        unreachable!()
    }

    fn posted<'a>(
        &'a self,
        client: IpAddr,
        packing: Packing,
        body: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>> {
        assert_eq!(client, IpAddr::from([127, 0, 0, 1]));
        Box::pin(std::future::ready(match (packing, body) {
            (Packing::Json, b"new") => Ok(Kept::New),
            (Packing::Gzip, b"before") => Ok(Kept::Before),
            (_, b"many") => Err(NotTaken::TooMany),
            (_, b"down") => Err(NotTaken::Unavailable),
            (_, body) => Err(NotTaken::Unfit(format!("{} octets", body.len()))),
        }))
    }
}

struct Served {
    secure: SocketAddr,
    plain: SocketAddr,
    desk: Arc<Fetches>,
    roots: rustls::RootCertStore,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

fn serve(settings: Settings) -> Served {
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let key = rustls::crypto::ring::sign::any_supported_type(&key.into()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let certified = CertifiedKey::new(vec![certificate], key);
    let config = tls(Arc::new(SingleCertAndKey::from(certified))).unwrap();
    let desk = Arc::new(Fetches::default());
    let web = Web {
        tls: Arc::new(ArcSwap::from_pointee(config)),
        pages: Arc::new(Fixed),
        desk: Arc::clone(&desk) as Arc<dyn Desk>,
        reports: Arc::clone(&desk) as Arc<dyn Reports>,
        reports_host: REPORTS.parse().unwrap(),
        clock: Arc::new(Fixed),
        settings,
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (mut secure, mut plain) = (bind(&[any]).unwrap(), bind(&[any]).unwrap());
    let (secure_address, plain_address) = (
        secure[0].local_addr().unwrap(),
        plain[0].local_addr().unwrap(),
    );
    let (stop, shutdown) = watch::channel(false);
    let task = tokio::spawn(run(
        web,
        vec![secure.remove(0)],
        vec![plain.remove(0)],
        shutdown,
    ));
    Served {
        secure: secure_address,
        plain: plain_address,
        desk,
        roots,
        stop,
        task,
    }
}

type Client = tokio_rustls::client::TlsStream<TcpStream>;

async fn connect(served: &Served) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(served.roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(served.secure).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(HOST).unwrap(), stream)
        .await
        .unwrap()
}

/// Sends octets and returns all that comes back; a connection that is cut off is no failure.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    let mut answer = Vec::new();
    let _ = stream.write_all(request).await;
    let _ = stream.flush().await;
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(method: &str, path: &str, rest: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{rest}\r\n").into_bytes()
}

const LAST: &str = "Connection: close\r\nUser-Agent: Fetcher/1\r\n";

async fn finished(served: Served) {
    served.stop.send(true).unwrap();
    served.task.await.unwrap();
}

#[tokio::test]
async fn a_policy_is_served_and_its_fetch_reported() {
    let served = serve(Settings::default());
    let stream = connect(&served).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = exchange(stream, &request("GET", POLICY, LAST)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-length: 16\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nversion: STSv1\r\n"), "{answer}");

    let head = exchange(connect(&served).await, &request("HEAD", POLICY, LAST)).await;
    assert!(head.contains("content-length: 16\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let other = exchange(connect(&served).await, &request("GET", "/", LAST)).await;
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
    assert_eq!(
        *served.desk.0.lock().unwrap(),
        [Fetch {
            id: FetchId(0),
            time: Timestamp::UNIX_EPOCH,
            client: [127, 0, 0, 1].into(),
            ptr: None,
            agent: "Fetcher/1".to_owned(),
        }]
    );
    finished(served).await;
}

#[tokio::test]
async fn the_plain_listener_redirects() {
    let served = serve(Settings {
        https_port: 8443,
        ..Settings::default()
    });
    let stream = TcpStream::connect(served.plain).await.unwrap();
    let answer = exchange(stream, &request("GET", POLICY, LAST)).await;
    assert!(answer.starts_with("HTTP/1.1 301 "), "{answer}");
    let target = format!("location: https://{HOST}:8443{POLICY}\r\n");
    assert!(answer.contains(&target), "{answer}");
    assert!(served.desk.0.lock().unwrap().is_empty());
    finished(served).await;
}

#[tokio::test]
async fn disorder_on_the_wire_ends_the_connection_only() {
    let served = serve(Settings::default());
    let long = format!("X: {}\r\n", "x".repeat(limits::WEB_HEAD));
    for (bytes, status) in [
        (b"\x00\xff\xfe garbage\r\n\r\n".to_vec(), "HTTP/1.1 400"),
        (request("GET", POLICY, &long), "HTTP/1.1 431"),
        (
            b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(),
            "HTTP/1.1 400",
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), ""),
        (
            request("POST", "/", "Content-Length: 3\r\nConnection: close\r\n"),
            "HTTP/1.1 405",
        ),
    ] {
        let answer = exchange(connect(&served).await, &bytes).await;
        assert!(answer.starts_with(status), "{status}: {answer}");
    }
    let raw = TcpStream::connect(served.secure).await.unwrap();
    exchange(raw, &request("GET", POLICY, LAST)).await;
    let answer = exchange(connect(&served).await, &request("GET", POLICY, LAST)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    finished(served).await;
}

#[tokio::test]
async fn slow_clients_are_closed_and_make_room() {
    let served = serve(Settings {
        clients: 1,
        timeout: Duration::from_millis(500),
        ..Settings::default()
    });
    let silent = TcpStream::connect(served.secure).await.unwrap();
    let half = TcpStream::connect(served.plain).await.unwrap();
    assert_eq!(exchange(silent, b"").await, "");
    assert_eq!(exchange(half, b"GET / HTTP/1.1\r\nHost: ").await, "");
    let free = TcpStream::connect(served.plain).await.unwrap();
    let answer = exchange(free, &request("GET", "/", LAST)).await;
    assert!(answer.starts_with("HTTP/1.1 301 "), "{answer}");
    finished(served).await;
}

#[tokio::test]
async fn a_network_has_so_many_places() {
    let served = serve(Settings {
        clients_per_network: 1,
        ..Settings::default()
    });
    let mut first = connect(&served).await;
    let second = TcpStream::connect(served.plain).await.unwrap();
    assert_eq!(exchange(second, &request("GET", "/", LAST)).await, "");
    first.write_all(&request("GET", "/", "")).await.unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // Stopping ends the idle connection, so that nothing is waited for.
    finished(served).await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = bind(&[any]).unwrap();
    let address = first[0].local_addr().unwrap();
    let error = bind(&[address]).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {address}: ")));
}
