//! The one thread that writes. Work that waits is done in one commit, and all of it succeeds or fails together.

use super::Space;
use super::error::JournalError;
use super::record::Record;
use super::rows;
use super::store::Store;
use super::sweep::{self, Erasure};
use crate::base::{Timestamp, limits};
use redb::WriteTransaction;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// Something to write.
pub(super) enum Work {
    /// Changes, checked and encoded.
    Commit {
        records: Vec<Record>,
        puts: Vec<(Space, String, Vec<u8>)>,
        removes: Vec<(Space, String)>,
        time: Option<Timestamp>,
    },
    /// Events at these places to forget, if they are before this time.
    Expire(Vec<u64>, Timestamp),
    /// What is to be gone for good.
    Erase(Erasure),
}

impl Work {
    /// Does it within a transaction; says how many events were forgotten.
    fn apply(&self, to: &WriteTransaction) -> Result<u64, redb::Error> {
        match self {
            Self::Commit {
                records,
                puts,
                removes,
                time,
            } => {
                if !records.is_empty() {
                    rows::insert(to, records)?;
                }
                for value in puts {
                    rows::put(to, value)?;
                }
                for (space, key) in removes {
                    to.open_table(space.table())?.remove(key.as_str())?;
                }
                if let Some(time) = time {
                    rows::mark(to, *time)?;
                }
                Ok(0)
            }
            Self::Expire(places, before) => sweep::expire(to, places, *before),
            Self::Erase(erasure) => sweep::erase(to, erasure),
        }
    }
}

/// What became of work.
type Outcome = Result<u64, JournalError>;

/// Work and whom to tell.
struct Job(Work, oneshot::Sender<Outcome>);

/// The handle of the writing thread; dropping it waits until all accepted work is done.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    state: Arc<State>,
}

/// What the thread tells.
#[derive(Default)]
struct State {
    commits: AtomicU64,
    /// Why the last commit failed, if it did.
    trouble: Mutex<Option<JournalError>>,
}

impl State {
    fn done(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        if self.note(None).is_some() {
            tracing::info!("the journal is written again");
        }
    }

    /// Says it once, however often it is tried.
    fn failed(&self, error: &JournalError) {
        if self.note(Some(error.clone())).as_ref() != Some(error) {
            tracing::error!("nothing can be written: {error}");
        }
    }

    fn note(&self, trouble: Option<JournalError>) -> Option<JournalError> {
        let known = self.trouble.lock();
        std::mem::replace(&mut *known.unwrap_or_else(PoisonError::into_inner), trouble)
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(limits::EVENT_QUEUE);
        let state = Arc::new(State::default());
        let told = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || run(&store, jobs, &told))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            state,
        })
    }

    /// Accepts work without waiting; the future is ready when it is committed or has failed.
    pub(super) fn submit(
        &self,
        work: Work,
    ) -> Result<impl Future<Output = Outcome> + Send + use<>, JournalError> {
        let (tell, told) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(JournalError::Stopped)?;
        queue
            .try_send(Job(work, tell))
            .map_err(|error| match error {
                TrySendError::Full(_) => {
                    self.state.failed(&JournalError::Full);
                    JournalError::Full
                }
                TrySendError::Closed(_) => JournalError::Stopped,
            })?;
        Ok(async move { told.await.unwrap_or(Err(JournalError::Stopped)) })
    }

    /// The commits so far.
    pub(super) fn commits(&self) -> u64 {
        self.state.commits.load(Ordering::Relaxed)
    }

    /// Why the last commit failed, if it did.
    pub(super) fn trouble(&self) -> Option<JournalError> {
        let trouble = self.state.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Writes until the queue is closed and empty.
fn run(store: &Store, mut jobs: mpsc::Receiver<Job>, state: &State) {
    let mut group = Vec::new();
    while let Some(first) = jobs.blocking_recv() {
        group.push(first);
        let begun = Instant::now();
        while group.len() < limits::GROUP_COMMIT
            && let Ok(next) = jobs.try_recv()
        {
            group.push(next);
        }
        let outcome = store.write(|to| {
            group
                .iter()
                .map(|Job(work, _)| work.apply(to))
                .collect::<Result<Vec<_>, _>>()
        });
        match outcome {
            Ok(counts) => {
                state.done();
                for (Job(_, tell), count) in group.drain(..).zip(counts) {
                    drop(tell.send(Ok(count)));
                }
            }
            Err(error) => {
                state.failed(&error);
                for Job(_, tell) in group.drain(..) {
                    drop(tell.send(Err(error.clone())));
                }
            }
        }
        // A lone write never waits; under load those that come meanwhile share the next commit, for most of what a commit
        // costs does not depend on how much is in it.
        std::thread::sleep(limits::COMMIT_PAUSE.saturating_sub(begun.elapsed()));
    }
}
