//! Result mails that wait: kept in the journal, tried again with growing pauses, given up after
//! `limits::MAIL_LIFETIME`.
//!
//! ```text
//! admit -> commit its put -> insert -> due -> (send::Sender::send_one) -> settle -> commit its batch
//!                                       ^------------- deferred -----------'  `-- sent or failed: gone
//! ```
//!
//! Pure but for [`Queue::load`]: the time is given, and what is to be kept is handed out to be committed, so that it can
//! be committed together with the result that it belongs to. At most `limits::MAIL_SENDERS` are under way at a time,
//! and `limits::MAIL_PER_DOMAIN` to one domain, so that no mail's trouble holds up the others.

use super::record;
use super::send::Attempt;
use crate::base::{Domain, Mailbox, TestId, Timestamp, limits};
use crate::journal::{Batch, Journal, JournalError, Space};
use crate::report::{Reply, ReplyState};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Pauses after the first attempts; the last one is repeated.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3600),
];

/// The pause after this many attempts.
fn pause(attempts: u32) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    PAUSES[index.min(PAUSES.len() - 1)]
}

/// A mail that waits, or is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The test that it answers; each has one mail at most.
    pub test: TestId,
    /// The recipient.
    pub to: Mailbox,
    /// The message, signed.
    pub message: Arc<[u8]>,
    /// When it was queued.
    pub queued: Timestamp,
    /// When it is due.
    pub next: Timestamp,
    /// The attempts made.
    pub attempts: u32,
    /// What came of the last attempt; empty before it.
    pub trouble: String,
}

impl Item {
    /// What to keep of it: a part of a [`Batch`].
    #[must_use]
    pub fn put(&self) -> (Space, String, Vec<u8>) {
        (Space::Queue, self.test.to_string(), record::encode(self))
    }
}

/// Why a mail is not queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueError {
    /// `limits::MAIL_QUEUE` mails wait already.
    Full,
    /// The test has a mail in the queue.
    Queued,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "{} mails are waiting already", limits::MAIL_QUEUE),
            Self::Queued => f.write_str("the test has a mail in the queue already"),
        }
    }
}

impl std::error::Error for QueueError {}

/// What became of a mail after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The test that it answers.
    pub test: TestId,
    /// What its result is to say from now on.
    pub reply: Reply,
    /// To be committed: the mail's new state, or its end.
    pub batch: Batch,
}

/// The mails that wait.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<TestId, Item>,
    under_way: BTreeMap<TestId, Domain>,
}

impl Queue {
    /// The mails that the journal keeps, and of those that cannot be read: which, and why. They stay where they are.
    /// Blocks for reads of the journal.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn load(journal: &Journal) -> Result<(Self, Vec<String>), JournalError> {
        let mut queue = Self::default();
        let mut faults = Vec::new();
        for key in journal.list(Space::Queue)? {
            let bytes = journal.get(Space::Queue, &key)?.unwrap_or_default();
            match record::decode(&key, &bytes) {
                Ok(item) => queue.insert(item),
                Err(why) => faults.push(format!("mail {key}: {why}")),
            }
        }
        Ok((queue, faults))
    }

    /// A mail that may be queued now. Commit its [`Item::put`], then [`Queue::insert`] it.
    ///
    /// # Errors
    /// When the queue is full, or the test has a mail in it.
    pub fn admit(
        &self,
        test: &TestId,
        to: &Mailbox,
        message: Vec<u8>,
        now: Timestamp,
    ) -> Result<Item, QueueError> {
        if self.waiting.contains_key(test) || self.under_way.contains_key(test) {
            return Err(QueueError::Queued);
        }
        if self.len() >= limits::MAIL_QUEUE {
            return Err(QueueError::Full);
        }
        Ok(Item {
            test: test.clone(),
            to: to.clone(),
            message: Arc::from(message),
            queued: now,
            next: now,
            attempts: 0,
            trouble: String::new(),
        })
    }

    /// Takes a mail whose record is committed.
    pub fn insert(&mut self, item: Item) {
        self.waiting.insert(item.test.clone(), item);
    }

    /// Mails that wait or are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When [`Queue::due`] may next have something to do; `None` while nothing waits, or as many as may be are under
    /// way, so that only [`Queue::settle`] can change that.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        if self.under_way.len() >= limits::MAIL_SENDERS {
            return None;
        }
        let busy = self.busy();
        (self.waiting.values())
            .filter(|item| has_room(&busy, &item.to.domain))
            .map(|item| item.next)
            .min()
    }

    /// The mails to be tried now, longest due first; they are under way until they are settled.
    pub fn due(&mut self, now: Timestamp) -> Vec<Item> {
        let mut ready: Vec<_> = (self.waiting.values())
            .filter(|item| item.next <= now)
            .map(|item| (item.next, item.test.clone(), item.to.domain.clone()))
            .collect();
        ready.sort();
        let mut busy = self.busy();
        let mut begun = Vec::new();
        for (_, test, domain) in ready {
            if self.under_way.len() >= limits::MAIL_SENDERS {
                break;
            }
            if !has_room(&busy, &domain) {
                continue;
            }
            if let Some(item) = self.waiting.remove(&test) {
                *busy.entry(domain.clone()).or_default() += 1;
                self.under_way.insert(test, domain);
                begun.push(item);
            }
        }
        begun
    }

    fn busy(&self) -> BTreeMap<Domain, usize> {
        let mut busy = BTreeMap::new();
        for domain in self.under_way.values() {
            *busy.entry(domain.clone()).or_default() += 1;
        }
        busy
    }

    /// Takes what came of an attempt. A mail that was forgotten meanwhile stays forgotten.
    pub fn settle(&mut self, item: Item, attempt: Attempt, now: Timestamp) -> Settled {
        let known = self.under_way.remove(&item.test).is_some();
        let test = item.test.clone();
        let (state, reason) = match attempt {
            Attempt::Sent(sent) => (ReplyState::Sent, sent.to_string()),
            Attempt::Failed(why) => (ReplyState::Failed, why),
            Attempt::Deferred(why) => {
                let attempts = item.attempts.saturating_add(1);
                let next = now + pause(attempts);
                if known && next <= item.queued + limits::MAIL_LIFETIME {
                    return self.again(item, attempts, next, why);
                }
                let why = format!("given up after {attempts} attempts: {why}");
                (ReplyState::Failed, why)
            }
        };
        let batch = Batch {
            removes: vec![(Space::Queue, test.to_string())],
            ..Batch::default()
        };
        let reply = Reply { state, reason };
        Settled { test, reply, batch }
    }

    fn again(&mut self, item: Item, attempts: u32, next: Timestamp, why: String) -> Settled {
        let item = Item {
            attempts,
            next,
            trouble: why,
            ..item
        };
        let settled = Settled {
            test: item.test.clone(),
            reply: Reply {
                state: ReplyState::Queued,
                reason: format!(
                    "attempt {attempts} failed, the next one is at {}: {}",
                    next.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    item.trouble
                ),
            },
            batch: Batch {
                puts: vec![item.put()],
                ..Batch::default()
            },
        };
        self.insert(item);
        settled
    }

    /// The tests whose mails wait for this recipient.
    pub fn to<'a>(&'a self, recipient: &'a Mailbox) -> impl Iterator<Item = &'a TestId> {
        let waiting = self.waiting.values();
        let of = waiting.filter(move |item| item.to == *recipient);
        of.map(|item| &item.test)
    }

    /// Drops a test's mail, whose record is removed as well; an attempt under way is not stopped, but never repeated.
    pub fn forget(&mut self, test: &TestId) {
        self.waiting.remove(test);
        self.under_way.remove(test);
    }
}

fn has_room(busy: &BTreeMap<Domain, usize>, domain: &Domain) -> bool {
    busy.get(domain)
        .is_none_or(|count| *count < limits::MAIL_PER_DOMAIN)
}
