//! One client's visit: drives the session over the connection and asks the ports, with a limit on every wait.
//!
//! However a visit ends, even if its task is dropped, the desk gets its record exactly once: when the visit is dropped.

use super::session::{Answer, Await, Output, Question, Session};
use super::wire::Wire;
use super::{Ports, Settings, tls};
use crate::base::{Close, limits};
use crate::serve::Shutdown;
use crate::serve::places::Places;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How often already waiting clear text is read away before TLS.
const PENDING_READS: usize = 64;

/// The room that all visits share.
pub(super) struct Room {
    pub(super) places: Arc<Places>,
    /// For those who have a message to send: until there is room for it, it stays on their side.
    pub(super) messages: Arc<Semaphore>,
}

/// Room for a message, and until when it has to be whole.
struct MessageRoom(
    #[expect(dead_code, reason = "held")] OwnedSemaphorePermit,
    Instant,
);

pub(super) struct Visit {
    ports: Ports,
    settings: Arc<Settings>,
    room: Room,
    message: Option<MessageRoom>,
    client: IpAddr,
    session: Session,
    /// How the client ended it; until it does, what a visit that is broken off by us looks like.
    ending: Close,
    deadline: Instant,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let record = self
            .session
            .finish(self.ending.clone(), self.ports.clock.now());
        self.ports.desk.closed(record);
    }
}

impl Visit {
    pub(super) fn new(
        settings: Arc<Settings>,
        ports: Ports,
        room: Room,
        client: IpAddr,
        address: IpAddr,
    ) -> Self {
        let id = ports.desk.connected();
        let now = ports.clock.now();
        Self {
            session: Session::new(settings.clone(), id, client, address, now),
            ports,
            settings,
            room,
            message: None,
            client,
            ending: Close::Shutdown,
            deadline: Instant::now() + limits::SESSION_TIMEOUT,
        }
    }

    /// Serves the client to the end, hands the record to the desk, and closes.
    pub(super) async fn serve(mut self, tcp: TcpStream, mut shutdown: Shutdown) {
        let mut wire = Wire::Clear(tcp);
        loop {
            let done = match self.session.next(self.ports.clock.now()) {
                Output::Write(bytes) => wire.write(&bytes).await,
                Output::Read(what) => self.read(what, &mut wire, &mut shutdown).await,
                Output::Ask(question) => {
                    self.ask(question, &mut shutdown).await;
                    Ok(())
                }
                Output::StartTls(bytes) => {
                    Box::pin(self.start_tls(&bytes, &mut wire, &mut shutdown)).await
                }
                Output::Close => break,
            };
            if let Err(close) = done {
                self.ending = close;
                break;
            }
        }
        drop(self);
        wire.close().await;
    }

    /// Waits for the client; if it is silent for too long, or we stop, the session says its last word.
    async fn read(
        &mut self,
        what: Await,
        wire: &mut Wire,
        shutdown: &mut Shutdown,
    ) -> Result<(), Close> {
        let until = match what {
            Await::Command => {
                self.message = None;
                Instant::now() + self.patience()
            }
            Await::Data => match self.message_room(shutdown).await {
                Ok(whole) => whole.min(Instant::now() + limits::DATA_TIMEOUT),
                Err(close) => {
                    self.session.stop(close);
                    return Ok(());
                }
            },
        };
        let until = self.deadline.min(until);
        let mut buffer = [0; limits::READ];
        tokio::select! {
            biased;
            () = stopped(shutdown) => self.session.stop(Close::Shutdown),
            read = timeout_at(until, wire.read(&mut buffer)) => match read {
                Ok(Ok(count)) => self.session.receive(&buffer[..count]),
                Ok(Err(close)) => return Err(close),
                Err(_) if until == self.deadline => self.session.stop(Close::Limit),
                Err(_) => self.session.stop(Close::Timeout),
            },
        }
        Ok(())
    }

    /// How long the next command is waited for: not long while others may find no place.
    fn patience(&self) -> Duration {
        match self.room.places.are_scarce() {
            true => limits::SCARCE_TIMEOUT,
            false => limits::COMMAND_TIMEOUT,
        }
    }

    /// Waits for room for the message; says until when it has to be whole.
    async fn message_room(&mut self, shutdown: &mut Shutdown) -> Result<Instant, Close> {
        if let Some(MessageRoom(_, whole)) = &self.message {
            return Ok(*whole);
        }
        let permit = tokio::select! {
            biased;
            () = stopped(shutdown) => return Err(Close::Shutdown),
            () = sleep_until(self.deadline) => return Err(Close::Limit),
            permit = Arc::clone(&self.room.messages).acquire_owned() => permit,
        };
        let whole = Instant::now() + limits::MESSAGE_TIMEOUT;
        // Never closed.
        self.message = permit.ok().map(|permit| MessageRoom(permit, whole));
        Ok(whole)
    }

    /// Asks a port. One that takes longer than the session may last, or than a stop can wait, is asked no more.
    async fn ask(&mut self, question: Question, shutdown: &mut Shutdown) {
        let answer = tokio::select! {
            answer = answer(&self.ports, self.client, question) => Ok(answer),
            () = sleep_until(self.deadline) => Err(Close::Limit),
            () = stopped_for_long(shutdown) => Err(Close::Shutdown),
        };
        match answer {
            Ok(answer) => self.session.answer(answer, self.ports.clock.now()),
            Err(close) => self.session.stop(close),
        }
    }

    async fn start_tls(
        &mut self,
        reply: &[u8],
        wire: &mut Wire,
        shutdown: &mut Shutdown,
    ) -> Result<(), Close> {
        let mut buffer = [0; limits::READ];
        for _ in 0..PENDING_READS {
            match wire.pending(&mut buffer) {
                0 => break,
                count => self.session.receive(&buffer[..count]),
            }
        }
        wire.write(reply).await?;
        let Wire::Clear(tcp) = std::mem::replace(wire, Wire::Gone) else {
            return Err(Close::Broken);
        };
        let set = self.settings.tls.load_full();
        let secured = tokio::select! {
            biased;
            () = stopped(shutdown) => return Err(Close::Shutdown),
            secured = tls::handshake(tcp, &mut self.session, &set) => secured?,
        };
        *wire = Wire::Tls(secured);
        Ok(())
    }
}

async fn answer(ports: &Ports, client: IpAddr, question: Question) -> Answer {
    let desk = &ports.desk;
    match question {
        Question::Greet(name) => Answer::Greeting(desk.greet(client, &name).await),
        Question::Renew(record) => {
            desk.closed(*record);
            Answer::Renewed(desk.connected())
        }
        Question::Recipient(address) => Answer::Recipient(desk.recipient(&address)),
        Question::Known(record) => Answer::Known(desk.known(&record)),
        Question::Commit(record) => Answer::Decided(desk.transacted(*record).await),
        Question::Refuse(record) => Answer::Noted(desk.refused(*record).await),
        Question::Judge(envelope, message) => {
            let facts = ports.judge.judge(&envelope, &message).await;
            Answer::Judged(Box::new(facts))
        }
        Question::Relay(envelope, message) => {
            Answer::Relayed(ports.relay.relay(&envelope, &message).await)
        }
    }
}

/// Comes when the appliance stops; also when nobody is left who could say so.
pub(super) async fn stopped(shutdown: &mut Shutdown) {
    // An error means that the sender is gone, and with it the appliance.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn stopped_for_long(shutdown: &mut Shutdown) {
    stopped(shutdown).await;
    sleep(limits::STOP_GRACE).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;

    fn size<A, B, C, F: Future>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// Thousands of clients may be idle at once, so what is rare lies on the heap.
    #[test]
    fn an_idle_visit_is_small() {
        let size = size(Visit::serve);
        assert!(size < 12 * 1024, "{size} octets");
    }
}
