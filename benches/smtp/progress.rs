//! What is under way, on the terminal if there is one.

use super::measure::say;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How far a piece of work is; cheap to clone.
#[derive(Clone)]
pub struct Progress {
    what: Arc<str>,
    done: Arc<AtomicUsize>,
    shown: bool,
}

impl Progress {
    /// Work with this name.
    pub fn of(what: &str) -> Self {
        let shown = stderr().is_terminal();
        if !shown {
            say(what);
        }
        Self {
            what: what.into(),
            done: Arc::default(),
            shown,
        }
    }

    /// Work that nobody waits for.
    pub fn silent() -> Self {
        Self {
            what: "".into(),
            done: Arc::default(),
            shown: false,
        }
    }

    /// One of so many steps is done.
    pub fn step(&self, of: usize) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.shown && (done == of || done.is_multiple_of(of.div_ceil(50))) {
            // A terminal that cannot be written to shows nothing, which stops nothing.
            let _ = write!(stderr(), "\r\x1b[K{}: {done} of {of}", self.what);
        }
    }

    /// The work is over.
    pub fn end(&self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
