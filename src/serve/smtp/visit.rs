//! One client's visit: drives the session over the connection and asks the ports, with a limit on every wait.
//!
//! However a visit ends, even if its task is dropped, the desk gets its record exactly once: when the visit is dropped.

use super::room::{MessageRoom, Room};
use super::session::{Answer, Await, Output, Question, Session};
use super::wire::Wire;
use super::{Ports, Settings, tls};
use crate::base::{Close, limits};
use crate::serve::Shutdown;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How often already waiting clear text is read away before TLS.
const PENDING_READS: usize = 64;

pub(super) struct Visit {
    ports: Ports,
    settings: Arc<Settings>,
    room: Arc<Room>,
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
        room: Arc<Room>,
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
                Output::Room => self.make_room(&mut wire, &mut shutdown).await,
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
        if what == Await::Command {
            self.message = None;
        }
        let since = Instant::now();
        let mut buffer = [0; limits::READ];
        loop {
            let until = self.until(since);
            // By then there may be less patience than now.
            let look = until.min(Instant::now() + limits::SCARCE_TIMEOUT);
            tokio::select! {
                biased;
                () = stopped(shutdown) => self.session.stop(Close::Shutdown),
                read = timeout_at(look, wire.read(&mut buffer)) => match read {
                    Ok(read) => self.session.receive(&buffer[..read?]),
                    Err(_) if look < until => continue,
                    Err(_) if until == self.deadline => self.session.stop(Close::Limit),
                    Err(_) => self.session.stop(Close::Timeout),
                },
            }
            return Ok(());
        }
    }

    /// Until when a client is waited for that was last heard then.
    fn until(&self, since: Instant) -> Instant {
        let until = match &self.message {
            Some(message) => self.room.until_data(message, since),
            None => self.room.until_command(since),
        };
        until.min(self.deadline)
    }

    /// Waits for room for a message. A client that goes meanwhile is seen to go.
    async fn make_room(&mut self, wire: &mut Wire, shutdown: &mut Shutdown) -> Result<(), Close> {
        if self.message.is_none() {
            let room = Arc::clone(&self.room);
            let mut message = pin!(room.message(self.client));
            let mut buffer = [0; limits::READ];
            let mut came = false;
            self.message = loop {
                tokio::select! {
                    biased;
                    () = stopped(shutdown) => return self.stop(Close::Shutdown),
                    () = sleep_until(self.deadline) => return self.stop(Close::Limit),
                    message = &mut message => break message,
                    // It has nothing to say now; the first of what it says all the same is kept.
                    read = wire.read(&mut buffer), if !came => {
                        self.session.receive(&buffer[..read?]);
                        came = true;
                    }
                }
            };
        }
        if let Some(message) = &mut self.message {
            message.begin_anew();
        }
        let found = self.message.is_some();
        self.session.room(found, self.ports.clock.now());
        Ok(())
    }

    fn stop(&mut self, close: Close) -> Result<(), Close> {
        self.session.stop(close);
        Ok(())
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
        Question::Report(envelope, message) => {
            Answer::Reported(ports.reports.mailed(&envelope, &message).await)
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
