//! Answers kept for their TTL, in bounded space.

use super::exchange::Question;
use hickory_proto::op::Message;
use hickory_proto::rr::RData;
use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest time that an answer is kept.
const LONGEST: Duration = Duration::from_secs(3600);

type Entries = HashMap<Question, Box<(Instant, Message)>>;

/// Two generations of answers; when the young one is full, the old one is forgotten.
#[derive(Default)]
pub(super) struct Cache {
    room: usize,
    generations: Mutex<(Entries, Entries)>,
}

impl Cache {
    /// A cache for so many answers; 0 keeps none.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// The answer, unless its time is over.
    pub(super) fn get(&self, key: &Question, now: Instant) -> Option<Message> {
        let generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = generations.0.get(key).or_else(|| generations.1.get(key))?;
        let (until, message) = &**entry;
        (*until > now).then(|| message.clone())
    }

    /// Keeps an answer for its TTL.
    pub(super) fn put(&self, key: Question, message: &Message, now: Instant) {
        let lifetime = lifetime(message);
        if self.room == 0 || lifetime.is_zero() {
            return;
        }
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if generations.0.len() >= self.room.div_ceil(2) {
            generations.1 = mem::take(&mut generations.0);
        }
        let entry = (now + lifetime, message.clone());
        generations.0.insert(key, Box::new(entry));
    }
}

/// How long an answer holds: the least TTL of its records, of a negative one also the last field of the SOA
/// (RFC 2308 5).
fn lifetime(message: &Message) -> Duration {
    let records = message.answers.iter().chain(&message.authorities);
    let seconds = records
        .map(|record| match &record.data {
            RData::SOA(soa) if message.answers.is_empty() => record.ttl.min(soa.minimum),
            _ => record.ttl,
        })
        .min()
        .unwrap_or(0);
    Duration::from_secs(seconds.into()).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::resolver::exchange::Wish;
    use hickory_proto::rr::rdata::{A, SOA};
    use hickory_proto::rr::{Name, Record, RecordType};

    fn key(number: usize) -> Question {
        let name = Name::from_ascii(format!("h{number}.example.")).unwrap();
        Question::new(&name, RecordType::A, Wish::Unchecked)
    }

    fn answer(ttl: u32) -> Message {
        let mut message = Message::query();
        let address = RData::A(A::new(192, 0, 2, 1));
        message.add_answer(Record::from_rdata(key(0).name, ttl, address));
        message
    }

    #[test]
    fn an_answer_is_kept_for_its_ttl() {
        let (cache, now) = (Cache::new(8), Instant::now());
        cache.put(key(1), &answer(2), now);
        cache.put(key(2), &answer(0), now);
        assert!(cache.get(&key(1), now + Duration::from_secs(1)).is_some());
        assert!(cache.get(&key(1), now + Duration::from_secs(2)).is_none());
        assert!(cache.get(&key(2), now).is_none());
    }

    #[test]
    fn a_negative_answer_is_kept_for_the_minimum_of_the_soa() {
        let mut message = Message::query();
        let zone = Name::from_ascii("example.").unwrap();
        let soa = SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 5);
        message.add_authority(Record::from_rdata(zone, 300, RData::SOA(soa)));
        assert_eq!(lifetime(&message), Duration::from_secs(5));
    }

    #[test]
    fn room_is_bounded() {
        let (cache, now) = (Cache::new(8), Instant::now());
        for number in 0..100 {
            cache.put(key(number), &answer(60), now);
        }
        let kept = (0..100).filter(|n| cache.get(&key(*n), now).is_some());
        assert!((4..=8).contains(&kept.count()));
        let none = Cache::new(0);
        none.put(key(1), &answer(60), now);
        assert!(none.get(&key(1), now).is_none());
    }
}
