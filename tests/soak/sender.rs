//! Senders that come again until they are given their `250`, each from a network of its own, then as somebody new.

use crate::account::Account;
use crate::appliance::Appliance;
use crate::garbage;
use crate::link::{Abort, Gone, Link, Manner, expect};
use crate::random::Random;
use crate::session::{self, Errand};
use crate::trusting;
use rustls::ClientConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Duration;

/// Sessions after which somebody gives up who was not given a `250`.
const PATIENCE: usize = 100;
/// The longest step of a slow session, in milliseconds.
const STEP: usize = 500;
/// Letters of a greeting that are capital or small, as the session's number has it in binary.
const LETTERS: &str = "abcdefghijklmnop";

/// What a sender makes of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Never starts it.
    Clear,
    /// Names no host, takes any certificate.
    Unnamed,
    /// Names its host, takes any certificate.
    Named,
    /// Takes those of 4, 6 and 7, and goes without a word after any other.
    Choosy,
    /// Takes what its root vouches for, and refuses the rest with an alert.
    Strict,
}

const TEMPERS: [Temper; 5] = [
    Temper::Clear,
    Temper::Unnamed,
    Temper::Named,
    Temper::Choosy,
    Temper::Strict,
];

/// Pause after there was no server.
const RETRY: Duration = Duration::from_millis(50);
/// How many are in a hurry.
const HURRIED: usize = 4;
/// Sessions after which such a one takes another name and network, for a network has its limits.
const HASTE: usize = 100;

/// All of them.
pub struct Senders<'a> {
    pub server: SocketAddr,
    pub account: &'a Account,
    seed: u64,
    number: usize,
    stop: AtomicBool,
    trusting: Arc<ClientConfig>,
    unnamed: Arc<ClientConfig>,
    strict: Arc<ClientConfig>,
}

/// Stops them when dropped.
pub struct StopAtDrop<'a>(&'a AtomicBool);

impl Drop for StopAtDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Senders<'a> {
    pub fn new(appliance: &Appliance, account: &'a Account, seed: u64, number: usize) -> Self {
        Self {
            server: appliance.ports.smtp,
            account,
            seed,
            number,
            stop: AtomicBool::new(false),
            trusting: Arc::new(trusting::client(true).unwrap()),
            unnamed: Arc::new(trusting::client(false).unwrap()),
            strict: appliance.trust(),
        }
    }

    pub fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        for number in 0..self.number {
            scope.spawn(move || self.send(number));
        }
    }

    /// Others who send all the time, so that a kill catches some of them between commit and reply.
    pub fn hurry<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        for number in 0..HURRIED {
            scope.spawn(move || self.send_at_once(self.number + number));
        }
    }

    pub fn stop_at_drop(&self) -> StopAtDrop<'_> {
        StopAtDrop(&self.stop)
    }

    /// How a client of this temper looks at certificates.
    pub fn tls(&self, temper: Temper) -> &Arc<ClientConfig> {
        match temper {
            Temper::Unnamed => &self.unnamed,
            Temper::Strict => &self.strict,
            _ => &self.trusting,
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn send(&self, number: usize) {
        let mut random = Random::new(self.seed.wrapping_add(number as u64));
        for name in 0.. {
            let somebody = Somebody::new(number, name, &mut random);
            if !self.is_over() {
                somebody.send(self, &mut random);
            }
            if self.is_over() {
                return;
            }
        }
    }
}

impl Senders<'_> {
    fn send_at_once(&self, number: usize) {
        let mut random = Random::new(self.seed.wrapping_add(number as u64));
        for name in 0.. {
            let mut somebody = Somebody::new(number, name, &mut random);
            somebody.temper = Temper::Clear;
            somebody.network = [127, 32 + (number % 64) as u8, (name % 250) as u8];
            for session in 0..HASTE {
                if self.is_over() {
                    return;
                }
                let ehlo = somebody.ehlo(session);
                let link = somebody.connect(self, None, &mut random);
                let sent = link.and_then(|mut link| {
                    session::pipelined(
                        &mut link,
                        &Errand::new(self, &somebody, &ehlo),
                        "et",
                        &mut random,
                    )
                });
                if let Err(Gone::Fault(fault)) = sent {
                    return self.account.fault(format!("{}: {fault}", somebody.domain));
                }
            }
        }
    }
}

/// One sender with its one message.
pub struct Somebody {
    pub temper: Temper,
    /// Whether the message is to both domains.
    pub both: bool,
    pub domain: String,
    network: [u8; 3],
    host: u8,
}

impl Somebody {
    fn new(number: usize, name: usize, random: &mut Random) -> Self {
        Self {
            temper: TEMPERS[random.below(TEMPERS.len())],
            both: random.below(2) == 0,
            domain: format!("p{name}.s{number}.sender.example"),
            network: [127, 16 + (number / 250) as u8, (number % 250) as u8],
            host: 1 + random.below(250) as u8,
        }
    }

    pub fn from(&self) -> String {
        format!("jim@{}", self.domain)
    }

    /// The name that this session greets with: the same organisation, written as no other session does.
    fn ehlo(&self, session: usize) -> String {
        let letter = |(bit, letter): (usize, char)| match session >> bit & 1 {
            0 => letter,
            _ => letter.to_ascii_uppercase(),
        };
        let letters: String = LETTERS.chars().enumerate().map(letter).collect();
        format!("{letters}.{}", self.domain)
    }

    fn send(&self, all: &Senders<'_>, random: &mut Random) {
        for session in 0..PATIENCE {
            if all.is_over() {
                return;
            }
            let ehlo = self.ehlo(session);
            match self.visit(all, &ehlo, random) {
                Ok(true) => return,
                Ok(false) | Err(Gone::Left | Gone::Lost) => {}
                Err(Gone::Fault(fault)) => {
                    let who = format!("{:?} {}", self.temper, self.domain);
                    all.account
                        .fault(format!("{who}, session {session}: {fault}"));
                    return;
                }
            }
            std::thread::sleep(pause(random));
        }
    }

    /// One session; says whether it brought a `250`.
    fn visit(&self, all: &Senders<'_>, ehlo: &str, random: &mut Random) -> Result<bool, Gone> {
        let chance = random.below(100);
        let abort = (chance < 30).then(|| self.abort(random));
        let mut link = self.connect(all, abort, random)?;
        if random.below(4) == 0 {
            link.slow_down(Duration::from_millis(random.below(STEP) as u64));
        }
        match chance {
            30..35 => garbage::send(&mut link, random).map(|()| false),
            35..38 => session::operator(&mut link, self, ehlo).map(|()| false),
            _ => session::deliver(&mut link, &Errand::new(all, self, ehlo), random),
        }
    }

    /// Connects from somewhere in the network, and reads the greeting.
    fn connect<'a>(
        &self,
        all: &Senders<'a>,
        abort: Option<Abort>,
        random: &mut Random,
    ) -> Result<Link<'a>, Gone> {
        let [a, b, c] = self.network;
        let host = match random.below(2) {
            0 => self.host,
            _ => 1 + random.below(250) as u8,
        };
        let client = IpAddr::from(Ipv4Addr::new(a, b, c, host));
        let inner = Random::new(random.below(usize::MAX) as u64);
        let link = Link::connect(client, all.server, all.account, abort, inner);
        let mut link = link.inspect_err(|_| {
            all.account.unmet();
            std::thread::sleep(RETRY);
        })?;
        all.account.session();
        let greeting = link.reply()?;
        expect("connected", &greeting, &["220 et.example.org "])?;
        Ok(link)
    }

    fn abort(&self, random: &mut Random) -> Abort {
        Abort {
            // The later steps are what most sessions do not come to.
            after: random.below(10).max(random.below(10)),
            whole: random.below(2) == 0,
            manner: match random.below(5) {
                0 => Manner::Silence(Duration::from_millis(random.below(3000) as u64)),
                1 | 2 => Manner::Reset,
                _ => Manner::Close,
            },
        }
    }
}

/// Between two sessions: of one attempt, or, a second apart, of two.
fn pause(random: &mut Random) -> Duration {
    let milliseconds = match random.below(2) {
        0 => random.below(300),
        _ => 1000 + random.below(600),
    };
    Duration::from_millis(milliseconds as u64)
}
