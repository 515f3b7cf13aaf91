//! One method per verb: each checks, then says what it leads to.

use super::{Kind, Pending, Question, Session, Transaction, Turn, phrases};
use crate::base::ports::{Envelope, Recipient};
use crate::base::{Close, Connection, Domain, Mailbox, Zone, limits};
use crate::spec::smtp::{Command, CommandError, Flaw, ForwardPath, MailFrom, Message};

impl Session {
    pub(super) fn obey(&mut self, command: Command) -> Turn {
        match command {
            Command::Ehlo(name) => self.ehlo(name, true),
            Command::Helo(name) => self.ehlo(name, false),
            Command::StartTls => self.start_tls(),
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(path) => self.rcpt(path),
            Command::Data => self.data(),
            Command::Rset => {
                self.transaction = None;
                Turn::Say(phrases::ok())
            }
            Command::Noop => Turn::Say(phrases::ok()),
            Command::Vrfy => Turn::Say(phrases::vrfy()),
            Command::Help => Turn::Say(phrases::help()),
            Command::Quit => Turn::Leave(phrases::bye(), Close::Quit),
        }
    }

    pub(super) fn no_command(&mut self, error: CommandError) -> Turn {
        match error {
            CommandError::NeedsUtf8 => self.note(Flaw::EightBit.code()),
            CommandError::Parameter => self.note("parameter-not-offered"),
            CommandError::OtherProtocol => {
                self.note("other-protocol");
                return Turn::Leave(phrases::other_protocol(), Close::Limit);
            }
            _ => {}
        }
        Turn::Say(phrases::no_command(error))
    }

    /// In clear text the desk says how to greet; inside TLS there is nothing left to choose.
    fn ehlo(&mut self, name: String, extended: bool) -> Turn {
        self.transaction = None;
        if !extended {
            self.note("helo");
        }
        if !self.encrypted() {
            self.counts.greetings += 1;
            if self.counts.greetings > limits::SESSION_GREETINGS {
                return Turn::Leave(phrases::farewell(&Close::Limit), Close::Limit);
            }
            return Turn::Ask(
                Question::Greet(name.clone()),
                Pending::Greet { name, extended },
            );
        }
        self.record.ehlo = Some(name);
        self.record.ehlo_in_tls = true;
        self.greeted = true;
        Turn::Say(self.greeting_reply(extended))
    }

    fn start_tls(&mut self) -> Turn {
        if self.encrypted() {
            return Turn::Say(phrases::sequence("TLS is active already"));
        }
        if !self.greeted {
            return Turn::Say(phrases::sequence("EHLO first"));
        }
        if !self.record.starttls_offered {
            return Turn::Say(phrases::not_offered());
        }
        if self.settings.tls.load().is_empty() {
            return Turn::Say(phrases::no_tls());
        }
        self.transaction = None;
        // What happens inside TLS must not take the place of a transaction in clear text.
        match self.used {
            true => Turn::Ask(self.continued(), Pending::RenewForTls),
            false => {
                self.forget_transaction();
                Turn::Upgrade
            }
        }
    }

    /// Inside TLS a client should greet again (RFC 3207 4.2); one that does not may send all the same.
    fn mail(&mut self, mail: MailFrom) -> Turn {
        if !self.greeted && !self.encrypted() {
            return Turn::Say(phrases::sequence("EHLO first"));
        }
        if self.deferred {
            return Turn::Leave(phrases::reconnect(), Close::Repeat);
        }
        if self.transaction.is_some() {
            return Turn::Say(phrases::sequence("There is a sender already"));
        }
        self.counts.transactions += 1;
        if self.counts.transactions > limits::SESSION_TRANSACTIONS {
            return Turn::Leave(phrases::farewell(&Close::Limit), Close::Limit);
        }
        if mail.size.is_some_and(|size| size > limits::MESSAGE as u64) {
            return Turn::Say(phrases::too_large());
        }
        if self.used {
            return Turn::Ask(self.continued(), Pending::Renew(Box::new(mail)));
        }
        self.begin(mail)
    }

    /// The record ends here; another one follows in the same connection.
    fn continued(&self) -> Question {
        Question::Renew(Box::new(Connection {
            close: Some(Close::Continued),
            ended: Some(self.now),
            ..self.record.clone()
        }))
    }

    /// The transaction begins, in a record that holds none yet.
    pub(super) fn begin(&mut self, mail: MailFrom) -> Turn {
        self.record.from = Some(mail.from.clone());
        let written = mail.parameters.into_iter().take(limits::PARAMETERS);
        self.record.parameters = written
            .map(|parameter| parameter.chars().take(limits::NOTED_TEXT).collect())
            .collect();
        self.transaction = Some(Transaction {
            from: mail.from,
            to: Vec::new(),
            kind: None,
            recipients_tried: 0,
        });
        Turn::Say(phrases::sender_ok())
    }

    fn rcpt(&mut self, path: ForwardPath) -> Turn {
        let Some(transaction) = &mut self.transaction else {
            return Turn::Say(phrases::sequence("MAIL first"));
        };
        transaction.recipients_tried += 1;
        if transaction.recipients_tried > limits::RECIPIENTS {
            return Turn::Say(phrases::one_at_a_time("Too many recipients"));
        }
        let address = match path {
            ForwardPath::Mailbox(address) => Some(address),
            ForwardPath::Postmaster => self.postmaster(),
            ForwardPath::PostmasterAt(address) if address == self.record.address => {
                self.postmaster()
            }
            ForwardPath::PostmasterAt(_) | ForwardPath::Literal => None,
        };
        match address {
            Some(address) => Turn::Ask(
                Question::Recipient(address.clone()),
                Pending::Recipient(address),
            ),
            None => Turn::Say(phrases::no_recipient(&Recipient::Foreign)),
        }
    }

    fn data(&mut self) -> Turn {
        let Some(transaction) = &self.transaction else {
            return Turn::Say(phrases::sequence("MAIL first"));
        };
        let null_sender = transaction.from.is_none();
        match transaction.kind {
            // All were put off: a client that reads this reply alone must not take it for a refusal.
            Some(_) if transaction.to.is_empty() => Turn::Say(match self.deferred {
                true => phrases::later(),
                false => phrases::unavailable(),
            }),
            None => Turn::Say(phrases::sequence("There is no valid recipient")),
            // Refused here and not at RCPT, where others ask whether an address exists (RFC 3834 4).
            Some(Kind::Test(_)) if null_sender => {
                self.transaction = None;
                Turn::Say(phrases::null_sender())
            }
            Some(Kind::Operator | Kind::Reports) if self.in_clear_window() => {
                self.defer(phrases::window())
            }
            Some(Kind::Test(_)) if !self.encrypted() => {
                Turn::Ask(self.commit(), Pending::ClearData)
            }
            Some(_) => Turn::Take,
        }
    }

    /// The message has come.
    pub(super) fn message(&mut self, message: Message) -> Turn {
        for flaw in message.flaws.iter() {
            self.note(flaw.code());
        }
        let Some(transaction) = self.transaction.take() else {
            return Turn::Say(phrases::sequence("MAIL first"));
        };
        if message.size > limits::MESSAGE as u64 {
            return Turn::Say(phrases::too_large());
        }
        let refused = message.flaws.has(Flaw::BareLf) || message.flaws.has(Flaw::BareCr);
        let envelope = Envelope {
            client: self.record.client,
            ehlo: self.record.ehlo.clone().unwrap_or_default(),
            from: transaction.from,
            to: transaction.to,
        };
        let (question, pending) = match transaction.kind {
            Some(Kind::Operator | Kind::Reports) if refused => {
                return Turn::Say(phrases::bare_line_end());
            }
            Some(Kind::Operator) => (Question::Relay(envelope, message.content), Pending::Relay),
            Some(Kind::Reports) => (Question::Report(envelope, message.content), Pending::Report),
            _ if refused => (
                Question::Judge(envelope, message.content),
                Pending::JudgeRefused,
            ),
            _ => (Question::Judge(envelope, message.content), Pending::Judge),
        };
        Turn::Ask(question, pending)
    }

    /// The question whether, and how, the facts so far are committed.
    pub(super) fn commit(&self) -> Question {
        Question::Commit(Box::new(self.record.clone()))
    }

    /// Whether content would cross in clear text in a session that was offered no TLS.
    pub(super) fn in_clear_window(&self) -> bool {
        !self.encrypted() && !self.record.starttls_offered
    }

    /// The domain of ours that an address lies in.
    pub(super) fn zone_of(&self, domain: &Domain) -> Option<Zone> {
        let label = domain
            .as_str()
            .strip_suffix(self.settings.base_domain.as_str())?
            .strip_suffix('.')?;
        Zone::ALL.into_iter().find(|zone| zone.label() == label)
    }

    /// `postmaster` without a domain, or at our address, is the one of the first domain.
    fn postmaster(&self) -> Option<Mailbox> {
        let domain = self.settings.base_domain.below(Zone::Et.label()).ok()?;
        Some(Mailbox {
            local: "postmaster".to_owned(),
            domain,
        })
    }
}
