//! What is erased is gone for every reader at once, and from the file once it is opened again.

use super::super::Erasure;
use super::*;
use std::os::unix::fs::MetadataExt as _;

/// The file's octets.
fn holds(path: &Path, text: &str) -> bool {
    let octets = std::fs::read(path).unwrap();
    octets
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

fn says(name: &str) -> impl Fn(&Event) -> bool + Clone + Send + 'static {
    let name = name.to_owned();
    move |event| matches!(event, Event::Connection(facts) if facts.ehlo.as_ref() == Some(&name))
}

async fn erase(journal: &Journal, name: &str, key: &str) -> Result<u64, JournalError> {
    let erasure = Erasure {
        found: journal.find(says(name)).unwrap(),
        holds: Box::new(says(name)),
        removes: vec![(Space::Results, key.to_owned())],
    };
    journal.erase(erasure).await
}

/// A journal with two persons in it.
async fn with_two(path: &Path) -> Journal {
    let (journal, _) = open(path);
    for number in 0..200 {
        let name = ["jim.example", "eve.example"][number as usize % 2];
        journal
            .append(vec![connection(number, 0, name), query(number, 1)])
            .await
            .unwrap();
    }
    for name in ["jim", "eve"] {
        let value = format!("{name}'s result").repeat(1000).into_bytes();
        journal.put(Space::Results, name, value).await.unwrap();
    }
    journal
}

#[tokio::test]
async fn the_erased_are_gone_at_once_and_from_the_file_after_the_next_start() {
    let place = place();
    let journal = with_two(&place.path).await;
    assert_eq!(erase(&journal, "jim.example", "jim").await, Ok(100));
    let left = replayed(&journal);
    assert_eq!(left.len(), 300);
    assert!(!left.iter().any(says("jim.example")));
    assert_eq!(journal.list(Space::Results).unwrap(), ["eve"]);
    drop(journal);
    assert!(holds(&place.path, "jim.example") && holds(&place.path, "jim's result"));

    let inode = |path: &Path| std::fs::metadata(path).unwrap().ino();
    let before = inode(&place.path);
    let (journal, opened) = open(&place.path);
    assert_eq!(replayed(&journal), left);
    assert_eq!((opened.next_connection, opened.next_query), (200, 200));
    let after = inode(&place.path);
    assert_ne!(after, before, "another file");
    let mode = std::fs::metadata(&place.path).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (text, is_there) in [
        ("jim.example", false),
        ("jim's result", false),
        ("eve.example", true),
        ("eve's result", true),
    ] {
        assert_eq!(holds(&place.path, text), is_there, "{text}");
    }
    // It is under the lock, written, and nothing is left to do.
    assert!(matches!(
        Journal::open(&place.path, time(0)),
        Err(JournalError::Locked(_))
    ));
    journal.append(vec![order(1)]).await.unwrap();
    drop(journal);
    assert_eq!(replayed(&open(&place.path).0).len(), 301);
    assert_eq!(inode(&place.path), after);
    let folder = std::fs::read_dir(place.path.parent().unwrap()).unwrap();
    assert_eq!(folder.count(), 1);
}

#[tokio::test]
async fn what_came_while_it_was_looked_for_is_erased_and_what_came_later_stays() {
    let place = place();
    let (journal, _) = open(&place.path);
    let jim = |number| connection(number, 0, "jim.example");
    let old = vec![connection(1, 0, "eve.example"), jim(2), jim(3)];
    journal.append(old).await.unwrap();
    let found = journal.find(says("jim.example")).unwrap();
    assert_eq!(found.len(), 2);
    // One that was found became another's, one is gone and its place is taken, one is new.
    journal.expire(time(0)).await.unwrap();
    drop(journal.append(vec![connection(2, 0, "eve.example"), jim(4)]));
    let erasure = Erasure {
        found,
        holds: Box::new(says("jim.example")),
        removes: Vec::new(),
    };
    let erased = journal.erase(erasure);
    drop(journal.append(vec![jim(5)]));
    assert_eq!(erased.await, Ok(2));
    assert_eq!(
        replayed(&journal),
        [
            connection(1, 0, "eve.example"),
            connection(2, 0, "eve.example"),
            jim(5)
        ]
    );
}

#[tokio::test]
async fn a_link_to_the_file_stays_one() {
    let (link, elsewhere) = (place(), place());
    std::os::unix::fs::symlink(&elsewhere.path, &link.path).unwrap();
    let nowhere = Journal::open(&link.path, time(0)).map(|_| ());
    assert!(
        matches!(nowhere, Err(JournalError::Io { .. })),
        "{nowhere:?}"
    );
    let journal = with_two(&elsewhere.path).await;
    erase(&journal, "jim.example", "jim").await.unwrap();
    drop(journal);
    assert_eq!(replayed(&open(&link.path).0).len(), 300);
    assert!(link.path.is_symlink());
    assert!(!holds(&elsewhere.path, "jim.example"));
}

#[tokio::test]
async fn a_file_that_cannot_be_replaced_stays_and_is_replaced_later() {
    let place = place();
    let journal = with_two(&place.path).await;
    erase(&journal, "jim.example", "jim").await.unwrap();
    drop(journal);
    let scratch = place.path.with_file_name(".journal.redb.new");
    std::fs::create_dir(&scratch).unwrap();
    std::fs::write(scratch.join("in the way"), "").unwrap();
    let (journal, _) = open(&place.path);
    assert_eq!(replayed(&journal).len(), 300);
    journal.append(vec![order(1)]).await.unwrap();
    drop(journal);
    assert!(holds(&place.path, "jim.example"));

    std::fs::remove_dir_all(&scratch).unwrap();
    // What a crash may leave behind, of a person that was erased since.
    std::fs::write(&scratch, "jim.example").unwrap();
    let (journal, _) = open(&place.path);
    assert_eq!(replayed(&journal).len(), 301);
    assert!(!holds(&place.path, "jim.example"));
    assert!(!scratch.exists());
    drop(journal);
    std::fs::write(&scratch, "jim.example").unwrap();
    drop(open(&place.path));
    assert!(!scratch.exists());
}

#[tokio::test]
async fn what_a_full_disk_refuses_to_erase_is_all_there() {
    let place = place();
    drop(with_two(&place.path).await);
    let (journal, _, full) = on_a_disk(&place.path);
    full.store(true, Ordering::SeqCst);
    let refused = erase(&journal, "jim.example", "jim").await;
    assert!(matches!(refused, Err(JournalError::Io { .. })));
    assert_eq!(replayed(&journal).len(), 400);
    assert_eq!(journal.list(Space::Results).unwrap().len(), 2);
    assert_eq!(journal.trouble(), refused.err());
    full.store(false, Ordering::SeqCst);
    assert_eq!(erase(&journal, "jim.example", "jim").await, Ok(100));
    assert_eq!(journal.trouble(), None);
}
