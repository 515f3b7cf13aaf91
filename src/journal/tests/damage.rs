//! Damage: whatever happened to the file, the journal says so and leaves it as it is, or reads all as it was written.

use super::recorder::{Content, Dice, Recorder, content};
use super::*;

const PAGE: usize = 4096;

/// A storage full of everything.
struct Full {
    disk: Recorder,
    journal: Journal,
    /// As it was earlier.
    early: Vec<u8>,
    content: Content,
}

async fn full() -> Full {
    let disk = Recorder::new();
    let journal = disk.open();
    let mut early = Vec::new();
    for number in 0..60 {
        let batch = Batch {
            events: match number % 10 {
                0 => events(),
                _ => vec![query(number.into(), 1)],
            },
            puts: vec![
                (Space::Results, number.to_string(), vec![number; 9000]),
                (Space::Queue, number.to_string(), vec![number; 300]),
            ],
            ..Batch::default()
        };
        journal.commit(batch).await.unwrap();
        if number == 40 {
            early = disk.image();
        }
    }
    let content = content(&journal);
    Full {
        disk,
        journal,
        early,
        content,
    }
}

/// Opens the damaged storage: `true` when it says that it is damaged and has touched nothing.
fn is_told(damaged: Vec<u8>, expected: &Content, how: &str) -> bool {
    let disk = Recorder::of(damaged);
    match disk.try_open() {
        Ok(journal) => {
            assert!(content(&journal) == *expected, "{how}: other content");
            false
        }
        Err(JournalError::Damaged { .. }) => {
            assert_eq!(disk.steps(), 0, "{how}: written over");
            true
        }
        Err(other) => panic!("{how}: {other}"),
    }
}

#[tokio::test]
async fn no_damage_is_taken_for_content() {
    let full = full().await;
    let crashed = full.disk.image();
    drop(full.journal);
    let (mut told, mut harmless) = (0, 0);
    for (image, state) in [(full.disk.image(), "closed"), (crashed, "crashed")] {
        let mut damage = |how: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let mut damaged = image.clone();
            change(&mut damaged);
            match is_told(damaged, &full.content, &format!("{state}: {how}")) {
                true => told += 1,
                false => harmless += 1,
            }
        };
        let mut dice = Dice(7);
        // The header: what nothing checks but us, then the two states, which have checksums.
        let states = (64..320).map(|octet| octet * 8 + dice.below(8));
        for bit in (0..64 * 8).chain(states.collect::<Vec<_>>()) {
            damage(&format!("bit {bit}"), &|file| {
                file[bit / 8] ^= 1 << (bit % 8)
            });
        }
        let pages = image.len() / PAGE;
        for page in 0..pages {
            let (at, other) = (page * PAGE, dice.below(pages) * PAGE);
            let (place, bit) = (at + dice.below(PAGE), dice.below(8));
            damage(&format!("page {page} is zero"), &|file| {
                file[at..at + PAGE].fill(0);
            });
            damage(&format!("bit {bit} of octet {place}"), &|file| {
                file[place] ^= 1 << bit;
            });
            match page % 3 {
                0 => damage(&format!("page {page} is another one"), &|file| {
                    file.copy_within(other..other + PAGE, at);
                }),
                1 => damage(&format!("page {page} is an old one"), &|file| {
                    if let Some(old) = full.early.get(at..at + PAGE) {
                        file[at..at + PAGE].copy_from_slice(old);
                    }
                }),
                _ => damage(&format!("cut at octet {place}"), &|file| {
                    file.truncate(place)
                }),
            }
            damage(&format!("cut at page {page}"), &|file| file.truncate(at));
        }
        damage("nothing", &|_| {});
        damage("longer", &|file| file.extend([0; PAGE]));
    }
    assert!(told > 1000 && harmless > 100, "{told} {harmless}");
}

#[tokio::test]
async fn damage_is_said_with_the_file_and_what_to_do() {
    let place = place();
    let (journal, _) = open(&place.path);
    journal.append(events()).await.unwrap();
    drop(journal);
    let good = std::fs::read(&place.path).unwrap();
    let text = "Ügent/1.0".as_bytes();
    let at = good.windows(text.len()).position(|part| part == text);
    let mut flipped = good.clone();
    flipped[at.unwrap()] ^= 1;
    let garbage = b"This is no database, but a text that somebody wrote.".to_vec();
    for bytes in [
        flipped,
        good[..good.len() / 2].to_vec(),
        garbage,
        Vec::new(),
    ] {
        std::fs::write(&place.path, &bytes).unwrap();
        let error = Journal::open(&place.path, time(0)).map(|_| ()).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        let error = error.to_string();
        assert!(
            error.starts_with(&place.path.display().to_string()),
            "{error}"
        );
        assert!(error.contains("restore a backup"), "{error}");
        assert!(std::fs::read(&place.path).unwrap() == bytes, "untouched");
    }
    std::fs::write(&place.path, &good).unwrap();
    assert_eq!(replayed(&open(&place.path).0).len(), 15);
}

#[tokio::test]
async fn damage_found_while_it_is_open_ends_writing_and_no_reading() {
    let full = full().await;
    // Nothing is in memory that was read before.
    drop(full.journal);
    let journal = full.disk.open();
    assert_eq!(journal.trouble(), None);
    let part = [33; 500];
    full.disk.tamper(|file| {
        let at = file.windows(part.len()).position(|place| place == part);
        file[at.unwrap() + 100] ^= 8;
    });
    let damaged = journal.get(Space::Results, "33");
    assert!(
        matches!(damaged, Err(JournalError::Damaged { .. })),
        "{damaged:?}"
    );
    assert_eq!(journal.trouble(), damaged.clone().err());
    for number in (0..60_u8).filter(|number| *number != 33) {
        let value = journal.get(Space::Results, &number.to_string());
        assert_eq!(value, Ok(Some(vec![number; 9000])));
    }
    assert_eq!(replayed(&journal), full.content.0);
    let steps = full.disk.steps();
    assert_eq!(journal.append(vec![order(1)]).await, damaged.map(|_| ()));
    assert_eq!(full.disk.steps(), steps, "damage is not written on");
}

#[tokio::test]
async fn no_damage_while_it_is_open_is_taken_for_content() {
    let full = full().await;
    drop(full.journal);
    let image = full.disk.image();
    let (mut dice, mut told) = (Dice(9), 0);
    for _ in 0..300 {
        let disk = Recorder::of(image.clone());
        let journal = disk.open();
        disk.tamper(|file| {
            for _ in 0..40 {
                let place = PAGE + dice.below(file.len() - PAGE);
                file[place] ^= 1 << dice.below(8);
            }
        });
        let mut events = Vec::new();
        match journal.replay(|event| events.push(event)) {
            Ok(()) => assert!(events == full.content.0),
            Err(error) => {
                assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
                assert!(full.content.0.starts_with(&events));
                told += 1;
            }
        }
        for (space, key, expected) in &full.content.1 {
            match journal.get(*space, key) {
                Ok(value) => assert!(value.is_none_or(|value| value == *expected)),
                Err(error) => assert!(matches!(error, JournalError::Damaged { .. }), "{error}"),
            }
        }
        let _ = journal.append(vec![order(1)]).await;
        drop(journal);
    }
    assert!(told > 50, "{told}");
}
