//! A journal that is written for weeks: it forgets, and neither the file nor the time of a start grows on.

use super::*;

const DAY: i64 = 24 * 3600;
/// Days for which events are kept.
const KEPT: i64 = 14;
/// Events of an ordinary day.
const EVENTS: u64 = 400;

struct Life {
    journal: Journal,
    numbers: std::ops::RangeFrom<u64>,
}

impl Life {
    /// A day with so many events, and a result a day; at its end the old ones are forgotten.
    async fn day(&mut self, day: i64, events: u64) {
        let moment = |number: u64| day * DAY + i64::try_from(number * 86_000 / events).unwrap();
        let numbers: Vec<_> = self.numbers.by_ref().take(events as usize).collect();
        for (chunk, numbers) in numbers.chunks(50).enumerate() {
            let first = chunk as u64 * 50;
            let events = numbers.iter().zip(first..).map(|(number, place)| {
                let second = moment(place);
                match place % 20 {
                    0 => order(second),
                    1 => connection(*number, second, "out.sender.example"),
                    _ => query(*number, second),
                }
            });
            self.journal.append(events.collect()).await.unwrap();
        }
        let key = day.to_string();
        let (put, remove) = (vec![7; 20_000], (day - KEPT).to_string());
        self.journal.put(Space::Results, &key, put).await.unwrap();
        self.journal.remove(Space::Results, &remove).await.unwrap();
        let before = time((day + 1 - KEPT) * DAY);
        self.journal.expire(before).await.unwrap();
    }
}

#[tokio::test]
async fn neither_the_file_nor_a_start_grows_over_weeks() {
    let place = place();
    let length = || std::fs::metadata(&place.path).unwrap().len();
    let mut life = Life {
        journal: open(&place.path).0,
        numbers: 1..,
    };
    // The clock was wrong once; what was noted then hides nothing behind it.
    let ahead = vec![query(0, 4000 * DAY)];
    life.journal.append(ahead).await.unwrap();
    let mut grown = 0;
    for day in 0..8 * 7 {
        life.day(day, EVENTS).await;
        if day == KEPT + 7 {
            grown = length();
        }
        if day > KEPT + 7 {
            assert!(length() <= grown * 5 / 4, "day {day}: {} {grown}", length());
            let kept = replayed(&life.journal).len() as u64;
            let full = EVENTS * KEPT as u64;
            assert!((full - EVENTS..=full + 2).contains(&kept), "{kept}");
        }
    }
    // After a flood the next start gives its room back.
    life.day(56, 100 * EVENTS).await;
    let flooded = length();
    for day in 57..57 + KEPT + 1 {
        life.day(day, EVENTS).await;
    }
    let before = replayed(&life.journal);
    drop(life.journal);
    let (journal, _) = open(&place.path);
    assert!(length() < flooded / 2, "{flooded} {}", length());
    assert!(replayed(&journal) == before);
}
