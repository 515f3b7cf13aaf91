//! The session's record: which server was met, and what TLS showed.

use super::{Session, Stage};
use crate::base::{
    Certificate, ClientHello, Mailbox, Server, Status, Tls, Transport, Via, Zone, limits,
};
use crate::cases;

/// What a ClientHello said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The SNI as it came on the wire, unchanged but for invalid UTF-8.
    pub sni: Option<String>,
    /// What it offered.
    pub hello: ClientHello,
}

impl Session {
    /// Notes what the ClientHello said, as far as it could be read. Returns the certificate to present: that of an own
    /// address, else of the host that the SNI names, else the one that the desk chose.
    pub fn hello(&mut self, offer: Option<Offer>) -> Certificate {
        if let Some(Offer { sni, hello }) = offer {
            if sni.is_some() {
                self.record.status = Status::SniSeen;
            }
            self.record.sni = sni.map(|name| name.chars().take(limits::NOTED_TEXT).collect());
            self.note_hello(hello);
        }
        self.meet();
        self.own()
            .or_else(|| self.named())
            .map_or_else(|| self.without_sni(), Certificate::Host)
    }

    /// As much of each list as a record holds.
    fn note_hello(&mut self, mut hello: ClientHello) {
        let mut cut = false;
        for (list, most) in [
            (&mut hello.versions, limits::HELLO_VERSIONS),
            (&mut hello.suites, limits::HELLO_SUITES),
            (&mut hello.groups, limits::HELLO_GROUPS),
            (&mut hello.signatures, limits::HELLO_SCHEMES),
        ] {
            cut |= list.len() > most;
            list.truncate(most);
            list.shrink_to_fit();
        }
        if cut {
            self.note("long-hello");
        }
        self.record.hello = Some(hello);
    }

    /// Notes the certificate that is sent; `None` when the handshake ended before one could be.
    pub fn presented(&mut self, certificate: Option<Certificate>) {
        self.record.certificate = certificate;
    }

    /// The handshake is complete: the session begins anew, inside TLS (RFC 3207 4.2).
    pub fn secured(&mut self, tls: Tls) {
        self.record.status = Status::TlsStarted;
        self.record.transport = Transport::Encrypted;
        self.record.tls = Some(tls);
        self.meet();
        self.greeted = false;
        self.transaction = None;
        if matches!(self.stage, Stage::Handshake) {
            self.stage = Stage::Command;
        }
    }

    /// The server met before any recipient.
    pub(super) fn meet(&mut self) {
        let in_tls = self.record.hello.is_some() || self.encrypted();
        let (server, via) = match (self.own(), self.named()) {
            (Some(own), Some(named)) if own != named => (None, None),
            (Some(own), _) => (Some(own), Some(Via::Address)),
            (None, Some(named)) => (Some(named), Some(Via::Sni)),
            (None, None) if in_tls => (Some(Server::Two), None),
            (None, None) => (Some(Server::One), None),
        };
        self.record.zone = via.and(server).map(|server| cases::case(server).zone);
        self.record.server = server;
        self.record.via = via;
    }

    /// A recipient of a test was accepted: MAIL and RCPT have come, and on a shared address without SNI the
    /// recipient's domain says which server it was.
    pub(super) fn met_by(&mut self, zone: Zone, recipient: Mailbox) {
        if self.record.via.is_none() && self.record.server.is_some() {
            self.record.server = Some(cases::by_recipient(zone, self.encrypted()));
            self.record.zone = Some(zone);
        }
        self.record.status = self.record.status.max(Status::Mail);
        if self.record.to.len() < limits::RECIPIENTS_NOTED {
            self.record.to.push(recipient);
        }
    }

    /// Mail to the operator, or a TLS report, is no test: the record keeps no envelope and is evidence of nothing.
    pub(super) fn met_by_other_mail(&mut self) {
        self.record.from = None;
        self.record.parameters = Vec::new();
        self.record.server = None;
        self.record.zone = None;
        self.record.via = None;
    }

    /// The record of a further transaction: the same connection, nothing of the last transaction.
    pub(super) fn renew(&mut self, id: crate::base::ConnectionId) {
        self.record.id = id;
        self.record.started = self.now;
        self.record.status = match self.record.transport {
            Transport::Encrypted => Status::TlsStarted,
            Transport::Plain => Status::None,
        };
        self.forget_transaction();
        self.record.oddities = Vec::new();
        self.used = false;
        self.meet();
    }

    /// Nothing of a transaction stays in the record.
    pub(super) fn forget_transaction(&mut self) {
        self.record.from = None;
        self.record.parameters = Vec::new();
        self.record.to = Vec::new();
        self.record.message = None;
    }

    /// Whether the last command came inside TLS.
    pub(super) fn encrypted(&self) -> bool {
        self.record.transport == Transport::Encrypted
    }

    fn own(&self) -> Option<Server> {
        self.settings.own.get(&self.record.address).copied()
    }

    fn named(&self) -> Option<Server> {
        let sni = self.record.sni.as_deref()?;
        cases::by_sni(sni, &self.settings.base_domain)
    }
}
