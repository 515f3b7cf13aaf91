//! What the streams need of each other, as traits; `app` implements them, so that no two streams meet.

use super::Timestamp;
use super::connection::{Certificate, Connection};
use super::event::{Fetch as PolicyFetch, Query};
use super::id::{ConnectionId, TestId};
use super::message::MessageFacts;
use super::name::{Domain, Mailbox};
use super::test::Language;
use super::tls_report::Packing;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// A value that comes later; the form in which a port can be used behind `dyn`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Random bits that decide something: ids, tokens, jitter.
pub trait Random: Send + Sync {
    /// Fills the buffer; the bits cannot be foreseen.
    fn fill(&self, buffer: &mut [u8]);
}

/// Why facts could not be committed: the journal is full or broken. The client is to come again (`452 4.3.1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// How to greet a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The client's forward-confirmed reverse name.
    pub ptr: Option<Domain>,
    /// Whether to offer STARTTLS.
    pub starttls: bool,
    /// The certificate to present on a shared address when no SNI names a host of ours.
    pub without_sni: Certificate,
}

/// Where a recipient's mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Into a test.
    Test(Language),
    /// To the operator, relayed while the sender waits, or into a mailbox of the demo.
    Operator,
    /// To the reader of TLS reports.
    Reports,
    /// Nowhere: `550 5.1.1`.
    Unknown,
    /// Nowhere, and no domain of ours: `550 5.7.1`, we relay for nobody.
    Foreign,
}

/// What to say to a message of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// `451 4.7.1`: come again.
    Later,
    /// `250`, naming the test.
    Accept(TestId),
}

/// The live tests, as the listeners see them.
pub trait Desk: Send + Sync {
    /// A new connection's name.
    fn connected(&self) -> ConnectionId;

    /// How to greet a client at `address` that said EHLO or HELO in clear text.
    fn greet<'a>(&'a self, client: IpAddr, ehlo: &'a str) -> Answer<'a, Greeting>;

    /// Where mail for this address goes.
    fn recipient(&self, address: &Mailbox) -> Recipient;

    /// Whether the facts of this sender's message from this connection are known, so that RCPT may be answered
    /// with the `451` already.
    fn known(&self, connection: &Connection) -> bool;

    /// Commits the facts of a transaction, then says what to answer.
    ///
    /// # Errors
    /// [`Unavailable`] when they could not be committed; nothing was decided.
    fn transacted(&self, connection: Connection) -> Answer<'_, Result<Decision, Unavailable>>;

    /// Commits the facts of a transaction whose message is refused for its form: it is evidence, and never accepted.
    ///
    /// # Errors
    /// [`Unavailable`] when they could not be committed.
    fn refused(&self, connection: Connection) -> Answer<'_, Result<(), Unavailable>>;

    /// Takes that a client was turned away at a limit of its network, or, with `None`, at one for all, so that evidence
    /// is missing. Never waits.
    fn turned_away(&self, client: Option<IpAddr>);

    /// Takes the facts of a connection that ended; they are committed soon.
    fn closed(&self, connection: Connection);

    /// Whether a DNS query that this client sent is to be handed to [`Desk::queried`]; asked before anything is made of
    /// it, once for each. Never waits. What is not admitted is lost: it is counted, and a gap is noted.
    fn admits(&self, client: IpAddr, time: Timestamp) -> bool {
        let _ = (client, time);
        true
    }

    /// Takes a DNS query that was admitted; never waits, and may drop it and note a gap. The id is given by the desk.
    fn queried(&self, query: Query);

    /// Takes a policy fetch seen. The id is given by the desk.
    fn fetched(&self, fetch: PolicyFetch);
}

/// The envelope under which a message was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The client's address.
    pub client: IpAddr,
    /// The name in its EHLO.
    pub ehlo: String,
    /// The envelope sender; `None` for the null sender.
    pub from: Option<Mailbox>,
    /// The accepted recipients.
    pub to: Vec<Mailbox>,
}

/// From a message to its facts.
pub trait Judge: Send + Sync {
    /// Judges the message; takes a few DNS look-ups. Whatever cannot be found out is said so in the facts.
    fn judge<'a>(&'a self, envelope: &'a Envelope, message: &'a [u8]) -> Answer<'a, MessageFacts>;
}

/// An SMTP reply: code and text, the enhanced code included (RFC 5321 4.2, RFC 3463).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayReply {
    /// 200 to 599.
    pub code: u16,
    /// The text behind the code, one line.
    pub text: String,
}

/// Mail that is no test: the operator's, or the demo's mailbox.
pub trait Relay: Send + Sync {
    /// Hands the message on and returns what the next server said; nothing is stored.
    fn relay<'a>(&'a self, envelope: &'a Envelope, message: &'a [u8]) -> Answer<'a, RelayReply>;
}

/// A report that is kept from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is new.
    New,
    /// It was there already.
    Before,
}

/// Why a TLS report is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is no report, or says nothing that concerns us: why.
    Unfit(String),
    /// It is too large, packed or unpacked.
    TooLarge,
    /// Nothing proves whose it is: why.
    Unproven(&'static str),
    /// Whose it is cannot be found out now.
    Unclear,
    /// Too many come just now, or of this organisation.
    TooMany,
    /// It cannot be noted now.
    Unavailable,
}

/// TLS reports of others (RFC 8460): what they say is kept, never their text.
pub trait Reports: Send + Sync {
    /// Takes a report that came as a message; only one that its organisation has signed. It is committed when this
    /// is answered.
    fn mailed<'a>(
        &'a self,
        envelope: &'a Envelope,
        message: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>>;

    /// Takes a report that a client posted, as [`Reports::mailed`]; whose it is, is shown where it is not proven.
    fn posted<'a>(
        &'a self,
        client: IpAddr,
        packing: Packing,
        body: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>>;
}

/// A rendered page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub media_type: &'static str,
    /// The body.
    pub body: Arc<[u8]>,
}

/// Pages of the web host, rendered ahead of the request.
pub trait Pages: Send + Sync {
    /// The page at this path of this host (lower case, without port), or `None` for 404.
    fn page(&self, host: &str, path: &str) -> Option<Page>;
}

/// Commands over the control socket: one JSON object a line.
pub trait Control: Send + Sync {
    /// Carries out one request and returns its answer.
    fn control(&self, request: serde_json::Value) -> Answer<'_, serde_json::Value>;
}

/// The method of an [`HttpRequest`]; ACME needs no other (RFC 8555 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
}

/// One request to the certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// Where to: `https` only.
    pub url: String,
    /// Names, in lower case, and values; `Host` is added.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// What it answered, whatever the status; a redirect is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// The HTTP status.
    pub status: u16,
    /// Names, in lower case, and values, as far as they are text.
    pub headers: Vec<(String, String)>,
    /// The body, `limits::ACME_REPLY` octets at most.
    pub body: Vec<u8>,
}

/// The way to the certificate authority that the configuration names.
pub trait Fetch: Send + Sync {
    /// Asks once; nothing is tried again. Why there is no answer is said in words, without the URL.
    fn fetch(&self, request: HttpRequest) -> Answer<'_, Result<HttpReply, String>>;
}

/// A TXT record that proves to a certificate authority that a name is ours (RFC 8555 8.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Its owner, which begins with `_acme-challenge`.
    pub name: Domain,
    /// Its text.
    pub text: String,
}

/// What certificate authorities look for in our zones.
pub trait Challenges: Send + Sync {
    /// Publishes these in place of those before, and waits until every name server of our zones has this version or a
    /// later one, and with it the TLSA and CAA records of now. Which one does not, and why, is said in words.
    fn show(&self, challenges: Vec<Challenge>) -> Answer<'_, Result<(), String>>;
}
