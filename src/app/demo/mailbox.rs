//! The mailbox of one sender: a mail server of its own that keeps what arrives, in memory.

use super::world::Person;
use crate::base::ports::{
    Answer, Clock, Decision, Desk, Envelope, Greeting, Judge, Kept, NotTaken, Recipient, Relay,
    RelayReply, Reports, Unavailable,
};
use crate::base::{
    Certificate, Connection, ConnectionId, Domain, Fetch, Mailbox, MessageFacts, Packing, Query,
};
use crate::serve::smtp::{Ports, Settings, TlsSet};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What arrived.
#[derive(Default)]
pub struct Inbox {
    messages: Mutex<Vec<Vec<u8>>>,
    domain: Option<Domain>,
}

impl Inbox {
    /// An empty one for addresses in this domain.
    pub fn new(domain: Domain) -> Arc<Self> {
        Arc::new(Self {
            messages: Mutex::default(),
            domain: Some(domain),
        })
    }

    /// The first message, as it came.
    pub fn first(&self) -> Option<Vec<u8>> {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.first().cloned()
    }

    /// The ports of a listener that fills it.
    pub fn ports(self: &Arc<Self>, clock: Arc<dyn Clock>) -> Ports {
        Ports {
            desk: self.clone(),
            judge: self.clone(),
            relay: self.clone(),
            reports: self.clone(),
            clock,
        }
    }
}

/// The settings of the person's mail server.
///
/// # Errors
/// When TLS cannot be set up.
pub fn settings(person: &Person) -> Result<Settings, String> {
    let tls = TlsSet::new([(Certificate::SelfSigned, Arc::clone(&person.certificate))]);
    Ok(Settings {
        hostname: format!("mx.{}", person.mailbox.domain),
        base_domain: person.mailbox.domain.clone(),
        own: BTreeMap::new(),
        tls: ArcSwap::from_pointee(tls.map_err(|error| error.to_string())?),
        clients: 20,
        clients_per_network: 20,
        deny: Vec::new(),
    })
}

impl Desk for Inbox {
    fn connected(&self) -> ConnectionId {
        ConnectionId(0)
    }

    fn greet<'a>(&'a self, _client: IpAddr, _ehlo: &'a str) -> Answer<'a, Greeting> {
        Box::pin(std::future::ready(Greeting {
            ptr: None,
            starttls: true,
            without_sni: Certificate::SelfSigned,
        }))
    }

    fn recipient(&self, address: &Mailbox) -> Recipient {
        if self.domain.as_ref() == Some(&address.domain) {
            Recipient::Operator
        } else {
            Recipient::Foreign
        }
    }

    fn known(&self, _connection: &Connection) -> bool {
        false
    }

    fn transacted(&self, _connection: Connection) -> Answer<'_, Result<Decision, Unavailable>> {
        Box::pin(std::future::ready(Err(Unavailable)))
    }

    fn refused(&self, _connection: Connection) -> Answer<'_, Result<(), Unavailable>> {
        Box::pin(std::future::ready(Err(Unavailable)))
    }

    fn turned_away(&self, _client: Option<IpAddr>) {}

    fn closed(&self, _connection: Connection) {}

    fn queried(&self, _query: Query) {}

    fn fetched(&self, _fetch: Fetch) {}
}

impl Judge for Inbox {
    fn judge<'a>(
        &'a self,
        _envelope: &'a Envelope,
        _message: &'a [u8],
    ) -> Answer<'a, MessageFacts> {
        Box::pin(std::future::ready(MessageFacts::default()))
    }
}

impl Reports for Inbox {
    fn mailed<'a>(
        &'a self,
        _envelope: &'a Envelope,
        _message: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>> {
        Box::pin(std::future::ready(Err(NotTaken::Unavailable)))
    }

    fn posted<'a>(
        &'a self,
        _client: IpAddr,
        _packing: Packing,
        _body: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>> {
        Box::pin(std::future::ready(Err(NotTaken::Unavailable)))
    }
}

impl Relay for Inbox {
    fn relay<'a>(&'a self, _envelope: &'a Envelope, message: &'a [u8]) -> Answer<'a, RelayReply> {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(message.to_vec());
        Box::pin(std::future::ready(RelayReply {
            code: 250,
            text: "2.0.0 kept".to_owned(),
        }))
    }
}
