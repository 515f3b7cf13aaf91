//! A connection on disk.

use super::code::{self, Code};
use super::message::Message;
use super::{Time, Unreadable, read, read_some, write_some};
use crate::base;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Serialize, Deserialize)]
struct Hello {
    versions: Vec<u16>,
    suites: Vec<u16>,
    groups: Vec<u16>,
    signatures: Vec<u16>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::journal) struct Connection {
    id: u64,
    address: IpAddr,
    client: IpAddr,
    ptr: Option<String>,
    ehlo: Option<String>,
    started: Time,
    ended: Option<Time>,
    starttls_offered: bool,
    server: Option<u8>,
    zone: Option<u8>,
    via: Option<u8>,
    transport: u8,
    status: u8,
    sni: Option<String>,
    /// The server whose certificate it is; 0 is the self-signed one without SNI.
    certificate: Option<u8>,
    /// Version and cipher suite.
    tls: Option<(String, String)>,
    hello: Option<Hello>,
    ehlo_in_tls: bool,
    /// The inner `None` is the null sender.
    from: Option<Option<String>>,
    to: Vec<String>,
    message: Option<Message>,
    /// In the words of `base::Close`.
    close: Option<String>,
    oddities: Vec<String>,
}

impl From<&base::Connection> for Connection {
    fn from(from: &base::Connection) -> Self {
        Self {
            id: from.id.0,
            address: from.address,
            client: from.client,
            ptr: write_some(from.ptr.as_ref()),
            ehlo: from.ehlo.clone(),
            started: from.started.into(),
            ended: from.ended.map(Time::from),
            starttls_offered: from.starttls_offered,
            server: code::code(from.server),
            zone: code::code(from.zone),
            via: code::code(from.via),
            transport: from.transport.code(),
            status: from.status.code(),
            sni: from.sni.clone(),
            certificate: from.certificate.map(|certificate| match certificate {
                base::Certificate::SelfSigned => 0,
                base::Certificate::Host(server) => server.code(),
            }),
            tls: from
                .tls
                .as_ref()
                .map(|tls| (tls.version.clone(), tls.cipher.clone())),
            hello: from.hello.as_ref().map(|hello| Hello {
                versions: hello.versions.clone(),
                suites: hello.suites.clone(),
                groups: hello.groups.clone(),
                signatures: hello.signatures.clone(),
            }),
            ehlo_in_tls: from.ehlo_in_tls,
            from: from.from.as_ref().map(|sender| write_some(sender.as_ref())),
            to: from.to.iter().map(ToString::to_string).collect(),
            message: from.message.as_ref().map(Message::from),
            close: write_some(from.close.as_ref()),
            oddities: from.oddities.clone(),
        }
    }
}

impl TryFrom<Connection> for base::Connection {
    type Error = Unreadable;

    fn try_from(from: Connection) -> Result<Self, Unreadable> {
        Ok(Self {
            id: base::ConnectionId(from.id),
            address: from.address,
            client: from.client,
            ptr: read_some(from.ptr.as_deref())?,
            ehlo: from.ehlo,
            started: from.started.try_into()?,
            ended: from.ended.map(TryInto::try_into).transpose()?,
            starttls_offered: from.starttls_offered,
            server: code::decode(from.server)?,
            zone: code::decode(from.zone)?,
            via: code::decode(from.via)?,
            transport: Code::decode(from.transport)?,
            status: Code::decode(from.status)?,
            sni: from.sni,
            certificate: match from.certificate {
                None => None,
                Some(0) => Some(base::Certificate::SelfSigned),
                Some(server) => Some(base::Certificate::Host(Code::decode(server)?)),
            },
            tls: from
                .tls
                .map(|(version, cipher)| base::Tls { version, cipher }),
            hello: from.hello.map(|hello| base::ClientHello {
                versions: hello.versions,
                suites: hello.suites,
                groups: hello.groups,
                signatures: hello.signatures,
            }),
            ehlo_in_tls: from.ehlo_in_tls,
            from: from
                .from
                .map(|sender| read_some(sender.as_deref()))
                .transpose()?,
            parameters: Vec::new(),
            to: from
                .to
                .iter()
                .map(|recipient| read(recipient))
                .collect::<Result<_, _>>()?,
            message: from.message.map(TryInto::try_into).transpose()?,
            close: read_some(from.close.as_deref())?,
            oddities: from.oddities,
        })
    }
}
