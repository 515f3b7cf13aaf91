//! What the server said, as those have it who heard it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// A reply that depends on facts in the journal.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The name in EHLO, in capitals and small letters as in no other connection.
    pub ehlo: String,
    /// The envelope sender.
    pub from: String,
    /// The Message-ID, where a message was sent; no other has it.
    pub message: Option<String>,
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// `250`, with the test.
    Accepted(String),
    /// `451 4.7.x`.
    Later,
    /// `550 5.6.0` to a bare line feed.
    Refused,
}

/// The account of all senders.
#[derive(Default)]
pub struct Account {
    pages: Mutex<Pages>,
    deaths: AtomicUsize,
}

#[derive(Default)]
struct Pages {
    claims: Vec<Claim>,
    sessions: usize,
    /// Sessions that met no server.
    unmet: usize,
    replies: BTreeMap<String, usize>,
    /// The longest wait for a reply, by what it was to.
    waits: BTreeMap<String, Duration>,
    aborts: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Account {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    /// The server is about to be killed.
    pub fn dies(&self) {
        self.deaths.fetch_add(1, Ordering::SeqCst);
    }

    /// How often the server was killed.
    pub fn deaths(&self) -> usize {
        self.deaths.load(Ordering::SeqCst)
    }

    pub fn session(&self) {
        self.pages().sessions += 1;
    }

    pub fn unmet(&self) {
        self.pages().unmet += 1;
    }

    /// A reply was read after so long; its codes are counted.
    pub fn heard(&self, reply: &str, to: &str, wait: Duration) {
        let enhanced = reply.split(' ').nth(1).filter(|word| {
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            word.split('.').count() == 3 && word.split('.').all(digits)
        });
        let code = reply.get(..3).unwrap_or_default();
        let codes = format!("{code} {}", enhanced.unwrap_or_default());
        let mut pages = self.pages();
        let codes = codes.trim_end().to_owned();
        *pages.replies.entry(codes).or_default() += 1;
        let longest = pages.waits.entry(to.to_owned()).or_default();
        *longest = wait.max(*longest);
    }

    pub fn claim(&self, claim: Claim) {
        self.pages().claims.push(claim);
    }

    pub fn aborted(&self, place: &str) {
        *self.pages().aborts.entry(place.to_owned()).or_default() += 1;
    }

    pub fn fault(&self, fault: String) {
        self.pages().faults.push(fault);
    }

    pub fn claims(&self) -> usize {
        self.pages().claims.len()
    }

    pub fn accepted(&self) -> usize {
        let accepted = |claim: &&Claim| matches!(claim.said, Said::Accepted(_));
        self.pages().claims.iter().filter(accepted).count()
    }

    pub fn all(&self) -> Vec<Claim> {
        self.pages().claims.clone()
    }

    /// Stops the test where a server said what it should not.
    pub fn check(&self) {
        // Let go of first, so that nobody else fails for this.
        let faults = self.pages().faults.clone();
        assert!(faults.is_empty(), "{:#?}", &faults[..faults.len().min(10)]);
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages();
        let list = |counts: &BTreeMap<String, usize>| {
            let entry = |(name, count): (&String, &usize)| format!("{name}: {count}");
            counts.iter().map(entry).collect::<Vec<_>>().join(", ")
        };
        let count = |wanted: fn(&Said) -> bool| {
            pages
                .claims
                .iter()
                .filter(|claim| wanted(&claim.said))
                .count()
        };
        writeln!(
            f,
            "soak: {} sessions, {} without a server",
            pages.sessions, pages.unmet
        )?;
        writeln!(
            f,
            "soak: proven: {} times 250, {} times 451 4.7.x, {} times 550 5.6.0",
            count(|said| matches!(said, Said::Accepted(_))),
            count(|said| *said == Said::Later),
            count(|said| *said == Said::Refused)
        )?;
        writeln!(f, "soak: replies: {}", list(&pages.replies))?;
        let wait = |(to, wait): (&String, &Duration)| format!("{to}: {} ms", wait.as_millis());
        let waits: Vec<_> = pages.waits.iter().map(wait).collect();
        writeln!(f, "soak: longest waits for a reply: {}", waits.join(", "))?;
        write!(f, "soak: broken off: {}", list(&pages.aborts))
    }
}
