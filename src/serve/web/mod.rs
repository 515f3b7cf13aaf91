//! The web host: HTTPS/1.1 for pages that arrive rendered and for TLS reports that are posted, and a plain listener that
//! only redirects there.
//!
//! Of any other request nothing is read but its head; there are no forms, no cookies. Every connection has one allowance
//! of time for all it does, so that slow clients cost a place for that time and no longer.

mod post;
mod reply;

use crate::base::ports::{Clock, Desk, Pages, Reports};
use crate::base::{Domain, Fetch, FetchId, limits};
use crate::serve::places::Places;
use crate::serve::{Shutdown, listen};
use arc_swap::ArcSwap;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use reply::Role;
use rustls::server::ResolvesServerCert;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Pause after an accept that failed, as it does when file descriptors run out.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Time to finish replies under way when the appliance stops; who needs longer is cut off.
const GRACE: Duration = Duration::from_secs(5);
/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 1024;

/// What may differ between an appliance and a test of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections in all, over all listeners.
    pub clients: usize,
    /// Connections from one client network (/24, /56); further ones are closed at once.
    pub clients_per_network: usize,
    /// Time for a connection, from its first octet to its last.
    pub timeout: Duration,
    /// The port that redirects lead to.
    pub https_port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clients: limits::WEB_CLIENTS,
            clients_per_network: limits::WEB_CLIENTS_PER_NETWORK,
            timeout: limits::WEB_TIMEOUT,
            https_port: 443,
        }
    }
}

/// The web host without its sockets.
pub struct Web {
    /// How TLS is spoken, swapped whole; see [`tls`].
    pub tls: Arc<ArcSwap<rustls::ServerConfig>>,
    /// The pages.
    pub pages: Arc<dyn Pages>,
    /// Who takes TLS reports.
    pub reports: Arc<dyn Reports>,
    /// The host that they are posted to.
    pub reports_host: Domain,
    /// Who is told of fetches of the policy.
    pub desk: Arc<dyn Desk>,
    /// The time of fetches.
    pub clock: Arc<dyn Clock>,
    /// Limits.
    pub settings: Settings,
}

/// A TLS configuration for [`Web`]: certificates from `certificates`, ALPN `http/1.1`, no resumption and no tickets.
///
/// # Errors
/// When ring lacks a protocol version, which it does not.
pub fn tls(
    certificates: Arc<dyn ResolvesServerCert>,
) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Listens on every address; needs a runtime. IPv6 sockets take no IPv4.
///
/// # Errors
/// When an address cannot be listened on; the error names it.
pub fn bind(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    addresses
        .iter()
        .map(|&address| {
            listen(address, BACKLOG).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
            })
        })
        .collect()
}

/// Serves on `secure` and redirects on `plain` until the appliance stops; then finishes the replies under way.
pub async fn run(web: Web, secure: Vec<TcpListener>, plain: Vec<TcpListener>, shutdown: Shutdown) {
    let settings = &web.settings;
    let places = Arc::new(Places::new(settings.clients, settings.clients_per_network));
    let redirect = Role::Redirect(web.settings.https_port);
    let web = Arc::new(web);
    let secure = secure.into_iter().map(|listener| (listener, Role::Serve));
    let plain = plain.into_iter().map(|listener| (listener, redirect));
    let mut listeners: JoinSet<()> = secure
        .chain(plain)
        .map(|(listener, role)| {
            let (web, places) = (Arc::clone(&web), Arc::clone(&places));
            accept(web, places, listener, role, shutdown.clone())
        })
        .collect();
    while listeners.join_next().await.is_some() {}
}

/// Takes clients of one listener until the appliance stops, then waits for them.
async fn accept(
    web: Arc<Web>,
    places: Arc<Places>,
    listener: TcpListener,
    role: Role,
    shutdown: Shutdown,
) {
    let mut clients = JoinSet::new();
    let mut stop = shutdown.clone();
    let mut stop = pin!(stop.wait_for(|stop| *stop));
    loop {
        while clients.try_join_next().is_some() {}
        let next = async {
            match listener.accept().await {
                Ok((stream, client)) => {
                    let free = places.free().await?;
                    Some((stream, client.ip().to_canonical(), free))
                }
                Err(error) => {
                    tracing::warn!(%error, "a web client could not be accepted");
                    tokio::time::sleep(BACK_OFF).await;
                    None
                }
            }
        };
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = next => accepted,
        };
        let Some((stream, client, free)) = accepted else {
            continue;
        };
        if let Some(place) = places.take(client, free) {
            let (web, stop) = (Arc::clone(&web), shutdown.clone());
            clients.spawn(async move {
                let time = web.settings.timeout;
                drop(tokio::time::timeout(time, converse(&web, stream, client, role, stop)).await);
                drop(place);
            });
        }
    }
    drop(listener);
    let finished = async { while clients.join_next().await.is_some() {} };
    drop(tokio::time::timeout(GRACE, finished).await);
}

/// Serves one client. What goes wrong is the client's affair.
async fn converse(web: &Web, stream: TcpStream, client: IpAddr, role: Role, stop: Shutdown) {
    match role {
        Role::Redirect(_) => speak(web, stream, client, role, stop).await,
        Role::Serve => {
            let acceptor = TlsAcceptor::from(web.tls.load_full());
            if let Ok(stream) = acceptor.accept(stream).await {
                speak(web, stream, client, role, stop).await;
            }
        }
    }
}

/// Speaks HTTP on a stream until either side ends it.
async fn speak<S>(web: &Web, stream: S, client: IpAddr, role: Role, mut stop: Shutdown)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request| async move {
        Ok::<_, Infallible>(answer(web, client, role, request).await)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .max_buf_size(limits::WEB_HEAD.max(8192))
        .max_header_size(limits::WEB_HEAD)
        .header_read_timeout(web.settings.timeout);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

/// Answers one request, and tells the desk of a policy that was fetched.
async fn answer(
    web: &Web,
    client: IpAddr,
    role: Role,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    if role == Role::Serve && post::is_place(&head, &web.reports_host) {
        let reply = post::answer(web.reports.as_ref(), client, &head, body).await;
        return reply.map(Full::new);
    }
    let reply = reply::reply(role, &head, web.pages.as_ref());
    if reply::is_policy(&head, &reply) {
        web.desk.fetched(Fetch {
            id: FetchId(0),
            time: web.clock.now(),
            client,
            ptr: None,
            agent: reply::agent(&head.headers),
        });
    }
    reply.map(Full::new)
}

#[cfg(test)]
mod tests;
