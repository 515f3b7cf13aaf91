//! Erasing a test, or all of a person: looked for at the desk, among the results and mails, and in the journal; then gone
//! from all of them at once.

use super::live::Live;
use super::outcome::Outcomes;
use super::results;
use crate::desk::{Doomed, Whom};
use crate::journal::{Found, Journal, Space};
use crate::mail::queue::Queue;
use serde::Serialize;
use std::sync::Arc;

/// How often it is looked for again when more has come meanwhile.
const TRIES: usize = 5;

/// How much was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Erased {
    pub tests: u64,
    pub results: u64,
    pub mails: u64,
    pub records: u64,
}

/// What was looked for, and where it is.
struct Sought {
    doomed: Arc<Doomed>,
    found: Found,
    results: Vec<String>,
    mails: Vec<String>,
}

impl Sought {
    /// Looks through results, mails and journal, which blocks.
    fn look(journal: &Journal, mut doomed: Doomed, whom: &Whom) -> Result<Self, String> {
        match whom {
            // A damaged one is found by its name.
            Whom::Test(id) => {
                let result = results::find(journal, id).ok().flatten();
                result
                    .iter()
                    .for_each(|report| doomed.take_in(&report.test));
            }
            Whom::Person(person) => {
                results::each(journal, |report| doomed.take_in(&report.test))?;
                let (queue, _) = Queue::load(journal).map_err(|error| error.to_string())?;
                queue.to(person).for_each(|test| doomed.add(test.clone()));
            }
        }
        let told = |error: crate::journal::JournalError| error.to_string();
        journal.replay(|event| doomed.learn(&event)).map_err(told)?;
        let found = journal.find(|event| doomed.holds(event)).map_err(told)?;
        let stored = |space| {
            let mut keys = journal.list(space).map_err(told)?;
            keys.retain(|key| key.parse().is_ok_and(|id| doomed.tests().contains(&id)));
            Ok::<_, String>(keys)
        };
        let (results, mails) = (stored(Space::Results)?, stored(Space::Queue)?);
        let doomed = Arc::new(doomed);
        Ok(Self {
            doomed,
            found,
            results,
            mails,
        })
    }

    fn is_empty(&self) -> bool {
        self.found.is_empty() && self.results.is_empty() && self.mails.is_empty()
    }

    /// All values that may be there; those that are not are no harm.
    fn removes(&self) -> Vec<(Space, String)> {
        let of = |space| {
            let tests = self.doomed.tests().iter();
            tests.map(move |test| (space, test.to_string()))
        };
        of(Space::Results).chain(of(Space::Queue)).collect()
    }
}

/// Erases; what is being made or sent of it at this moment comes to nothing.
///
/// # Errors
/// When nothing is known of whom is named, or the journal cannot be read or written.
pub async fn erase(
    live: &Arc<Live>,
    outcomes: Option<&Outcomes>,
    whom: Whom,
) -> Result<Erased, String> {
    let _alone = live.results.write().await;
    live.save().await;
    if live.waiting() > 0 {
        let why = live
            .trouble()
            .map_or_else(String::new, |why| why.to_string());
        return Err(format!(
            "nothing is erased, for nothing can be written: {why}"
        ));
    }
    for _ in 0..TRIES {
        let mut doomed = Doomed::new(whom.clone());
        live.desk().doom(&mut doomed);
        let (journal, seeking) = (live.journal().clone(), whom.clone());
        let look = move || Sought::look(&journal, doomed, &seeking);
        let sought = tokio::task::spawn_blocking(look).await;
        let sought = sought.map_err(|error| error.to_string())??;
        let doomed = &sought.doomed;
        let mut tests = live.desk().tests_of(doomed);
        if sought.is_empty() && tests.is_empty() {
            return Err(match whom {
                Whom::Test(id) => format!("there is no test {id}"),
                Whom::Person(person) => format!("nothing is known of {person}"),
            });
        }
        let removes = sought.removes();
        let Some(erased) = live.erase(doomed, sought.found.clone(), removes).await else {
            continue;
        };
        if let Some(outcomes) = outcomes {
            outcomes.forget(doomed.tests());
        }
        let records = erased.map_err(|error| {
            format!("it is gone from memory, but not from the file, and would be back after a restart; do it again: {error}")
        })?;
        tests.extend(sought.results.iter().filter_map(|id| id.parse().ok()));
        return Ok(Erased {
            tests: tests.len() as u64,
            results: sought.results.len() as u64,
            mails: sought.mails.len() as u64,
            records,
        });
    }
    Err("mail of theirs comes in right now; nothing was erased, try again".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::live::tests::live;
    use super::*;
    use crate::base::ports::Unavailable;
    use crate::base::{Connection, ConnectionId, Event, Server, Timestamp};
    use std::sync::atomic::Ordering;

    /// Mail of this sender opens a test.
    async fn mail(live: &Live, number: u64, sender: &str) -> Result<(), Unavailable> {
        let (client, address) = ("198.51.100.7", "192.0.2.25");
        let (client, address) = (client.parse().unwrap(), address.parse().unwrap());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut record = Connection::new(ConnectionId(number), client, address, now);
        record.server = Some(Server::One);
        record.from = Some(sender.parse().ok());
        record.to = vec!["en@et.example.org".parse().unwrap()];
        let fresh = live.fresh();
        live.step(|desk| ((), desk.transacted(&record, fresh, now).events))
            .await
    }

    fn noted(live: &Live, sender: &str) -> usize {
        let mut noted = 0;
        let each = |event| {
            let is_theirs = |record: &Connection| {
                let from = record.from.as_ref().and_then(Option::as_ref);
                from.is_some_and(|from| from.to_string() == sender)
            };
            noted += usize::from(matches!(event, Event::Connection(record) if is_theirs(&record)));
        };
        live.journal().replay(each).unwrap();
        noted
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_it_is_erased_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let (live, full, clock) = live(folder.path());
        let (jim, eve) = ("jim@sender.example", "eve@other.example");
        mail(&live, 1, jim).await.unwrap();
        mail(&live, 2, eve).await.unwrap();
        let tests = live.desk().tests();
        let of_jim = tests.iter().find(|test| test.sender.to_string() == jim);
        let id = of_jim.unwrap().id.clone();
        full.store(true, Ordering::SeqCst);
        let told = erase(&live, None, Whom::Test(id.clone())).await;
        assert!(told.unwrap_err().contains("do it again"));
        assert_eq!((live.desk().tests().len(), noted(&live, jim)), (1, 1));
        // Something waits to be written now, which nothing may overtake.
        mail(&live, 3, eve).await.unwrap_err();
        let told = erase(&live, None, Whom::Person(eve.parse().unwrap())).await;
        assert!(told.unwrap_err().starts_with("nothing is erased"));
        assert_eq!(live.desk().tests().len(), 1);

        full.store(false, Ordering::SeqCst);
        clock.0.fetch_add(1, Ordering::Relaxed);
        let erased = erase(&live, None, Whom::Test(id.clone())).await.unwrap();
        assert_eq!((erased.records, noted(&live, jim)), (2, 0));
        assert_eq!(noted(&live, eve), 2, "what waited came first");
        let again = erase(&live, None, Whom::Test(id)).await;
        assert!(again.unwrap_err().starts_with("there is no test"));
        let erased = erase(&live, None, Whom::Person(eve.parse().unwrap())).await;
        assert_eq!(erased.unwrap().tests, 1);
        assert_eq!(noted(&live, eve), 0);
    }

    #[tokio::test]
    async fn mail_goes_on_while_persons_are_erased() {
        let folder = tempfile::tempdir().unwrap();
        let (live, ..) = live(folder.path());
        let name = |number: u64| format!("jim{number}@sender.example");
        let mails = async {
            for number in 0..200 {
                mail(&live, number, &name(number)).await.unwrap();
            }
        };
        let erasures = async {
            let mut erased = 0;
            while erased < 100 {
                let whom = Whom::Person(name(erased).parse().unwrap());
                match erase(&live, None, whom).await {
                    Ok(_) => erased += 1,
                    // He has not come yet.
                    Err(why) => assert!(why.starts_with("nothing is known"), "{why}"),
                }
            }
        };
        tokio::join!(mails, erasures);
        for number in 0..200 {
            let left = usize::from(number >= 100);
            assert_eq!(noted(&live, &name(number)), left, "{number}");
        }
        assert_eq!(live.desk().tests().len(), 100);
    }
}
