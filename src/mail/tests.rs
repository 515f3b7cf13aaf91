//! What waits, when it is tried, and when it is given up.

use super::queue::{Item, Queue, QueueError};
use super::send::{Attempt, Sender, Sent};
use crate::base::ports::{Clock, Random};
use crate::base::{TestId, Timestamp, limits};
use crate::dial::deliver::{StsCache, Verified};
use crate::dial::{Dial, Settings};
use crate::journal::{Journal, Space};
use crate::report::ReplyState;
use std::sync::Arc;
use std::time::Duration;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn id(number: u8) -> TestId {
    TestId::from_bits([0, 0, 0, 0, 0, 0, 0, 0, 0, number])
}

fn queued(queue: &mut Queue, number: u8, to: &str, seconds: i64) {
    let message = b"Subject: x\r\n\r\nx\r\n".to_vec();
    let to = to.parse().unwrap();
    let item = queue.admit(&id(number), &to, message, at(seconds));
    queue.insert(item.unwrap());
}

fn deferred() -> Attempt {
    Attempt::Deferred("mx.example.net: 451 later".to_owned())
}

fn sent() -> Attempt {
    Attempt::Sent(Sent {
        host: "mx.example.net".parse().unwrap(),
        verified: Verified::Dane,
        tls: Some("1.3".to_owned()),
    })
}

fn one(queue: &mut Queue, now: Timestamp) -> Item {
    let mut due = queue.due(now);
    assert_eq!(due.len(), 1);
    due.remove(0)
}

#[test]
fn a_mail_is_tried_with_growing_pauses_and_given_up_after_its_lifetime() {
    let mut queue = Queue::default();
    queued(&mut queue, 1, "jim@example.net", 0);
    let mut times = Vec::new();
    let mut last = loop {
        let now = queue.wake().unwrap();
        let item = one(&mut queue, now);
        assert!(queue.due(now).is_empty(), "it is under way");
        assert_eq!(queue.wake(), None);
        times.push(now.as_second() - at(0).as_second());
        let settled = queue.settle(item, deferred(), now);
        if settled.reply.state != ReplyState::Queued {
            break settled;
        }
        assert_eq!(settled.batch.puts.len(), 1);
        assert!(settled.batch.removes.is_empty());
    };
    assert_eq!(times[..6], [0, 60, 360, 1260, 4860, 8460]);
    let lifetime = i64::try_from(limits::MAIL_LIFETIME.as_secs()).unwrap();
    let end = times.last().unwrap();
    assert!(*end <= lifetime && *end > lifetime - 3600, "{end}");
    assert_eq!(last.reply.state, ReplyState::Failed);
    assert_eq!(
        last.reply.reason,
        format!(
            "given up after {} attempts: mx.example.net: 451 later",
            times.len()
        )
    );
    let (space, key) = last.batch.removes.remove(0);
    assert_eq!((space, key), (Space::Queue, id(1).to_string()));
    assert!(last.batch.puts.is_empty() && queue.is_empty());
}

#[test]
fn a_delivery_and_a_refusal_end_it() {
    for (attempt, state, reason) in [
        (
            sent(),
            ReplyState::Sent,
            "taken by mx.example.net, TLS 1.3, verified: dane",
        ),
        (
            Attempt::Failed("mx.example.net: 550 no".to_owned()),
            ReplyState::Failed,
            "mx.example.net: 550 no",
        ),
    ] {
        let mut queue = Queue::default();
        queued(&mut queue, 1, "jim@example.net", 0);
        let item = one(&mut queue, at(0));
        let settled = queue.settle(item, attempt, at(1));
        assert_eq!(
            (settled.reply.state, &*settled.reply.reason),
            (state, reason)
        );
        assert_eq!(settled.batch.removes.len(), 1);
        assert!(queue.is_empty());
    }
}

#[test]
fn a_slow_domain_holds_up_no_other() {
    let mut queue = Queue::default();
    for number in 0..10 {
        queued(&mut queue, number, "jim@slow.example", 0);
    }
    queued(&mut queue, 10, "jim@quick.example", 5);
    let begun = queue.due(at(10));
    let numbers: Vec<_> = begun.iter().map(|item| item.test.clone()).collect();
    assert_eq!(numbers, [id(0), id(1), id(10)]);
    // The others can only begin when one of those to their domain has ended.
    assert_eq!(queue.wake(), None);
    queue.settle(begun[0].clone(), sent(), at(20));
    assert_eq!(queue.wake(), Some(at(0)));
    assert_eq!(one(&mut queue, at(20)).test, id(2));
}

#[test]
fn only_so_many_are_under_way() {
    let mut queue = Queue::default();
    for number in 0..100 {
        queued(&mut queue, number, &format!("jim@d{number}.example"), 0);
    }
    assert_eq!(queue.due(at(0)).len(), limits::MAIL_SENDERS);
    assert_eq!((queue.due(at(0)).len(), queue.wake()), (0, None));
    assert_eq!(queue.len(), 100);
}

#[test]
fn a_test_has_one_mail_and_the_queue_an_end() {
    let mut queue = Queue::default();
    let to = "jim@example.net".parse().unwrap();
    queued(&mut queue, 1, "jim@example.net", 0);
    let again = |queue: &Queue, test: &TestId| queue.admit(test, &to, Vec::new(), at(0)).err();
    assert_eq!(again(&queue, &id(1)), Some(QueueError::Queued));
    let item = one(&mut queue, at(0));
    assert_eq!(again(&queue, &id(1)), Some(QueueError::Queued));
    queue.settle(item, sent(), at(0));
    assert_eq!(again(&queue, &id(1)), None);
    for number in 0..u64::try_from(limits::MAIL_QUEUE).unwrap() {
        let mut bits = [9; 10];
        bits[..8].copy_from_slice(&number.to_be_bytes());
        let item = queue.admit(&TestId::from_bits(bits), &to, Vec::new(), at(0));
        queue.insert(item.unwrap());
    }
    assert_eq!(again(&queue, &id(1)), Some(QueueError::Full));
}

#[test]
fn a_forgotten_mail_does_not_come_back() {
    let mut queue = Queue::default();
    queued(&mut queue, 1, "jim@example.net", 0);
    let item = one(&mut queue, at(0));
    queue.forget(&id(1));
    let settled = queue.settle(item, deferred(), at(1));
    assert!(settled.batch.puts.is_empty());
    assert_eq!(settled.batch.removes.len(), 1);
    assert_eq!((queue.len(), queue.wake()), (0, None));
}

#[tokio::test]
async fn the_queue_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.redb");
    let mut queue = Queue::default();
    {
        let (journal, _) = Journal::open(&file, at(0)).unwrap();
        queued(&mut queue, 1, "jim@example.net", 0);
        queued(&mut queue, 2, "jim@example.org", 0);
        let mut due = queue.due(at(0));
        for item in &due {
            let (space, key, bytes) = item.put();
            journal.put(space, &key, bytes).await.unwrap();
        }
        let settled = queue.settle(due.remove(0), deferred(), at(0));
        journal.commit(settled.batch).await.unwrap();
        let settled = queue.settle(due.remove(0), sent(), at(0));
        journal.commit(settled.batch).await.unwrap();
        journal.put(Space::Queue, "strange", vec![9]).await.unwrap();
    }
    let (journal, _) = Journal::open(&file, at(1)).unwrap();
    let (mut read, faults) = Queue::load(&journal).unwrap();
    assert_eq!(faults, ["mail strange: version 9, and up to 1 can be read"]);
    assert_eq!((read.len(), read.wake()), (1, Some(at(60))));
    assert_eq!(one(&mut read, at(60)), one(&mut queue, at(60)));
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        at(0)
    }
}

impl Random for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

#[tokio::test]
async fn without_an_answer_from_the_dns_a_mail_waits() {
    let settings = Settings {
        // Nobody answers there.
        resolvers: vec!["127.0.0.1:1".parse().unwrap()],
        ..Settings::default()
    };
    let dial = Dial::new(settings).unwrap();
    let sender = Sender::new(
        dial,
        StsCache::default(),
        None,
        Arc::new(Fixed),
        Arc::new(Fixed),
    );
    let mut queue = Queue::default();
    queued(&mut queue, 1, "jim@example.net", 0);
    let item = one(&mut queue, at(0));
    let attempt = tokio::time::timeout(Duration::from_secs(300), sender.send_one(&item)).await;
    let Attempt::Deferred(why) = attempt.unwrap() else {
        panic!("it was not deferred");
    };
    assert!(why.contains("MX look-up failed"), "{why}");
}
