//! A resolver and mail servers on loopback that say what the test wrote down.

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::tlsa::TLSA;
use hickory_proto::rr::rdata::{A, CAA, CNAME, MX, TXT};
use hickory_proto::rr::{Name, RData, Record};
use mailproof::base::{Domain, Timestamp};
use mailproof::dial::{Dial, Settings, Validate};
use mailproof::probe::inbound::Inbound;
use mailproof::probe::{self, probe};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// Ports that the system never gives out by itself, on addresses that no other test has.
const SMTP_PORT: u16 = 2525;
const HTTPS_PORT: u16 = 8443;

/// A loopback address of its own.
pub fn own_address() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 128 | high, low, COUNT.fetch_add(1, Ordering::SeqCst))
}

/// A certificate and its key, as a server presents them.
pub struct Identity {
    leaf: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    /// The `3 1 1` association data.
    pub fn digest(&self) -> Vec<u8> {
        let key = rcgen::PublicKeyData::subject_public_key_info(&self.key);
        ring::digest::digest(&ring::digest::SHA256, &key)
            .as_ref()
            .to_vec()
    }

    /// As the TLS of a server that speaks these versions.
    pub fn tls(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.leaf.clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// How a mail server behaves.
#[derive(Clone)]
pub struct Script {
    pub greeting: &'static str,
    /// Its TLS; STARTTLS is offered when there.
    pub tls: Option<Arc<ServerConfig>>,
    /// Its answers to commands, by how they begin; others are answered as usual. With one to `(tls)`, it closes right
    /// behind the handshake.
    pub answers: Vec<(&'static str, &'static str)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: "220 mx ready",
            tls: None,
            answers: Vec::new(),
        }
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

type Log = Arc<Mutex<Vec<String>>>;

async fn play(stream: tokio::net::TcpStream, script: &Script, log: &Log) -> std::io::Result<()> {
    let note = |text: &str| log.lock().unwrap().push(text.to_owned());
    note("(connection)");
    let mut io: BufReader<Box<dyn Io>> = BufReader::new(Box::new(stream));
    io.write_all(format!("{}\r\n", script.greeting).as_bytes())
        .await?;
    let mut offer = script.tls.clone();
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        note(&line);
        let mut given = script.answers.iter();
        let given = given.find(|(start, _)| line.starts_with(start));
        let answer = match given {
            Some((_, answer)) => *answer,
            None if line == "STARTTLS" => "220 go ahead",
            None if line == "QUIT" => "221 bye",
            None if line.starts_with("EHLO") && offer.is_some() => {
                "250-mx\r\n250-SIZE 1000\r\n250 STARTTLS"
            }
            None => "250 mx",
        };
        io.write_all(format!("{answer}\r\n").as_bytes()).await?;
        if line == "STARTTLS" && answer.starts_with("220") {
            let acceptor = TlsAcceptor::from(offer.take().unwrap());
            let tls = acceptor.accept(io.into_inner()).await?;
            let session = tls.get_ref().1;
            let version = session.protocol_version().unwrap();
            note(&format!(
                "(tls {} {version:?})",
                session.server_name().unwrap_or("-")
            ));
            if script.answers.iter().any(|(start, _)| *start == "(tls)") {
                return Ok(());
            }
            io = BufReader::new(Box::new(tls));
        }
    }
}

/// The records, the servers and a CA.
pub struct World {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    zone: HashMap<(String, &'static str), Vec<RData>>,
    logs: HashMap<Ipv4Addr, Log>,
    resolver: SocketAddr,
    https: Ipv4Addr,
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

impl World {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Lab \u{7}Root");
        let root = params.self_signed(&key).unwrap().der().clone();
        Self {
            root,
            issuer: Issuer::new(params, key),
            zone: HashMap::new(),
            logs: HashMap::new(),
            resolver: SocketAddr::from((own_address(), 5300)),
            https: own_address(),
        }
    }

    /// A certificate for a host, from the CA.
    pub fn issue(&self, host: &str) -> Identity {
        self.issue_until(host, 4000)
    }

    pub fn issue_until(&self, host: &str, year: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let leaf = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Identity { leaf, key }
    }

    pub fn add(&mut self, owner: &str, kind: &'static str, data: RData) {
        let records = self.zone.entry((owner.to_owned(), kind)).or_default();
        records.push(data);
    }

    pub fn txt(&mut self, owner: &str, text: &str) {
        let data = RData::TXT(TXT::new(vec![text.to_owned()]));
        self.add(owner, "TXT", data);
    }

    pub fn mx(&mut self, domain: &str, preference: u16, host: &str) {
        let data = RData::MX(MX::new(preference, name(host)));
        self.add(domain, "MX", data);
    }

    pub fn a(&mut self, host: &str, address: Ipv4Addr) {
        self.add(host, "A", RData::A(A(address)));
    }

    pub fn alias(&mut self, owner: &str, target: &str) {
        self.add(owner, "CNAME", RData::CNAME(CNAME(name(target))));
    }

    pub fn tlsa(&mut self, host: &str, digest: Vec<u8>) {
        let data = TLSA::new(3.into(), 1.into(), 1.into(), digest);
        self.add(&format!("_25._tcp.{host}"), "TLSA", RData::TLSA(data));
    }

    pub fn caa(&mut self, owner: &str) {
        let data = CAA::new_issue(false, Some(name("ca.example")), Vec::new());
        self.add(owner, "CAA", RData::CAA(data));
    }

    /// Starts a mail server at an address of its own.
    pub async fn serve(&mut self, script: Script) -> Ipv4Addr {
        let address = own_address();
        let listener = TcpListener::bind((address, SMTP_PORT)).await.unwrap();
        let log = Log::default();
        self.logs.insert(address, log.clone());
        tokio::spawn(async move {
            // All at once: connections that overlap would be seen to in the log.
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log) = (script.clone(), log.clone());
                tokio::spawn(async move {
                    // A client that goes away in the middle is part of the tests.
                    let _ = play(stream, &script, &log).await;
                });
            }
        });
        address
    }

    /// What the server at an address heard, in a line.
    pub fn heard(&self, address: Ipv4Addr) -> String {
        self.logs[&address].lock().unwrap().join(", ")
    }

    /// Serves `policy` for the domain, and publishes the record.
    pub async fn policy(&mut self, domain: &str, policy: String) {
        let host = format!("mta-sts.{domain}");
        let tls = self.issue(&host).tls(rustls::ALL_VERSIONS);
        self.txt(&format!("_mta-sts.{domain}"), "v=STSv1; id=1;");
        self.a(&host, self.https);
        let listener = TcpListener::bind((self.https, HTTPS_PORT)).await.unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = TlsAcceptor::from(tls.clone()).accept(stream).await else {
                    continue;
                };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let length = policy.len();
                let page = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{policy}"
                );
                let _ = stream.write_all(page.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
    }

    /// Answers as the zone has it: securely but below `plain`, and not at all below `lame`.
    async fn resolve(&self) {
        let socket = UdpSocket::bind(self.resolver).await.unwrap();
        let zone = self.zone.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let query = question.queries[0].clone();
                let owner = query.name().to_ascii().trim_end_matches('.').to_owned();
                let mut answer = Message::response(question.metadata.id, OpCode::Query);
                answer.metadata.authentic_data = !owner.ends_with("plain");
                answer.metadata.recursion_available = true;
                if owner.ends_with("lame") {
                    answer.metadata.response_code = ResponseCode::ServFail;
                }
                let kind = query.query_type().to_string();
                let wanted =
                    |key: &(String, &str)| key.0 == owner && (key.1 == kind || key.1 == "CNAME");
                for (_, data) in zone.iter().filter(|(key, _)| wanted(key)) {
                    for data in data {
                        let record = Record::from_rdata(query.name().clone(), 60, data.clone());
                        answer.add_answer(record);
                    }
                }
                answer.add_query(query);
                let _ = socket.send_to(&answer.to_vec().unwrap(), client).await;
            }
        });
    }

    /// Ends the preparations.
    pub async fn dial(&self) -> Dial {
        self.resolve().await;
        Dial::new(Settings {
            resolvers: vec![self.resolver],
            validate: Validate::Upstream,
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            deny_domains: vec![Domain::parse("shy.example").unwrap()],
            extra_roots: vec![self.root.clone()],
            smtp_port: SMTP_PORT,
            https_port: HTTPS_PORT,
            source: Some(IpAddr::from([127, 0, 0, 9])),
            helo: "prober.example".to_owned(),
            ..Settings::default()
        })
        .unwrap()
    }
}

/// Probes a domain; the pause would be noticed, if there were one in an allowed network.
pub async fn look(dial: &Dial, domain: &str) -> Inbound {
    let settings = probe::Settings {
        pause: Duration::from_secs(3600),
    };
    let domain = Domain::parse(domain).unwrap();
    let inbound = probe(dial, &domain, &settings, Timestamp::now()).await;
    println!("{}", probe::text(&inbound));
    inbound
}
