//! The rules that every session keeps, whatever comes:
//!
//! - Every reply is well-formed, and none comes behind a last word.
//! - In the clear window nothing is asked for with 354, judged or handed on.
//! - `250` at the end of data is said only after a commit that said so, or when the next server or the reader of TLS
//!   reports said so; a commit is followed by the reply that it decided.
//! - A judged message and a record are bounded in all their parts, and a record comes back from the journal as it was.
//! - Each transaction has a record of its own, and says that it was acknowledged only if it was.

use crate::replies;
use crate::scene::{ADDRESS, CLIENT};
use mailproof::base::ports::{Decision, Envelope};
use mailproof::base::{Close, Connection, Event, Status, limits};
use mailproof::journal;
use mailproof::serve::smtp::session::{Answer, Question};
use std::collections::BTreeSet;

/// What is known of the session.
#[derive(Default)]
pub struct Watch {
    said: Vec<u8>,
    replies: usize,
    faults: usize,
    /// A reply to EHLO or HELO was said after the desk withheld STARTTLS.
    window: bool,
    encrypted: bool,
    /// The client was told to send a message.
    sending: bool,
    /// The codes of which one must come next.
    next: Option<&'static [u16]>,
    /// There was no room for a message.
    full: bool,
    /// Whether a `250` at the end of data is deserved.
    deserved: bool,
    /// Whether the present record's message was accepted.
    acked: bool,
    ended: bool,
    /// We ended it, and have to say so.
    stopped: bool,
    records: BTreeSet<u64>,
}

impl Watch {
    pub fn into_said(self) -> Vec<u8> {
        self.said
    }

    pub fn wrote(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        for reply in replies::read(bytes) {
            assert!(!self.ended, "{} behind the last word", reply.code);
            if let Some(codes) = self.next.take() {
                assert!(
                    codes.contains(&reply.code),
                    "{} instead of {codes:?}",
                    reply.code
                );
            }
            if std::mem::take(&mut self.sending) && reply.code == 250 {
                assert!(self.deserved, "250 without a commit");
            }
            self.deserved = false;
            if reply.code == 354 {
                assert!(
                    self.encrypted || !self.window,
                    "content in the clear window"
                );
                self.sending = true;
            }
            self.ended = matches!(reply.code, 221 | 421);
            assert!(!self.stopped || reply.code != 221, "not our last word");
            self.replies += 1;
            self.faults += usize::from(reply.code >= 500);
        }
        assert!(self.ended || !self.stopped, "no last word");
        // The greeting, one reply to each command, and one to each message.
        assert!(self.replies <= 1 + 2 * limits::SESSION_COMMANDS + 1);
        assert!(self.faults <= limits::SESSION_ERRORS);
        self.said.extend_from_slice(bytes);
    }

    pub fn asked(&mut self, question: &Question) {
        assert!(!self.ended && !self.stopped);
        match question {
            Question::Judge(envelope, message)
            | Question::Relay(envelope, message)
            | Question::Report(envelope, message) => {
                assert!(self.next.is_none(), "a reply is missing");
                assert!(self.encrypted || !self.window, "judged in the clear window");
                assert!(self.sending, "judged without 354");
                assert!(message.len() <= limits::MESSAGE);
                check_envelope(envelope);
                let domain = &envelope.to[0].domain;
                let one = envelope.to.iter().all(|to| to.domain == *domain);
                let is_test = matches!(question, Question::Judge(..));
                assert!(one || !is_test, "one domain at a time");
            }
            Question::Renew(record) => assert_eq!(record.close, Some(Close::Continued)),
            Question::Commit(record) | Question::Refuse(record) | Question::Known(record) => {
                assert!(record.status == Status::Mail && !record.to.is_empty());
                check_bounds(record);
            }
            Question::Greet(_) | Question::Recipient(_) => {}
        }
    }

    pub fn answered(&mut self, question: &Question, answer: &Answer) {
        match (question, answer) {
            (Question::Greet(_), Answer::Greeting(greeting)) => self.window |= !greeting.starttls,
            (Question::Commit(record), Answer::Decided(decision)) => {
                let judged = record.message.is_some();
                self.next = Some(match decision {
                    _ if std::mem::take(&mut self.full) => &[452],
                    Err(_) => &[452],
                    Ok(Decision::Later) => &[451],
                    Ok(Decision::Accept(_)) if judged => &[250],
                    // At DATA in the window, at DATA, at RCPT.
                    Ok(Decision::Accept(_)) if self.window && !self.encrypted => &[451],
                    Ok(Decision::Accept(_)) => &[250, 354],
                });
                self.deserved = judged && matches!(decision, Ok(Decision::Accept(_)));
                self.acked |= self.deserved;
            }
            (Question::Refuse(_), Answer::Noted(noted)) => {
                self.next = Some(match noted {
                    Ok(()) => &[550, 421],
                    Err(_) => &[452],
                });
            }
            (Question::Renew(record), _) => {
                self.record(record);
                self.acked = false;
            }
            (Question::Relay(..), Answer::Relayed(reply)) => {
                self.deserved = reply.code / 100 == 2;
            }
            (Question::Report(..), Answer::Reported(kept)) => self.deserved = kept.is_ok(),
            _ => {}
        }
    }

    /// There is room for a message, or none.
    pub fn made_room(&mut self, found: bool) {
        self.full = !found;
        self.next = Some(if found { &[354] } else { &[452] });
    }

    /// We ended it.
    pub fn stopped(&mut self) {
        self.stopped = true;
        self.next = None;
    }

    pub fn secured(&mut self) {
        self.encrypted = true;
    }

    /// A record is handed in.
    pub fn record(&mut self, record: &Connection) {
        assert!(self.records.insert(record.id.0), "{} twice", record.id);
        assert!(record.ended.is_some() && record.close.is_some());
        assert_eq!(record.status == Status::Acked, self.acked, "{record:?}");
        check_bounds(record);
        let event = Event::Connection(Box::new(record.clone()));
        let stored = journal::encode(&event).unwrap();
        assert_eq!(journal::decode(&stored), Ok(event));
    }
}

fn check_envelope(envelope: &Envelope) {
    assert_eq!(envelope.client, CLIENT);
    assert!((1..=limits::RECIPIENTS).contains(&envelope.to.len()));
}

fn check_bounds(record: &Connection) {
    assert_eq!((record.client, record.address), (CLIENT, ADDRESS));
    assert!(record.to.len() <= limits::RECIPIENTS_NOTED);
    assert!(record.parameters.len() <= limits::PARAMETERS);
    let texts = record
        .parameters
        .iter()
        .chain(&record.ehlo)
        .chain(&record.sni);
    for text in texts {
        assert!(text.chars().count() <= limits::NOTED_TEXT, "{text:?}");
    }
    let oddities: BTreeSet<_> = record.oddities.iter().collect();
    assert_eq!(
        oddities.len(),
        record.oddities.len(),
        "{:?}",
        record.oddities
    );
    assert!(oddities.len() <= 20);
}
