//! The journal as a whole, on files of a temporary directory.

mod crash;
mod damage;
mod erased;
mod recorder;
mod weeks;

use super::sample::{connection, events, fetch, opened, order, query, test, time};
use super::*;
use redb::backends::FileBackend;
use redb::{Database, StorageBackend, TableDefinition};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.redb");
    Place {
        _folder: folder,
        path,
    }
}

fn open(path: &Path) -> (Journal, Opened) {
    Journal::open(path, time(1000)).unwrap()
}

fn replayed(journal: &Journal) -> Vec<Event> {
    let mut events = Vec::new();
    journal.replay(|event| events.push(event)).unwrap();
    events
}

#[tokio::test]
async fn events_come_back_in_order_after_a_restart() {
    let place = place();
    let (journal, new) = open(&place.path);
    assert_eq!(
        new,
        Opened {
            next_connection: 1,
            next_query: 1,
            next_fetch: 1,
            last_time: None,
            gap: None
        }
    );
    let mode = std::fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let some = [connection(41, 0, "a"), query(7, 1), fetch(3, 2), order(3)];
    for event in &some {
        journal.append(vec![event.clone()]).await.unwrap();
    }
    assert_eq!(replayed(&journal), some);
    drop(journal);

    let (journal, again) = open(&place.path);
    assert_eq!(replayed(&journal), some);
    let last = again.last_time.unwrap();
    assert_eq!(last.as_microsecond(), time(3).as_microsecond());
    assert_eq!(
        (again.next_connection, again.next_query, again.next_fetch),
        (42, 8, 4)
    );
    let gap = again.gap.unwrap();
    assert_eq!((gap.from, gap.until), (last, time(1000)));
}

#[tokio::test]
async fn later_facts_take_the_place_of_earlier_ones() {
    let place = place();
    let (journal, _) = open(&place.path);
    let both = vec![connection(1, 0, "first"), opened(1, 1)];
    journal.append(both).await.unwrap();
    let twice = vec![connection(2, 2, "x"), connection(2, 2, "y")];
    journal.append(twice).await.unwrap();
    journal
        .append(vec![connection(1, 0, "last")])
        .await
        .unwrap();
    assert_eq!(
        replayed(&journal),
        [
            connection(1, 0, "last"),
            opened(1, 1),
            connection(2, 2, "y")
        ]
    );
}

#[tokio::test]
async fn a_sign_of_life_shortens_the_gap() {
    let place = place();
    let (journal, _) = open(&place.path);
    let batch = Batch {
        events: vec![order(1)],
        alive: Some(time(500)),
        ..Batch::default()
    };
    journal.commit(batch).await.unwrap();
    drop(journal);
    let last = open(&place.path).1.last_time.unwrap();
    assert_eq!(last.as_microsecond(), time(500).as_microsecond());
    let (_, opened) = Journal::open(&place.path, time(0)).unwrap();
    assert_eq!(opened.gap, None, "a clock that went back makes no gap");
}

#[tokio::test]
async fn values_are_kept_listed_and_removed_with_events_in_one_commit() {
    let place = place();
    let (journal, _) = open(&place.path);
    let put = |key: &str| journal.put(Space::Queue, key, vec![1, 2]);
    let (b, a) = (put("b"), put("a"));
    a.await.unwrap();
    b.await.unwrap();
    journal.put(Space::State, "a", vec![3]).await.unwrap();
    assert_eq!(journal.list(Space::Queue).unwrap(), ["a", "b"]);
    let before = journal.commits();
    let batch = Batch {
        events: vec![opened(1, 1)],
        puts: vec![(Space::Results, test().to_string(), vec![9; 100_000])],
        removes: vec![
            (Space::Queue, "a".to_owned()),
            (Space::Queue, "missing".to_owned()),
        ],
        alive: None,
    };
    journal.commit(batch).await.unwrap();
    assert_eq!(journal.commits(), before + 1);
    journal.remove(Space::State, "a").await.unwrap();
    drop(journal);

    let (journal, _) = open(&place.path);
    assert_eq!(journal.list(Space::Queue).unwrap(), ["b"]);
    assert_eq!(
        journal.get(Space::Results, test().as_str()).unwrap(),
        Some(vec![9; 100_000])
    );
    assert_eq!(journal.get(Space::State, "a").unwrap(), None);
    assert_eq!(replayed(&journal), [opened(1, 1)]);
}

#[tokio::test]
async fn what_is_too_large_is_refused_alone() {
    let place = place();
    let (journal, _) = open(&place.path);
    let long = "k".repeat(256);
    for refused in [
        journal.put(Space::State, "", vec![]),
        journal.put(Space::State, &long, vec![]),
        journal.put(Space::State, "a", vec![0; limits::STORED + 1]),
    ] {
        assert!(matches!(refused.await, Err(JournalError::TooLarge(_))));
    }
    journal.put(Space::State, "a", vec![0]).await.unwrap();
}

#[tokio::test]
async fn waiting_writes_share_commits_and_keep_their_order() {
    let place = place();
    let (journal, _) = open(&place.path);
    let waiting: Vec<_> = (1..=5000)
        .map(|number| journal.append(vec![query(number, 0)]))
        .collect();
    for append in waiting {
        append.await.unwrap();
    }
    let commits = journal.commits();
    assert!((1..1000).contains(&commits), "{commits} commits");
    let expected: Vec<_> = (1..=5000).map(|number| query(number, 0)).collect();
    assert_eq!(replayed(&journal), expected);
}

#[tokio::test]
async fn accepted_work_is_done_even_if_nobody_waits() {
    let place = place();
    let (journal, _) = open(&place.path);
    drop(journal.append(vec![order(1)]));
    drop(journal);
    assert_eq!(replayed(&open(&place.path).0), [order(1)]);
}

#[tokio::test]
async fn a_copy_taken_while_writing_opens_with_all_that_was_committed() {
    let place = place();
    let (journal, _) = open(&place.path);
    for number in 1..=20 {
        journal.append(vec![query(number, 0)]).await.unwrap();
    }
    // What a power failure leaves behind: the file as it is, never closed.
    let crashed = place.path.with_extension("crashed");
    std::fs::copy(&place.path, &crashed).unwrap();
    journal.append(vec![query(21, 0)]).await.unwrap();
    let (after, opened) = open(&crashed);
    assert_eq!(replayed(&after).len(), 20);
    assert_eq!(opened.next_query, 21);

    let backup = place.path.with_extension("backup");
    journal.backup(&backup).unwrap();
    let mode = std::fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(
        journal.backup(&backup),
        Err(JournalError::Io { .. })
    ));
    let (copy, opened) = open(&backup);
    assert_eq!((replayed(&copy).len(), opened.next_query), (21, 22));
}

#[tokio::test]
async fn old_events_are_forgotten_and_numbers_are_not_given_twice() {
    let place = place();
    let (journal, _) = open(&place.path);
    let sweep = limits::SWEEP as u64;
    let old: Vec<_> = (1..=sweep + 10)
        .map(|number| query(number, -1))
        .chain([order(-3), order(-2)])
        .collect();
    journal.append(old).await.unwrap();
    let mixed = vec![
        connection(1, -1, "old"),
        connection(2, 0, "young"),
        fetch(9, -5),
        opened(1, -1),
    ];
    journal.append(mixed).await.unwrap();
    let forgotten = journal.expire(time(0)).await.unwrap();
    assert_eq!(forgotten, sweep + 10 + 1 + 3);
    assert_eq!(replayed(&journal), [order(-2), connection(2, 0, "young")]);
    assert_eq!(journal.expire(time(0)).await.unwrap(), 0);
    drop(journal);
    let (journal, opened) = open(&place.path);
    assert_eq!((opened.next_connection, opened.next_fetch), (3, 10));
    assert_eq!(opened.next_query, sweep + 11);
    // The number's place is forgotten too, so the facts stand where they come again.
    journal
        .append(vec![connection(1, 1, "again")])
        .await
        .unwrap();
    assert_eq!(replayed(&journal)[2], connection(1, 1, "again"));
}

#[test]
fn a_second_process_is_told_so() {
    let place = place();
    let _journal = open(&place.path);
    let error = Journal::open(&place.path, time(0)).map(|_| ()).unwrap_err();
    assert_eq!(error, JournalError::Locked(place.path.clone()));
    assert!(error.to_string().contains("journal.redb: another process"));
}

#[test]
fn a_later_schema_and_foreign_databases_are_refused_untouched() {
    for (table, schema, newer) in [("meta", 99, true), ("other", 1, false)] {
        let place = place();
        let database = Database::create(&place.path).unwrap();
        let write = database.begin_write().unwrap();
        let table: TableDefinition<&str, u64> = TableDefinition::new(table);
        write
            .open_table(table)
            .unwrap()
            .insert("schema", schema)
            .unwrap();
        write.commit().unwrap();
        drop(database);
        let before = std::fs::read(&place.path).unwrap();
        let error = Journal::open(&place.path, time(0)).map(|_| ()).unwrap_err();
        assert!(std::fs::read(&place.path).unwrap() == before, "untouched");
        match error {
            JournalError::Newer {
                found: 99,
                known: 2,
                ..
            } => assert!(newer),
            JournalError::Damaged { .. } => assert!(!newer),
            other => panic!("{other}"),
        }
    }
}

/// What an earlier version wrote: the tables of schema 1, whose rows have no seals.
#[tokio::test]
async fn a_journal_of_an_earlier_schema_is_brought_up_to_date() {
    let place = place();
    let database = Database::create(&place.path).unwrap();
    let write = database.begin_write().unwrap();
    let events: TableDefinition<u64, &[u8]> = TableDefinition::new("events");
    let connections: TableDefinition<u64, u64> = TableDefinition::new("connections");
    let meta: TableDefinition<&str, u64> = TableDefinition::new("meta");
    for (place, event) in (40..).zip(events_of_old()) {
        let record = record::encode(&event).unwrap();
        let mut table = write.open_table(events).unwrap();
        table.insert(place, record.as_slice()).unwrap();
        if let Event::Connection(facts) = event {
            let mut table = write.open_table(connections).unwrap();
            table.insert(facts.id.0, place).unwrap();
        }
    }
    for space in Space::ALL {
        let mut table = write.open_table(space.table()).unwrap();
        table.insert("key", [1, 2, 3].as_slice()).unwrap();
    }
    let mut table = write.open_table(meta).unwrap();
    table.insert("schema", 1).unwrap();
    table.insert("next-query", 77).unwrap();
    drop(table);
    write.commit().unwrap();
    drop(database);
    for _ in 0..2 {
        let (journal, opened) = open(&place.path);
        assert_eq!(opened.next_query, 77);
        assert_eq!(replayed(&journal), events_of_old());
        for space in Space::ALL {
            assert_eq!(journal.get(space, "key"), Ok(Some(vec![1, 2, 3])));
        }
        let again = vec![connection(1, 0, "later")];
        journal.append(again.clone()).await.unwrap();
        assert_eq!(replayed(&journal)[0], again[0]);
        let first = vec![events_of_old()[0].clone()];
        journal.append(first).await.unwrap();
    }
}

fn events_of_old() -> Vec<Event> {
    vec![connection(1, 0, "a"), query(2, 1), order(3)]
}

/// A disk that is full on demand.
#[derive(Debug)]
struct Disk(FileBackend, Arc<AtomicBool>);

impl Disk {
    fn room(&self) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.room()?;
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.room()?;
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.0.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

/// A journal on such a disk, and what fills it.
pub(crate) fn on_a_disk(path: &Path) -> (Journal, Opened, Arc<AtomicBool>) {
    drop(Journal::open(path, time(0)).unwrap());
    let full = Arc::new(AtomicBool::new(false));
    let (place, flag) = (path.to_owned(), Arc::clone(&full));
    let opener: store::Opener = Box::new(move || {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&place)?;
        let disk = Disk(FileBackend::new(file)?, Arc::clone(&flag));
        Ok(Box::new(disk))
    });
    let store = Store::open(path, opener).unwrap();
    let (journal, opened) = Journal::start(store, time(0)).unwrap();
    (journal, opened, full)
}

#[tokio::test]
async fn a_full_disk_fails_the_waiting_and_spares_those_after() {
    let place = place();
    let (journal, _, full) = on_a_disk(&place.path);
    journal.append(vec![query(1, 0)]).await.unwrap();

    full.store(true, Ordering::SeqCst);
    let waiting = [2, 3].map(|number| journal.append(vec![query(number, 0)]));
    for append in waiting {
        assert!(matches!(append.await, Err(JournalError::Io { .. })));
    }
    full.store(false, Ordering::SeqCst);
    journal.append(vec![query(4, 0)]).await.unwrap();
    assert_eq!(replayed(&journal), [query(1, 0), query(4, 0)]);
    drop(journal);
    assert_eq!(replayed(&open(&place.path).0).len(), 2);
}
