//! What an input stands for.
//!
//! ```text
//! settings    one octet
//! answers     their number in one octet, then one octet for each question or handshake, in turn; 0 when they run out
//! cuts        their number in one octet, then the sizes of the pieces, again and again; 0 when there is none
//! stream      what the client sends; the head of a TLS record stands for a handshake
//! ```

use mailproof::base::{Domain, Server};
use mailproof::cases;
use mailproof::serve::smtp::{Settings, TlsSet};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

/// The server's address.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 25));
/// The client's.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
/// The domain above the test domains.
pub const BASE: &str = "example.org";
/// Where a client begins a handshake.
const HANDSHAKE: &[u8] = &[22, 3, 1];

/// An input, taken apart.
pub struct Scene<'a> {
    pub settings: Arc<Settings>,
    pub answers: &'a [u8],
    cuts: &'a [u8],
    stream: &'a [u8],
}

/// What the client has yet to send: the pieces between two handshakes, for each.
pub type Pieces = VecDeque<VecDeque<Vec<u8>>>;

impl<'a> Scene<'a> {
    pub fn read(input: &'a [u8]) -> Self {
        let (settings, rest) = input.split_first().unwrap_or((&0, &[]));
        let (answers, rest) = list(rest);
        let (cuts, stream) = list(rest);
        Self {
            settings: made(*settings),
            answers,
            cuts,
            stream,
        }
    }

    /// Everything at once, as far as the next handshake.
    pub fn whole(&self) -> Pieces {
        let whole = |part: &[u8]| VecDeque::from([part.to_vec()]);
        self.parts().into_iter().map(whole).collect()
    }

    /// In pieces.
    pub fn cut(&self) -> Pieces {
        let mut sizes = self.cuts.iter().cycle().map(|size| 1 + usize::from(*size));
        let mut cut = |mut part: &[u8]| {
            let mut pieces = VecDeque::new();
            while !part.is_empty() {
                let size = sizes.next().unwrap_or(1).min(part.len());
                let (piece, rest) = part.split_at(size);
                pieces.push_back(piece.to_vec());
                part = rest;
            }
            pieces
        };
        self.parts().into_iter().map(&mut cut).collect()
    }

    /// The stream for a person.
    pub fn text(&self) -> String {
        self.stream.escape_ascii().to_string()
    }

    fn parts(&self) -> Vec<&'a [u8]> {
        let mut parts = Vec::new();
        let mut rest = self.stream;
        while let Some(end) = (rest.windows(HANDSHAKE.len())).position(|head| head == HANDSHAKE) {
            parts.push(&rest[..end]);
            rest = &rest[end + HANDSHAKE.len()..];
        }
        parts.push(rest);
        parts
    }
}

fn list(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first().unwrap_or((&0, &[]));
    rest.split_at(rest.len().min(usize::from(*length)))
}

/// Bit 0: there are no certificates; above: whose address the client came to, if it is of one host alone.
fn made(octet: u8) -> Arc<Settings> {
    static TLS: LazyLock<TlsSet> = LazyLock::new(|| {
        let key = rcgen::generate_simple_self_signed(vec![BASE.to_owned()]).unwrap();
        let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
        let signing = rustls::crypto::ring::sign::any_supported_type(&private).unwrap();
        let key = CertifiedKey::new(vec![key.cert.der().clone()], signing);
        TlsSet::new([(mailproof::base::Certificate::SelfSigned, Arc::new(key))]).unwrap()
    });
    let tls = match octet & 1 {
        0 => TLS.clone(),
        _ => TlsSet::default(),
    };
    let own: Option<Server> =
        (cases::hosts().map(|case| case.server)).nth(usize::from(octet >> 1).wrapping_sub(1));
    Arc::new(Settings {
        hostname: format!("et.{BASE}"),
        base_domain: Domain::parse(BASE).unwrap(),
        own: own
            .map(|server| (ADDRESS, server))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        tls: arc_swap::ArcSwap::from_pointee(tls),
        clients: 1,
        clients_per_network: 1,
        deny: Vec::new(),
    })
}
