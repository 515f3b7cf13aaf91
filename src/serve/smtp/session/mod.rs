//! One SMTP session as a machine without sockets, clocks or waiting (RFC 5321, RFC 2920, RFC 3207).
//!
//! Bytes and answers go in, [`Output`]s come out; the same bytes give the same replies however they are cut.
//!
//! ```text
//!            line                        question            answer
//! Command ---------> verb --> Turn ------------------> Asking --------> Turn ...
//!    ^                         |
//!    |      Say                +-- Take ----> Room --room()--> Data --(CRLF.CRLF)--> Turn
//!    +-------------------------+-- Upgrade -> Handshake --secured()--> Command
//!                              +-- Leave ---> Closing
//! ```
//!
//! The machine fills in the [`Connection`] as it goes; whoever drives it hands that to the desk when all is over.

mod answers;
mod facts;
mod phrases;
mod verbs;

use super::Settings;
use crate::base::ports::{
    Decision, Envelope, Greeting, Kept, NotTaken, Recipient, RelayReply, Unavailable,
};
use crate::base::{
    Certificate, Close, Connection, ConnectionId, Mailbox, MessageFacts, Timestamp, Zone, limits,
};
use crate::spec::smtp::{Command, DataReader, Flaw, LineReader, MailFrom, Reply};
use std::net::IpAddr;
use std::sync::Arc;

pub use facts::Offer;

/// What the machine needs to know of a port.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// `Desk::greet` for this EHLO name.
    Greet(String),
    /// `Desk::closed` for this record, then `Desk::connected` for the next one.
    Renew(Box<Connection>),
    /// `Desk::recipient`.
    Recipient(Mailbox),
    /// `Desk::known`.
    Known(Box<Connection>),
    /// `Desk::transacted`.
    Commit(Box<Connection>),
    /// `Desk::refused`.
    Refuse(Box<Connection>),
    /// `Judge::judge`.
    Judge(Envelope, Vec<u8>),
    /// `Relay::relay`.
    Relay(Envelope, Vec<u8>),
    /// `Reports::mailed`.
    Report(Envelope, Vec<u8>),
}

/// What a port said.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Question::Greet`].
    Greeting(Greeting),
    /// To [`Question::Renew`].
    Renewed(ConnectionId),
    /// To [`Question::Recipient`].
    Recipient(Recipient),
    /// To [`Question::Known`].
    Known(bool),
    /// To [`Question::Commit`].
    Decided(Result<Decision, Unavailable>),
    /// To [`Question::Refuse`].
    Noted(Result<(), Unavailable>),
    /// To [`Question::Judge`].
    Judged(Box<MessageFacts>),
    /// To [`Question::Relay`].
    Relayed(RelayReply),
    /// To [`Question::Report`].
    Reported(Result<Kept, NotTaken>),
}

/// What the client is waited for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Await {
    /// A command.
    Command,
    /// A piece of a message.
    Data,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Write these bytes.
    Write(Vec<u8>),
    /// Read, then call [`Session::receive`].
    Read(Await),
    /// Make room for a message, then call [`Session::room`]; until then it stays on the client's side.
    Room,
    /// Ask, then call [`Session::answer`].
    Ask(Question),
    /// Hand in what has already come in clear text, write these bytes, then shake hands: [`Session::hello`],
    /// [`Session::presented`], [`Session::secured`].
    StartTls(Vec<u8>),
    /// Close.
    Close,
}

/// What a verb or an answer leads to.
enum Turn {
    Say(Reply),
    Ask(Question, Pending),
    Take,
    Upgrade,
    Leave(Reply, Close),
}

/// What an answer is waited for with.
enum Pending {
    Greet {
        name: String,
        extended: bool,
    },
    Renew(Box<MailFrom>),
    RenewForTls,
    Recipient(Mailbox),
    Known,
    PutOff,
    ClearData,
    Judge,
    Verdict,
    NoRoom,
    /// The message is refused for its line ends; its facts are evidence all the same.
    JudgeRefused,
    Refuse,
    Relay,
    Report,
}

enum Stage {
    Command,
    Room,
    Data(Box<DataReader>),
    Asking(Option<Question>, Pending),
    Upgrade,
    Handshake,
    Closing(Close),
}

/// What the transaction's recipients have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Test(Zone),
    Operator,
    Reports,
}

/// A transaction from MAIL on.
struct Transaction {
    from: Option<Mailbox>,
    /// The recipients accepted and not put off.
    to: Vec<Mailbox>,
    /// Settled by the first recipient of ours, whether put off or not.
    kind: Option<Kind>,
    recipients_tried: usize,
}

#[derive(Default)]
struct Counts {
    commands: usize,
    errors: usize,
    greetings: usize,
    transactions: usize,
}

/// The machine.
pub struct Session {
    settings: Arc<Settings>,
    record: Connection,
    stage: Stage,
    input: Vec<u8>,
    reader: LineReader,
    out: Vec<u8>,
    now: Timestamp,
    /// What the desk said to the last EHLO in clear text.
    greeting: Option<Greeting>,
    /// Whether a reply to EHLO lacked STARTTLS, so that the session belongs to the window.
    in_window: bool,
    /// Whether EHLO came since the start, or since TLS.
    greeted: bool,
    transaction: Option<Transaction>,
    /// Whether the record holds a transaction already, so that the next one needs a record of its own.
    used: bool,
    /// Whether a transaction was put off with our 451.
    deferred: bool,
    counts: Counts,
}

impl Session {
    /// A session that begins with the greeting.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        id: ConnectionId,
        client: IpAddr,
        address: IpAddr,
        now: Timestamp,
    ) -> Self {
        let mut session = Self {
            record: Connection::new(id, client, address, now),
            stage: Stage::Command,
            input: Vec::new(),
            reader: LineReader::new(limits::COMMAND_LINE),
            out: phrases::greeting(&settings.hostname)
                .to_string()
                .into_bytes(),
            settings,
            now,
            greeting: None,
            in_window: false,
            greeted: false,
            transaction: None,
            used: false,
            deferred: false,
            counts: Counts::default(),
        };
        session.meet();
        session
    }

    /// Takes bytes from the client, decrypted inside TLS.
    pub fn receive(&mut self, bytes: &[u8]) {
        match self.stage {
            Stage::Upgrade | Stage::Handshake if !bytes.is_empty() => {
                self.note("commands-before-tls");
            }
            Stage::Upgrade | Stage::Handshake | Stage::Closing(_) => {}
            _ => self.input.extend_from_slice(bytes),
        }
    }

    /// What is to be done next. Anything but reading and asking makes progress by itself; call again.
    pub fn next(&mut self, now: Timestamp) -> Output {
        self.now = now;
        loop {
            match &mut self.stage {
                Stage::Closing(_) => return self.flush().unwrap_or(Output::Close),
                Stage::Handshake => return self.flush().unwrap_or(Output::Close),
                Stage::Room => return self.flush().unwrap_or(Output::Room),
                Stage::Upgrade => {
                    self.stage = Stage::Handshake;
                    return Output::StartTls(std::mem::take(&mut self.out));
                }
                Stage::Asking(question, _) => {
                    let slow = question.as_ref().is_some_and(is_slow);
                    if slow && let Some(output) = self.flush() {
                        return output;
                    }
                    return self.ask();
                }
                Stage::Command => {
                    if !self.read_command() {
                        return self.flush().unwrap_or(Output::Read(Await::Command));
                    }
                }
                Stage::Data(_) => {
                    if !self.read_data() {
                        return self.flush().unwrap_or(Output::Read(Await::Data));
                    }
                }
            }
        }
    }

    /// Ends the session from our side with a `421`: a limit, a timeout, a shutdown.
    pub fn stop(&mut self, close: Close) {
        if !matches!(self.stage, Stage::Closing(_)) {
            self.carry(Turn::Leave(phrases::farewell(&close), close));
        }
    }

    /// The record as it is to be handed to the desk, ended now. `close` says how the connection was seen to end; an
    /// ending that was agreed on before, such as QUIT, goes first.
    #[must_use]
    pub fn finish(&self, close: Close, now: Timestamp) -> Connection {
        let close = match &self.stage {
            Stage::Closing(agreed) => agreed.clone(),
            _ => close,
        };
        Connection {
            close: Some(close),
            ended: Some(now),
            ..self.record.clone()
        }
    }

    fn flush(&mut self) -> Option<Output> {
        (!self.out.is_empty()).then(|| Output::Write(std::mem::take(&mut self.out)))
    }

    /// Hands out the question once; asked again, there is nothing to do but to wait for the answer, which is a fault
    /// of whoever drives the machine and ends the session.
    fn ask(&mut self) -> Output {
        match &mut self.stage {
            Stage::Asking(question, _) => question.take().map_or(Output::Close, Output::Ask),
            _ => Output::Close,
        }
    }

    /// Obeys one command, if a whole line has come.
    fn read_command(&mut self) -> bool {
        let (taken, line) = self.reader.feed(&self.input);
        self.used_up(taken);
        let Some(line) = line else { return false };
        for flaw in line.flaws.iter().filter(|flaw| *flaw != Flaw::EightBit) {
            self.note(flaw.code());
        }
        self.counts.commands += 1;
        let turn = match line.text() {
            _ if self.counts.commands > limits::SESSION_COMMANDS => {
                Turn::Leave(phrases::farewell(&Close::Limit), Close::Limit)
            }
            Err(flaw) => {
                self.note(flaw.code());
                Turn::Say(phrases::flawed_line(flaw))
            }
            Ok(text) => match Command::parse(text) {
                Err(error) => self.no_command(error),
                Ok(command) => self.obey(command),
            },
        };
        if is_mail(&line.octets) {
            self.note_refused_mail(&turn);
        }
        self.carry(turn);
        true
    }

    /// Takes the message, if it is whole.
    fn read_data(&mut self) -> bool {
        let Stage::Data(reader) = &mut self.stage else {
            return false;
        };
        let (taken, message) = reader.feed(&self.input);
        self.used_up(taken);
        let Some(message) = message else { return false };
        self.stage = Stage::Command;
        let turn = self.message(message);
        self.carry(turn);
        true
    }

    fn used_up(&mut self, taken: usize) {
        if taken == self.input.len() {
            self.input = Vec::new();
        } else {
            self.input.drain(..taken);
        }
    }

    /// The one place where replies are written and counted.
    fn carry(&mut self, turn: Turn) {
        let (reply, stage) = match turn {
            Turn::Ask(question, pending) => {
                self.stage = Stage::Asking(Some(question), pending);
                return;
            }
            Turn::Take => {
                self.stage = Stage::Room;
                return;
            }
            Turn::Say(reply) => (reply, Stage::Command),
            Turn::Upgrade => (phrases::start_tls(), Stage::Upgrade),
            Turn::Leave(reply, close) => (reply, Stage::Closing(close)),
        };
        let fault = reply.code >= 500 || reply.enhanced == Some((4, 5, 3));
        self.counts.errors += usize::from(fault);
        if self.counts.errors > limits::SESSION_ERRORS && matches!(stage, Stage::Command) {
            return self.carry(Turn::Leave(phrases::farewell(&Close::Limit), Close::Limit));
        }
        self.out.extend_from_slice(reply.to_string().as_bytes());
        self.stage = stage;
        match self.stage {
            Stage::Closing(_) => self.input = Vec::new(),
            Stage::Upgrade => self.drop_clear_text(),
            _ => {}
        }
    }

    /// What came behind STARTTLS in clear text is never taken for commands inside TLS (CVE-2011-0411).
    fn drop_clear_text(&mut self) {
        if !self.input.is_empty() || self.reader.is_inside_line() {
            self.note("commands-before-tls");
        }
        self.input = Vec::new();
        self.reader = LineReader::new(limits::COMMAND_LINE);
    }

    /// Notes that MAIL was refused, unless the record has a sender all the same.
    fn note_refused_mail(&mut self, turn: &Turn) {
        let refused = match turn {
            Turn::Say(reply) | Turn::Leave(reply, _) => reply.code >= 400,
            _ => false,
        };
        if refused && self.record.from.is_none() {
            self.note(Connection::MAIL_REFUSED);
        }
    }

    /// Notes an oddity, once.
    fn note(&mut self, code: &str) {
        if !self.record.oddities.iter().any(|noted| noted == code) {
            self.record.oddities.push(code.to_owned());
        }
    }

    /// Which certificate a client gets that names no host of ours.
    fn without_sni(&self) -> Certificate {
        self.greeting
            .as_ref()
            .map_or(Certificate::SelfSigned, |greeting| greeting.without_sni)
    }
}

/// Whether a line is a MAIL, however wrong otherwise.
fn is_mail(line: &[u8]) -> bool {
    let verb = line.split(|octet| matches!(octet, b' ' | b'\t')).next();
    verb.is_some_and(|verb| verb.eq_ignore_ascii_case(b"MAIL"))
}

/// Whether the client should see the replies so far before the answer is waited for.
const fn is_slow(question: &Question) -> bool {
    matches!(
        question,
        Question::Greet(_)
            | Question::Commit(_)
            | Question::Refuse(_)
            | Question::Judge(..)
            | Question::Relay(..)
            | Question::Report(..)
    )
}
