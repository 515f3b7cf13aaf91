//! The room that all visits share, and the patience with those who take it up: less of it while others may find none.
//!
//! Until there is room for a message it stays on the client's side. A network that has all the room it may have waits
//! for no more: it would only keep others waiting.

use crate::base::limits;
use crate::serve::places::{Place, Places};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// Places for clients, and room for their messages.
pub(super) struct Room {
    places: Arc<Places>,
    /// For those with a message under way, or waiting for room.
    senders: Arc<Places>,
    /// For those with a message under way.
    messages: Arc<Semaphore>,
}

/// Room for a message, free again when dropped.
pub(super) struct MessageRoom {
    began: Instant,
    _sender: Place,
    _message: OwnedSemaphorePermit,
}

impl MessageRoom {
    /// The same room for the next message.
    pub(super) fn begin_anew(&mut self) {
        self.began = Instant::now();
    }
}

impl Room {
    /// Room for the messages of the clients that have these places.
    pub(super) fn new(places: Arc<Places>) -> Self {
        let senders = Places::new(limits::MESSAGE_SENDERS, limits::MESSAGES_PER_NETWORK);
        Self {
            places,
            senders: Arc::new(senders),
            messages: Arc::new(Semaphore::new(limits::MESSAGES)),
        }
    }

    /// Waits for room for a message, within [`limits::ROOM_TIMEOUT`]; `None` when there was none, or the client's
    /// network has all that it may have.
    pub(super) async fn message(&self, client: IpAddr) -> Option<MessageRoom> {
        let sender = self.senders.take(client, self.senders.free_now()?)?;
        let message = Arc::clone(&self.messages).acquire_owned();
        let message = timeout(limits::ROOM_TIMEOUT, message).await.ok()?.ok()?;
        Some(MessageRoom {
            began: Instant::now(),
            _sender: sender,
            _message: message,
        })
    }

    /// Until when a command is waited for.
    pub(super) fn until_command(&self, since: Instant) -> Instant {
        since
            + match self.places.are_scarce() {
                true => limits::SCARCE_TIMEOUT,
                false => limits::COMMAND_TIMEOUT,
            }
    }

    /// Until when the next piece of a message is waited for, which has to be whole in time as well.
    pub(super) fn until_data(&self, message: &MessageRoom, since: Instant) -> Instant {
        let (piece, whole): (Duration, Duration) = match self.is_scarce() {
            true => (limits::SCARCE_TIMEOUT, limits::SCARCE_MESSAGE_TIMEOUT),
            false => (limits::DATA_TIMEOUT, limits::MESSAGE_TIMEOUT),
        };
        (since + piece).min(message.began + whole)
    }

    /// Whether less than a quarter is free of the places, or of the room for messages.
    fn is_scarce(&self) -> bool {
        let few = self.messages.available_permits() < limits::MESSAGES / 4;
        few || self.places.are_scarce()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room::new(Arc::new(Places::new(1000, 1000)))
    }

    fn client(network: usize, host: usize) -> IpAddr {
        [10, 0, network as u8, host as u8].into()
    }

    async fn full(room: &Room) -> Vec<MessageRoom> {
        let mut held = Vec::new();
        for number in 0..limits::MESSAGES {
            let network = number / limits::MESSAGES_PER_NETWORK;
            held.extend(room.message(client(network, number)).await);
        }
        assert_eq!(held.len(), limits::MESSAGES);
        held
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_for_some_time_and_not_behind_its_own_network() {
        let room = room();
        let mut held = full(&room).await;
        let began = Instant::now();
        assert!(room.message(client(0, 200)).await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(room.message(client(200, 1)).await.is_none());
        assert_eq!(began.elapsed(), limits::ROOM_TIMEOUT);
        let late = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(held.pop());
        };
        let (found, ()) = tokio::join!(room.message(client(200, 1)), late);
        assert!(found.is_some());
        drop((found, held));
        assert!(room.message(client(0, 200)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait() {
        let room = Arc::new(room());
        let held = full(&room).await;
        let mut waiting = tokio::task::JoinSet::new();
        for number in limits::MESSAGES..limits::MESSAGE_SENDERS {
            let (room, network) = (room.clone(), number / limits::MESSAGES_PER_NETWORK);
            waiting.spawn(async move { room.message(client(network, number)).await.is_some() });
        }
        while room.senders.free_now().is_some() {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        assert!(room.message(client(200, 1)).await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO);
        drop(held);
        assert!(waiting.join_all().await.into_iter().all(|found| found));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_less_patience_while_room_is_scarce() {
        let room = room();
        let since = Instant::now();
        let first = room.message(client(200, 1)).await.unwrap();
        assert_eq!(room.until_data(&first, since), since + limits::DATA_TIMEOUT);
        let late = since + limits::MESSAGE_TIMEOUT;
        assert_eq!(room.until_data(&first, late), late);
        let mut held = Vec::new();
        while room.messages.available_permits() >= limits::MESSAGES / 4 {
            held.push(room.message(client(held.len(), 1)).await.unwrap());
        }
        assert_eq!(
            room.until_data(&first, since),
            since + limits::SCARCE_TIMEOUT
        );
        let late = since + limits::SCARCE_MESSAGE_TIMEOUT;
        assert_eq!(room.until_data(&first, late), late);
        assert_eq!(room.until_command(since), since + limits::COMMAND_TIMEOUT);
        drop(held);
    }
}
