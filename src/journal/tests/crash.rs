//! Power failures: whatever part of what was not yet synced has reached the disk, the journal opens and holds a prefix
//! of its commits, in which none that was acknowledged is missing.

use super::super::Erasure;
use super::recorder::{Content, Dice, Done, Recorder, apply, content};
use super::*;
use std::collections::BTreeMap;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Commits of every kind, closed and opened now and then, large enough that the file grows.
async fn commit(journal: &Journal, number: u64) {
    let second = i64::try_from(number).unwrap();
    match number % 7 {
        3 => {
            let key = (number - 1).to_string();
            journal.remove(Space::Results, &key).await.unwrap();
        }
        5 => drop(journal.expire(time(second - 9)).await.unwrap()),
        6 => {
            let holds = |event: &Event| matches!(event, Event::Query(query) if query.id.0.is_multiple_of(3));
            let erasure = Erasure {
                found: journal.find(holds).unwrap(),
                holds: Box::new(holds),
                removes: vec![(Space::Queue, (number - 2).to_string())],
            };
            journal.erase(erasure).await.unwrap();
        }
        rest => {
            let size = if rest == 2 { 60_000 } else { 100 };
            let batch = Batch {
                events: vec![
                    connection(number / 2 + 1, second, &"x".repeat(200)),
                    query(number, second),
                    order(second),
                ],
                puts: vec![
                    (Space::Results, number.to_string(), vec![1; size]),
                    (Space::Queue, number.to_string(), vec![2; 10]),
                ],
                ..Batch::default()
            };
            journal.commit(batch).await.unwrap();
        }
    }
}

/// What has not been synced: every version that a sector has had since, and every length.
#[derive(Default)]
struct Unsynced {
    sectors: BTreeMap<usize, Vec<Vec<u8>>>,
    lengths: Vec<usize>,
}

impl Unsynced {
    /// Notes what came of a step.
    fn note(&mut self, done: &Done, before: usize, image: &[u8]) {
        let (from, until) = match done {
            Done::Write(offset, data) => {
                let offset = usize::try_from(*offset).unwrap();
                (offset, offset + data.len())
            }
            Done::Length(_) => {
                self.lengths.push(image.len());
                (before.min(image.len()), image.len())
            }
            Done::Sync => return *self = Self::default(),
        };
        for sector in from / SECTOR..until.div_ceil(SECTOR) {
            let version = image[sector * SECTOR..image.len().min((sector + 1) * SECTOR)].to_vec();
            self.sectors.entry(sector).or_default().push(version);
        }
    }

    /// A disk after a power failure: of each sector any version, of the lengths any one.
    fn failed(&self, synced: &[u8], dice: &mut Dice) -> Vec<u8> {
        let mut image = synced.to_vec();
        if let Some(length) = self.lengths.get(dice.below(self.lengths.len() + 1)) {
            image.resize(*length, 0);
        }
        for (sector, versions) in &self.sectors {
            let place = sector * SECTOR..(sector + 1) * SECTOR;
            if let Some(version) = versions.get(dice.below(versions.len() + 1))
                && let Some(place) = image.get_mut(place)
            {
                place.copy_from_slice(version);
            }
        }
        image
    }
}

/// How often the power fails at each step of the storage.
const FAILURES: usize = 3;

#[tokio::test]
async fn it_opens_after_a_power_failure_at_any_moment() {
    // The file comes into being whole, under another name.
    let disk = Recorder::new();
    let mut image = disk.image();
    let mut states = vec![Content(Vec::new(), Vec::new())];
    // How many steps the disk had done when each commit was acknowledged.
    let mut acknowledged = vec![0];
    let mut open = disk.open();
    for number in 0..40 {
        commit(&open, number).await;
        acknowledged.push(disk.steps());
        states.push(content(&open));
        if number % 9 == 8 {
            drop(open);
            open = disk.open();
        }
    }
    drop(open);

    let log = disk.log();
    let mut dice = Dice(0x5eed);
    let (mut synced, mut since) = (image.clone(), Unsynced::default());
    let (mut tried, mut unacknowledged) = (0, 0);
    for (step, done) in log.iter().enumerate() {
        let before = image.len();
        apply(&mut image, done);
        since.note(done, before, &image);
        if matches!(done, Done::Sync) {
            synced.clone_from(&image);
        }
        let known = acknowledged.partition_point(|steps| *steps <= step + 1) - 1;
        for _ in 0..FAILURES {
            let failed = Recorder::of(since.failed(&synced, &mut dice));
            tried += 1;
            let journal = failed.open();
            let found = content(&journal);
            let later = states.get(known + 1) == Some(&found);
            assert!(
                found == states[known] || later,
                "step {step} of {}",
                log.len()
            );
            unacknowledged += usize::from(later && found != states[known]);
            if tried % 50 == 0 {
                journal.append(vec![opened(1, 1)]).await.unwrap();
                drop(journal);
                let again = failed.open();
                assert_eq!(replayed(&again).len(), found.0.len() + 1);
            }
        }
    }
    assert!(
        tried > 1000 && unacknowledged > 10,
        "{tried} {unacknowledged}"
    );
}
