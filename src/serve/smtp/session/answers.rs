//! What the ports said, and what it leads to.

use super::{Answer, Kind, Pending, Question, Session, Stage, Turn, phrases};
use crate::base::ports::{Decision, Greeting, Recipient, RelayReply, Unavailable};
use crate::base::{Close, Mailbox, Status, Timestamp, limits};
use crate::spec::smtp::{DataReader, Reply};

impl Session {
    /// Takes the answer to the question handed out last. One that comes too late, or to another question, changes
    /// nothing but that the session ends.
    pub fn answer(&mut self, answer: Answer, now: Timestamp) {
        self.now = now;
        if !matches!(self.stage, Stage::Asking(..)) {
            return;
        }
        let Stage::Asking(_, pending) = std::mem::replace(&mut self.stage, Stage::Command) else {
            return;
        };
        let turn = match (pending, answer) {
            (Pending::Greet { name, extended }, Answer::Greeting(greeting)) => {
                self.greeted_as(greeting, name, extended)
            }
            (Pending::Renew(mail), Answer::Renewed(id)) => {
                self.renew(id);
                self.begin(*mail)
            }
            (Pending::RenewForTls, Answer::Renewed(id)) => {
                self.renew(id);
                Turn::Upgrade
            }
            (Pending::Recipient(address), Answer::Recipient(recipient)) => {
                self.recipient(&recipient, address)
            }
            (Pending::Known, Answer::Known(false)) => Turn::Say(phrases::recipient_ok()),
            (Pending::Known, Answer::Known(true)) => Turn::Ask(self.commit(), Pending::PutOff),
            (Pending::PutOff, Answer::Decided(decision)) => self.decided_at_rcpt(&decision),
            (Pending::ClearData, Answer::Decided(decision)) => self.decided_at_data(&decision),
            (Pending::Judge, Answer::Judged(facts)) => {
                self.record.message = Some(*facts);
                Turn::Ask(self.commit(), Pending::Verdict)
            }
            (Pending::Verdict, Answer::Decided(decision)) => self.decided(decision),
            (Pending::NoRoom, Answer::Decided(_)) => self.no_room(),
            (Pending::JudgeRefused, Answer::Judged(facts)) => {
                self.record.message = Some(*facts);
                let record = Box::new(self.record.clone());
                Turn::Ask(Question::Refuse(record), Pending::Refuse)
            }
            (Pending::Refuse, Answer::Noted(Ok(()))) => Turn::Say(phrases::bare_line_end()),
            (Pending::Refuse, Answer::Noted(Err(Unavailable))) => Turn::Say(phrases::unavailable()),
            (Pending::Relay, Answer::Relayed(reply)) => Self::relayed(&reply),
            (Pending::Report, Answer::Reported(kept)) => Turn::Say(phrases::reported(&kept)),
            _ => Turn::Leave(phrases::farewell(&Close::Limit), Close::Limit),
        };
        self.carry(turn);
    }

    /// Takes whether there is room for the message that the client wants to send. MAIL and RCPT were seen, so without
    /// room they are committed as evidence before it is put off.
    pub fn room(&mut self, found: bool, now: Timestamp) {
        self.now = now;
        if !matches!(self.stage, Stage::Room) {
            return;
        }
        if found {
            let reader = DataReader::new(limits::MESSAGE, limits::TEXT_LINE);
            let reply = phrases::send_data().to_string();
            self.out.extend_from_slice(reply.as_bytes());
            self.stage = Stage::Data(Box::new(reader));
            return;
        }
        let kind = self
            .transaction
            .as_ref()
            .and_then(|transaction| transaction.kind);
        let turn = match kind {
            // In clear text this was done before.
            Some(Kind::Test(_)) if self.encrypted() => Turn::Ask(self.commit(), Pending::NoRoom),
            _ => self.no_room(),
        };
        self.carry(turn);
    }

    fn no_room(&mut self) -> Turn {
        self.transaction = None;
        Turn::Say(phrases::no_room())
    }

    /// Once a session was greeted without STARTTLS it belongs to the window, whatever the desk says later. A client
    /// that says HELO could have seen the offer, so it counts as offered.
    fn greeted_as(&mut self, greeting: Greeting, name: String, extended: bool) -> Turn {
        self.in_window |= !greeting.starttls;
        self.record.starttls_offered = !self.in_window;
        self.record.ptr = greeting.ptr.clone();
        self.record.ehlo = Some(name);
        self.greeting = Some(greeting);
        self.greeted = true;
        Turn::Say(self.greeting_reply(extended))
    }

    pub(super) fn greeting_reply(&self, extended: bool) -> Reply {
        let hostname = &self.settings.hostname;
        let starttls = self.record.starttls_offered && !self.encrypted();
        match extended {
            true => phrases::ehlo(hostname, starttls),
            false => phrases::helo(hostname),
        }
    }

    fn recipient(&mut self, recipient: &Recipient, address: Mailbox) -> Turn {
        let kind = match recipient {
            Recipient::Test(_) => self.zone_of(&address.domain).map(Kind::Test),
            Recipient::Operator => Some(Kind::Operator),
            Recipient::Reports => Some(Kind::Reports),
            Recipient::Unknown | Recipient::Foreign => None,
        };
        let (Some(kind), Some(transaction)) = (kind, &mut self.transaction) else {
            return Turn::Say(phrases::no_recipient(recipient));
        };
        match (transaction.kind, kind) {
            (Some(before), now) if before == now => {}
            (None, _) => {}
            (Some(Kind::Test(_)), Kind::Test(_)) => {
                return Turn::Say(phrases::one_at_a_time(
                    "One domain at a time: please send to this one separately",
                ));
            }
            (Some(Kind::Test(_)), _) | (_, Kind::Test(_)) => {
                return Turn::Say(phrases::one_at_a_time(
                    "Not together with a test: please send separately",
                ));
            }
            _ => {
                return Turn::Say(phrases::one_at_a_time(
                    "Not together with TLS reports: please send separately",
                ));
            }
        }
        transaction.kind = Some(kind);
        transaction.to.push(address.clone());
        self.used = true;
        match kind {
            Kind::Operator | Kind::Reports => {
                self.met_by_other_mail();
                Turn::Say(phrases::recipient_ok())
            }
            Kind::Test(zone) => {
                self.met_by(zone, address);
                match self.encrypted() {
                    true => Turn::Ask(
                        Question::Known(Box::new(self.record.clone())),
                        Pending::Known,
                    ),
                    false => Turn::Say(phrases::recipient_ok()),
                }
            }
        }
    }

    /// The message is known already: put off without having it sent again, unless the test accepts now.
    fn decided_at_rcpt(&mut self, decision: &Result<Decision, Unavailable>) -> Turn {
        match decision {
            Ok(Decision::Accept(_)) => return Turn::Say(phrases::recipient_ok()),
            Ok(Decision::Later) => self.deferred = true,
            Err(Unavailable) => {}
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.to.pop();
        }
        Turn::Say(match decision {
            Err(Unavailable) => phrases::unavailable(),
            Ok(_) => phrases::later(),
        })
    }

    /// DATA in clear text: never in the window; where STARTTLS was offered, when the desk says so.
    fn decided_at_data(&mut self, decision: &Result<Decision, Unavailable>) -> Turn {
        match decision {
            Err(Unavailable) => {
                self.transaction = None;
                Turn::Say(phrases::unavailable())
            }
            Ok(_) if self.in_clear_window() => self.defer(phrases::window()),
            Ok(Decision::Later) => self.defer(phrases::later()),
            Ok(Decision::Accept(_)) => Turn::Take,
        }
    }

    fn decided(&mut self, decision: Result<Decision, Unavailable>) -> Turn {
        match decision {
            Err(Unavailable) => Turn::Say(phrases::unavailable()),
            Ok(Decision::Later) => self.defer(phrases::later()),
            Ok(Decision::Accept(test)) => {
                self.record.status = Status::Acked;
                Turn::Say(phrases::accepted(&test))
            }
        }
    }

    /// The transaction ends with our 451; another MAIL in this session would be a repetition.
    pub(super) fn defer(&mut self, reply: Reply) -> Turn {
        self.transaction = None;
        self.deferred = true;
        Turn::Say(reply)
    }

    fn relayed(reply: &RelayReply) -> Turn {
        Turn::Say(phrases::relayed(reply))
    }
}
