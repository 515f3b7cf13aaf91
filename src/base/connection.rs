//! What is noted down of one SMTP connection, with at most one mail transaction in it.

use super::Timestamp;
use super::id::ConnectionId;
use super::message::MessageFacts;
use super::name::{Domain, Mailbox, Zone};
use super::origin::Origin;
use super::server::Server;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// How far a connection came; each includes those before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Status {
    /// Connected, no more.
    #[default]
    None,
    /// A ClientHello with SNI arrived.
    SniSeen,
    /// The TLS handshake was completed.
    TlsStarted,
    /// MAIL and RCPT were accepted.
    Mail,
    /// A message was answered with `250`.
    Acked,
}

/// Whether the last command came inside TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// In clear text.
    #[default]
    Plain,
    /// Inside TLS.
    Encrypted,
}

/// What chose the server, where it was not the recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The name in the ClientHello, on a shared address.
    Sni,
    /// The address, which is the host's own.
    Address,
}

/// The certificate that a client was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// The one of server 2, for connections that name no host of ours.
    SelfSigned,
    /// The one of an MX host.
    Host(Server),
}

/// What was negotiated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tls {
    /// `1.2` or `1.3`.
    pub version: String,
    /// The suite's name in the IANA registry.
    pub cipher: String,
}

/// What a ClientHello offered, as numbers of the IANA registries in the client's order (RFC 8446 4.1.2); of each list
/// as many as `limits` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientHello {
    /// Protocol versions: those of `supported_versions`, else the legacy version alone.
    pub versions: Vec<u16>,
    /// Cipher suites.
    pub suites: Vec<u16>,
    /// Key exchange groups.
    pub groups: Vec<u16>,
    /// Signature schemes.
    pub signatures: Vec<u16>,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Close {
    /// The client said QUIT.
    Quit,
    /// The client sent a fatal TLS alert of this number (RFC 8446 6.2).
    Alert(u8),
    /// The client closed TLS in order, without QUIT.
    CloseNotify,
    /// The client closed the TCP connection, without QUIT.
    Fin,
    /// The connection was reset.
    Reset,
    /// The client fell silent.
    Timeout,
    /// No TLS version or suite in common; the text says what the client offers at most, such as `tls1.0`.
    Incompatible(String),
    /// The handshake broke off in another way.
    Broken,
    /// We closed: a second MAIL after our 451 in one session.
    Repeat,
    /// We closed: a limit was reached. Evidence of nothing.
    Limit,
    /// We closed: the appliance was stopping. Evidence of nothing.
    Shutdown,
    /// The connection went on with another transaction, which has a record of its own.
    Continued,
}

const ALERTS: [(u8, &str); 12] = [
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (40, "handshake_failure"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (70, "protocol_version"),
    (80, "internal_error"),
];

impl Close {
    /// Whether this is an alert that refuses a certificate: 42, 43, 45, 46 or 48 (RFC 8446 6.2).
    #[must_use]
    pub const fn refuses_certificate(&self) -> bool {
        matches!(self, Self::Alert(42 | 43 | 45 | 46 | 48))
    }

    /// Whether we ended the connection for reasons of our own, so that the ending says nothing of the client.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Limit | Self::Shutdown | Self::Timeout)
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quit => f.write_str("quit"),
            Self::Alert(number) => match ALERTS.iter().find(|(alert, _)| alert == number) {
                Some((_, name)) => write!(f, "alert:{name}"),
                None => write!(f, "alert:{number}"),
            },
            Self::CloseNotify => f.write_str("close_notify"),
            Self::Fin => f.write_str("fin"),
            Self::Reset => f.write_str("reset"),
            Self::Timeout => f.write_str("timeout"),
            Self::Incompatible(most) => write!(f, "incompatible:{most}"),
            Self::Broken => f.write_str("broken"),
            Self::Repeat => f.write_str("repeat"),
            Self::Limit => f.write_str("limit"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Continued => f.write_str("continued"),
        }
    }
}

impl FromStr for Close {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix("alert:") {
            return ALERTS
                .iter()
                .find(|(_, alert)| *alert == name)
                .map(|(number, _)| *number)
                .or_else(|| name.parse().ok())
                .map(Self::Alert)
                .ok_or_else(|| format!("{name:?} is not a TLS alert"));
        }
        if let Some(most) = text.strip_prefix("incompatible:") {
            return Ok(Self::Incompatible(most.to_owned()));
        }
        Ok(match text {
            "quit" => Self::Quit,
            "close_notify" => Self::CloseNotify,
            "fin" => Self::Fin,
            "reset" => Self::Reset,
            "timeout" => Self::Timeout,
            "broken" => Self::Broken,
            "repeat" => Self::Repeat,
            "limit" => Self::Limit,
            "shutdown" => Self::Shutdown,
            "continued" => Self::Continued,
            _ => return Err(format!("{text:?} is not a way to end a connection")),
        })
    }
}

impl From<Close> for String {
    fn from(close: Close) -> Self {
        close.to_string()
    }
}

impl TryFrom<String> for Close {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The facts of one connection up to now. A later record with the same id replaces an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// Our address that the client connected to.
    pub address: IpAddr,
    /// The client's address.
    pub client: IpAddr,
    /// The client's forward-confirmed reverse name.
    pub ptr: Option<Domain>,
    /// The name in the client's last EHLO or HELO, as written.
    pub ehlo: Option<String>,
    /// When it began; for a further transaction of a session, when that began.
    pub started: Timestamp,
    /// When it ended; `None` while it is open.
    pub ended: Option<Timestamp>,
    /// Whether our reply to EHLO in clear text offered STARTTLS; `false` before any EHLO.
    pub starttls_offered: bool,
    /// The server met; `None` when an SNI contradicts an own address, which makes the connection evidence of nothing.
    pub server: Option<Server>,
    /// The domain of the recipient or of the host met; `None` while that is open.
    pub zone: Option<Zone>,
    /// What chose the server.
    pub via: Option<Via>,
    /// Plain or encrypted, as of the last command.
    pub transport: Transport,
    /// How far it came.
    pub status: Status,
    /// The SNI as it came on the wire, unchanged but for invalid UTF-8.
    pub sni: Option<String>,
    /// The certificate presented.
    pub certificate: Option<Certificate>,
    /// What was negotiated.
    pub tls: Option<Tls>,
    /// What the client offered.
    pub hello: Option<ClientHello>,
    /// Whether EHLO or HELO came inside TLS.
    pub ehlo_in_tls: bool,
    /// The envelope sender of the transaction; `Some(None)` is the null sender, which is the empty text in JSON.
    #[serde(default, with = "reverse_path")]
    pub from: Option<Option<Mailbox>>,
    /// The parameters of MAIL as written, such as `SIZE=2048`; at most `limits::PARAMETERS` (RFC 5321 4.1.1.11).
    #[serde(default)]
    pub parameters: Vec<String>,
    /// The accepted recipients.
    pub to: Vec<Mailbox>,
    /// What was found in the message, when one was transferred; its content is not kept.
    pub message: Option<MessageFacts>,
    /// How it ended; `None` while it is open.
    pub close: Option<Close>,
    /// Faults of the client's SMTP, by code, such as `bare-lf`; each at most once.
    pub oddities: Vec<String>,
}

/// A reverse-path that may be missing or null (RFC 5321 4.5.5): without this, both would be `null` in JSON.
mod reverse_path {
    use super::Mailbox;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(
        from: &Option<Option<Mailbox>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text =
            |from: &Option<Mailbox>| from.as_ref().map_or_else(String::new, Mailbox::to_string);
        from.as_ref().map(text).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<Mailbox>>, D::Error> {
        match Option::<String>::deserialize(from)?.as_deref() {
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(text) => Mailbox::parse(text)
                .map(|mailbox| Some(Some(mailbox)))
                .map_err(serde::de::Error::custom),
        }
    }
}

impl Connection {
    /// The oddity of a connection whose MAIL we refused.
    pub const MAIL_REFUSED: &'static str = "mail-refused";

    /// A connection of which nothing is known but where it comes from.
    #[must_use]
    pub fn new(id: ConnectionId, client: IpAddr, address: IpAddr, started: Timestamp) -> Self {
        Self {
            id,
            address,
            client,
            ptr: None,
            ehlo: None,
            started,
            ended: None,
            starttls_offered: false,
            server: None,
            zone: None,
            via: None,
            transport: Transport::Plain,
            status: Status::None,
            sni: None,
            certificate: None,
            tls: None,
            hello: None,
            ehlo_in_tls: false,
            from: None,
            parameters: Vec::new(),
            to: Vec::new(),
            message: None,
            close: None,
            oddities: Vec::new(),
        }
    }

    /// Whom it comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::of(
            self.client,
            self.ehlo.as_deref().unwrap_or_default(),
            self.ptr.as_ref(),
        )
    }

    /// Whether a MAIL came and we refused it: that there is no sender then says nothing of the client.
    #[must_use]
    pub fn mail_refused(&self) -> bool {
        let refused = |oddity: &String| oddity == Self::MAIL_REFUSED;
        self.oddities.iter().any(refused)
    }

    /// Whether the server met was accepted: MAIL and RCPT came inside TLS.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.transport == Transport::Encrypted && self.status >= Status::Mail
    }

    /// Whether the server met was refused: a completed handshake ended without EHLO or MAIL inside TLS, or the client
    /// sent a certificate alert. An ending of our own making refuses nothing.
    #[must_use]
    pub fn refused(&self) -> bool {
        match &self.close {
            Some(close) if close.refuses_certificate() => !self.spoke_in_tls(),
            Some(close) => {
                self.status == Status::TlsStarted && !self.spoke_in_tls() && !close.is_ours()
            }
            None => false,
        }
    }

    /// Whether the client went on with mail inside TLS, by EHLO or, without one, by MAIL.
    fn spoke_in_tls(&self) -> bool {
        let mail = self.from.is_some() || self.mail_refused();
        self.ehlo_in_tls || (self.transport == Transport::Encrypted && mail)
    }

    /// Whether mail was offered in clear text: MAIL and RCPT came outside TLS.
    #[must_use]
    pub fn in_clear(&self) -> bool {
        self.transport == Transport::Plain && self.status >= Status::Mail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_written_and_read() {
        for text in [
            "quit",
            "alert:unknown_ca",
            "alert:200",
            "close_notify",
            "fin",
            "reset",
            "timeout",
            "incompatible:tls1.0",
            "broken",
            "repeat",
            "limit",
            "shutdown",
            "continued",
        ] {
            assert_eq!(text.parse::<Close>().unwrap().to_string(), text);
        }
        assert!("alert:nonsense".parse::<Close>().is_err());
    }

    #[test]
    fn a_refusal_needs_a_completed_handshake_or_a_certificate_alert() {
        let any = "192.0.2.1".parse().unwrap();
        let row = |status, ehlo_in_tls, close: &str| Connection {
            status,
            ehlo_in_tls,
            close: Some(close.parse().unwrap()),
            ..Connection::new(ConnectionId(1), any, any, Timestamp::UNIX_EPOCH)
        };
        // MAIL without EHLO, its recipient not accepted.
        let with_mail = |transport, close| Connection {
            transport,
            from: Some(None),
            ..row(Status::TlsStarted, false, close)
        };
        for (connection, refused) in [
            (row(Status::TlsStarted, false, "quit"), true),
            (row(Status::TlsStarted, false, "fin"), true),
            (row(Status::TlsStarted, true, "quit"), false),
            (row(Status::TlsStarted, false, "timeout"), false),
            (row(Status::TlsStarted, false, "shutdown"), false),
            (row(Status::SniSeen, false, "alert:unknown_ca"), true),
            (
                row(Status::SniSeen, false, "alert:handshake_failure"),
                false,
            ),
            (row(Status::SniSeen, false, "fin"), false),
            (row(Status::Mail, true, "quit"), false),
            (with_mail(Transport::Encrypted, "quit"), false),
            (with_mail(Transport::Encrypted, "alert:unknown_ca"), false),
            (with_mail(Transport::Plain, "alert:unknown_ca"), true),
            (
                Connection {
                    transport: Transport::Encrypted,
                    oddities: vec![Connection::MAIL_REFUSED.to_owned()],
                    ..row(Status::TlsStarted, false, "repeat")
                },
                false,
            ),
        ] {
            assert_eq!(connection.refused(), refused, "{connection:?}");
        }
    }
}
