//! A certificate authority that plays back what one has answered, and looks hard at what it is sent.
//!
//! A recording is a row of exchanges: `> METHOD URL`, `< STATUS`, headers, an empty line, the body. Of each method and URL
//! they are played in their order, the last one for ever if `< STATUS forever` says so; `< silence WHY` is no answer.
//! Recordings lie over each other: a later one has all exchanges of a method and URL in place of an earlier one. `{ca}` is
//! the authority's host, `{chain}` what it issues; `Replay-Nonce: -` is a reply without one.

use mailproof::base::ports::{
    Answer, Challenge, Challenges, Clock, Fetch, HttpMethod, HttpReply, HttpRequest, Random,
};
use mailproof::base::{Domain, Timestamp};
use mailproof::certs::InternalCa;
use rcgen::{KeyPair, PublicKeyData as _};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use tokio::time::Instant;
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

/// Where it is.
pub const HOST: &str = "https://acme-v02.api.letsencrypt.org";
/// The time of the recordings.
pub const NOW: &str = "2026-11-23T08:00:00Z";

#[derive(Clone)]
struct Played {
    reply: Result<HttpReply, String>,
    forever: bool,
}

/// The authority, our account key, and the log of all that happened.
pub struct Ca {
    played: Mutex<BTreeMap<String, VecDeque<Played>>>,
    nonces: Mutex<(u32, BTreeSet<String>)>,
    log: Mutex<Vec<String>>,
    began: Instant,
    account: KeyPair,
    /// The key of the certificate that is ordered.
    pub key: KeyPair,
    /// What it issues.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why the name servers do not show a challenge; `for ever` when they never say.
    pub hidden: Option<String>,
    /// How far our clock is from that of the recordings, in seconds.
    pub late: i64,
}

struct Zeros;

impl Random for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// The names that are ordered.
pub fn names() -> Vec<Domain> {
    let names = ["et.example.org", "mta-sts.et.example.org"];
    names.map(|name| Domain::parse(name).unwrap()).to_vec()
}

fn time() -> Timestamp {
    NOW.parse().unwrap()
}

impl Ca {
    /// One that plays these recordings.
    pub fn new(recordings: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = InternalCa::create(KeyPair::generate().unwrap(), time(), &Zeros).unwrap();
        let mut chain = issuer.issue(&names(), &key, time(), &Zeros).unwrap();
        chain.push(issuer.root().clone());
        let pem: String = chain.iter().map(|one| pem(one)).collect();
        let mut played = BTreeMap::new();
        for recording in recordings {
            played.extend(exchanges(recording, &pem));
        }
        Self {
            played: Mutex::new(played),
            nonces: Mutex::default(),
            log: Mutex::default(),
            began: Instant::now(),
            account: KeyPair::generate().unwrap(),
            key,
            chain,
            hidden: None,
            late: 0,
        }
    }

    /// The key of our account there.
    pub fn account_key(&self) -> PrivatePkcs8KeyDer<'static> {
        self.account.serialized_der().to_vec().into()
    }

    /// What happened, each with the seconds since the beginning.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Notes that something happened.
    pub fn note(&self, what: &str) {
        let seconds = self.began.elapsed().as_secs();
        let line = format!("{seconds} {}", what.replace(HOST, ""));
        self.log.lock().unwrap().push(line);
    }

    /// Checks the signature of what was sent, and all that stands with it (RFC 8555 6.2); returns what was signed.
    fn opened(&self, request: &HttpRequest) -> String {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let part = |name: &str| body[name].as_str().unwrap();
        let base64 = |text: &str| data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
        let head: Value = serde_json::from_slice(&base64(part("protected")).unwrap()).unwrap();
        assert_eq!(head["alg"], "ES256");
        assert_eq!(head["url"], request.url.as_str());
        let nonce = head["nonce"].as_str().unwrap();
        let fresh = self.nonces.lock().unwrap().1.remove(nonce);
        assert!(fresh, "nonce {nonce} was not given or used before");
        let new = request.url.ends_with("/new-acct");
        assert_eq!(
            (head["jwk"].is_object(), head["kid"].is_string()),
            (new, !new)
        );
        // The key's point is at the end of its SubjectPublicKeyInfo.
        let spki = self.account.subject_public_key_info();
        let point = spki.get(spki.len() - 65..).unwrap();
        let signed = format!("{}.{}", part("protected"), part("payload"));
        let signature = base64(part("signature")).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let payload = base64(part("payload")).unwrap();
        if payload.is_empty() {
            return String::new();
        }
        let mut payload: Value = serde_json::from_slice(&payload).unwrap();
        if let Some(csr) = payload["csr"].as_str() {
            payload["csr"] = self.asked(&base64(csr).unwrap()).into();
        }
        let identifiers: Vec<_> = names()
            .iter()
            .map(|name| json!({"type": "dns", "value": name.as_str()}))
            .collect();
        if payload["identifiers"] == json!(identifiers) {
            payload["identifiers"] = "both".into();
        }
        payload.to_string()
    }

    /// What a signing request asks for.
    fn asked(&self, csr: &[u8]) -> String {
        let (rest, request) = X509CertificationRequest::from_der(csr).unwrap();
        assert!(rest.is_empty());
        request.verify_signature().unwrap();
        let info = &request.certification_request_info;
        let own = info.subject_pki.raw == self.key.subject_public_key_info();
        let extensions = request.requested_extensions().unwrap();
        let extensions: Vec<_> = extensions.map(|one| format!("{one:?}")).collect();
        let names = names().into_iter();
        let named = |name: &Domain| extensions[0].contains(&format!("{:?}", name.as_str()));
        format!(
            "own key {own}, subject {:?}, extensions {}, names {}",
            info.subject.to_string(),
            extensions.len(),
            names.filter(named).count()
        )
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpReply, String> {
        let header = |name: &str| {
            let mut headers = request.headers.iter().filter(|(known, _)| known == name);
            let value = headers.next().map(|(_, value)| value.clone());
            assert!(headers.next().is_none(), "{name} is there twice");
            value
        };
        assert!(header("user-agent").unwrap().starts_with("mailproof/"));
        let method = match request.method {
            HttpMethod::Get => "GET",
            HttpMethod::Head => "HEAD",
            HttpMethod::Post => "POST",
        };
        let key = format!("{method} {}", request.url);
        let sent = if request.method == HttpMethod::Post {
            assert_eq!(header("content-type").unwrap(), "application/jose+json");
            self.opened(request)
        } else {
            assert!(request.body.is_empty());
            String::new()
        };
        // When nonces are fetched is the library's business.
        if request.method != HttpMethod::Head {
            self.note(format!("{key} {sent}").trim_end());
        }
        let mut played = self.played.lock().unwrap();
        let queue = played.get_mut(&key);
        let queue = queue.unwrap_or_else(|| panic!("nothing is recorded for {key}"));
        let next = queue.front().cloned();
        let next = next.unwrap_or_else(|| panic!("{key} was asked for too often"));
        if !next.forever {
            queue.pop_front();
        }
        let mut reply = next.reply?;
        let (count, nonces) = &mut *self.nonces.lock().unwrap();
        let given = reply.headers.iter().any(|(name, _)| name == "replay-nonce");
        reply.headers.retain(|(_, value)| value != "-");
        if request.method != HttpMethod::Get && !given {
            *count += 1;
            let nonce = format!("bm9uY2U{count}");
            nonces.insert(nonce.clone());
            reply.headers.push(("replay-nonce".to_owned(), nonce));
        }
        Ok(reply)
    }
}

impl Fetch for Ca {
    fn fetch(&self, request: HttpRequest) -> Answer<'_, Result<HttpReply, String>> {
        Box::pin(async move { self.answer(&request) })
    }
}

impl Clock for Ca {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_secs()).unwrap();
        Timestamp::from_second(time().as_second() + passed + self.late).unwrap()
    }
}

impl Challenges for Ca {
    fn show(&self, challenges: Vec<Challenge>) -> Answer<'_, Result<(), String>> {
        for challenge in &challenges {
            assert_eq!(challenge.text.len(), 43, "a digest of SHA-256 in base 64");
            self.note(&format!("show {}", challenge.name));
        }
        let hidden = self.hidden.clone();
        Box::pin(async move {
            match hidden {
                None => Ok(()),
                Some(why) if why == "for ever" => std::future::pending().await,
                Some(why) => Err(why),
            }
        })
    }
}

fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A file of recordings.
pub fn file(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/recorded");
    let path = format!("{folder}/{name}.txt");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn exchanges(text: &str, chain: &str) -> BTreeMap<String, VecDeque<Played>> {
    let text = format!("\n{}", text.replace("{chain}", chain));
    let mut played: BTreeMap<String, VecDeque<Played>> = BTreeMap::new();
    for exchange in text.split("\n> ").skip(1) {
        let (head, body) = exchange.split_once("\n\n").unwrap_or((exchange, ""));
        let mut lines = head.lines();
        let key = lines.next().unwrap().replace("{ca}", HOST);
        let status = lines.next().and_then(|line| line.strip_prefix("< "));
        let status = status.unwrap_or_else(|| panic!("{key} has no status"));
        let silent = status.strip_prefix("silence ");
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.replace("{ca}", HOST)))
            .collect();
        let reply = || HttpReply {
            status: status.split(' ').next().unwrap().parse().unwrap(),
            headers,
            body: body.trim_end().replace("{ca}", HOST).into_bytes(),
        };
        let one = Played {
            reply: silent.map_or_else(|| Ok(reply()), |why| Err(why.to_owned())),
            forever: status.ends_with(" forever"),
        };
        played.entry(key).or_default().push_back(one);
    }
    played
}
