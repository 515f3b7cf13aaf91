//! `demo`: the whole appliance on loopback, in a temporary directory, with shortened times and one sender per policy.
//!
//! No root, no port under 1024, no network. The senders are our own (`dial::deliver`) and so share our understanding of
//! the standards; real mail servers are the judges in the tests.

mod mailbox;
mod sender;
mod show;
mod world;

use super::appliance::Appliance;
use super::sockets::Sockets;
use super::{StartError, World, failed, publish, results};
use crate::base::{Mailbox, Policy, TestState};
use crate::cases;
use crate::config::Config;
use crate::dial::resolver::Anchors;
use crate::dial::{self, Dial};
use crate::serve::{self, Shutdown, smtp};
use crate::spec::message;
use mailbox::Inbox;
use rustls::pki_types::CertificateDer;
use sender::Sender;
use show::{Row, Screen};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use world::{APPLIANCE, BASE, Person};

/// After this the demo shows what it has.
const LONGEST: Duration = Duration::from_secs(56);
const REFRESH: Duration = Duration::from_millis(250);
/// Between the first messages of two senders, so that a person can follow.
const STEP: Duration = Duration::from_millis(300);
/// Whose result mail is shown whole.
const SHOWN: Policy = Policy::Dane;

/// Runs the demo until all is seen, time is up or it is interrupted (SIGINT); `true` when every verdict is the truth and
/// every result mail arrived.
///
/// # Errors
/// When the appliance or its small world cannot start.
pub fn run<W: Write + IsTerminal>(out: &mut W) -> Result<bool, StartError> {
    let home = tempfile::Builder::new()
        .prefix("mailproof-demo")
        .tempdir()
        .map_err(failed)?;
    let runtime = super::runtime().map_err(StartError)?;
    let good = runtime.block_on(play(home.path(), super::world()?, out));
    runtime.shutdown_timeout(Duration::from_secs(1));
    good
}

/// The ports of the demo, the same at every address.
#[derive(Clone, Copy)]
struct Ports {
    dns: u16,
    smtp: u16,
    https: u16,
}

impl Ports {
    /// Three that are free now.
    fn free() -> Result<Self, StartError> {
        let any = [SocketAddr::new(APPLIANCE.into(), 0)];
        let dns = serve::dns::bind(&any).map_err(failed)?;
        // Both at once, so that they differ.
        let both = smtp::bind(&[any[0], any[0]]).map_err(failed)?;
        let port = |index: usize| {
            let address = both
                .get(index)
                .and_then(|listener| listener.local_addr().ok());
            address.map_or(0, |address| address.port())
        };
        Ok(Self {
            dns: dns.local_addrs().first().map_or(0, SocketAddr::port),
            smtp: port(0),
            https: port(1),
        })
    }
}

fn config(home: &Path, ports: Ports) -> Result<Config, StartError> {
    let Ports { dns, smtp, https } = ports;
    let shared = APPLIANCE;
    let own: String = cases::hosts()
        .filter_map(|case| {
            Some(format!(
                "{} = [\"{}\"]\n",
                cases::label(case.server)?,
                world::own_address(case.server)
            ))
        })
        .collect();
    let text = format!(
        "base_domain = \"{BASE}\"\n\
         [network]\naddresses = [\"{shared}\"]\ndns_port = {dns}\nsmtp_port = {smtp}\nhttps_port = {https}\nhttp_port = 0\n\
         [network.servers]\n{own}\
         [dial]\nsmtp_port = {smtp}\nhttps_port = {https}\nallow = [\"127.0.0.0/8\"]\nresolvers = [\"{shared}:{dns}\"]\ntrust_anchors = \"root.anchor\"\n\
         [test]\nplaintext_window = \"3s\"\nrotation = \"5s\"\npatience = \"40s\"\nattempt_gap = \"1s\"\nsettle = \"1s\"\ndeadline = \"50s\"\nquiet = \"5s\"\n\
         [certificates]\nissuer = \"internal\"\n\
         [dns]\nttl_mx = \"1s\"\nttl_records = \"5s\"\nttl_negative = \"1s\"\nrate_limit = 0\n\
         [reply]\noperator = \"postmaster@operator.example\"\n\
         [state]\nuser = \"\"\n"
    );
    let file = home.join("mailproof.toml");
    std::fs::create_dir(home.join("zones")).map_err(failed)?;
    for zone in ["et", "ut"] {
        std::fs::write(home.join(format!("zones/{zone}.zone")), "").map_err(failed)?;
    }
    std::fs::write(&file, text).map_err(failed)?;
    Config::load(Some(&file)).map_err(failed)
}

/// A person with what belongs to it while the demo runs.
struct Actor {
    person: Person,
    inbox: Arc<Inbox>,
    attempts: Arc<AtomicU32>,
}

/// What all senders share.
struct Stage {
    world: World,
    ports: Ports,
    anchors: Anchors,
    root: Option<CertificateDer<'static>>,
    stopped: Shutdown,
}

impl Stage {
    /// Opens the person's mailbox, and sends it on its way after a pause.
    fn enter(
        &self,
        person: Person,
        pause: Duration,
        tasks: &mut JoinSet<()>,
    ) -> Result<Actor, StartError> {
        let clock = &self.world.clock;
        let inbox = Inbox::new(person.mailbox.domain.clone());
        let listener =
            smtp::bind(&[SocketAddr::new(person.address, self.ports.smtp)]).map_err(failed)?;
        let settings = Arc::new(mailbox::settings(&person).map_err(failed)?);
        let receiving = smtp::run(
            listener,
            settings,
            inbox.ports(Arc::clone(clock)),
            self.stopped.clone(),
        );
        tasks.spawn(receiving);
        let attempts = Arc::new(AtomicU32::new(0));
        let sender = Sender {
            person: person.clone(),
            dial: self.dial(&person)?,
            attempts: Arc::clone(&attempts),
        };
        let World { clock, random } = self.world.clone();
        tasks.spawn(async move {
            tokio::time::sleep(pause).await;
            sender.run(clock, random).await;
        });
        Ok(Actor {
            person,
            inbox,
            attempts,
        })
    }

    fn dial(&self, person: &Person) -> Result<Dial, StartError> {
        Dial::new(dial::Settings {
            resolvers: vec![SocketAddr::new(APPLIANCE.into(), self.ports.dns)],
            trust_anchors: Some(self.anchors.clone()),
            extra_roots: self.root.iter().cloned().collect(),
            allow: vec!["127.0.0.0/8".parse().map_err(failed)?],
            smtp_port: self.ports.smtp,
            https_port: self.ports.https,
            source: Some(person.address),
            helo: format!("mx.{}", person.mailbox.domain),
            ..dial::Settings::default()
        })
        .map_err(failed)
    }
}

async fn play<W: Write + IsTerminal>(
    home: &Path,
    world: World,
    out: &mut W,
) -> Result<bool, StartError> {
    let terminal = out.is_terminal();
    let mut screen = Screen::new(out, terminal);
    screen.say("mailproof demo: an appliance on loopback, and one sender per policy\n");
    let ports = Ports::free()?;
    let config = config(home, ports)?;
    let now = world.clock.now();
    let people = world::people(&*world.random, now)?;
    let sockets = Sockets::bind(&config)?;
    let operator = publish::operator(&config).map_err(failed)?;
    let appliance = Appliance::open(config, operator, world.clone())?;
    let (zones, anchor) = world::zones(&people, appliance.publisher().keys(), now)?;
    appliance.publisher().beside = zones;
    std::fs::write(home.join("root.anchor"), &anchor).map_err(failed)?;
    let (stop, stopped) = watch::channel(false);
    let stage = Stage {
        world,
        ports,
        anchors: Anchors::parse(&anchor).map_err(failed)?,
        root: appliance.publisher().certs().root().cloned(),
        stopped: stopped.clone(),
    };

    let live = Arc::clone(&appliance.live);
    let running = tokio::spawn(appliance.run(sockets, stopped));
    let mut tasks = JoinSet::new();
    let mut actors = Vec::new();
    for person in people {
        let pause = STEP * u32::try_from(actors.len() + 1).unwrap_or(1);
        actors.push(stage.enter(person, pause, &mut tasks)?);
    }
    let start = Instant::now();
    let mut rows = look(&live, &actors);
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    while start.elapsed() < LONGEST
        && !running.is_finished()
        && !rows.iter().all(|row| row.answered)
    {
        tokio::select! {
            () = tokio::time::sleep(REFRESH) => {}
            _ = &mut interrupted => break,
        }
        rows = look(&live, &actors);
        screen.update(&rows);
    }
    screen.finish();
    let _ = stop.send(true);
    tasks.abort_all();
    running.await.map_err(failed)??;
    if let Some(mail) = actors
        .iter()
        .find(|actor| actor.person.policy == SHOWN)
        .and_then(|actor| actor.inbox.first())
    {
        screen.say(&format!(
            "\nThe result mail of {SHOWN} as it arrived, its parts decoded:\n\n{}",
            message::readable(&mail)
        ));
    }
    let right = rows.iter().filter(|row| row.is_right()).count();
    screen.say(&format!(
        "{right} of {} verdicts are the truth and arrived by mail, after {} seconds",
        rows.len(),
        start.elapsed().as_secs()
    ));
    Ok(right == rows.len())
}

/// The rows as they are now.
fn look(live: &super::live::Live, actors: &[Actor]) -> Vec<Row> {
    let tests = live.desk().tests();
    let find = |mailbox: &Mailbox| tests.iter().rev().find(|test| test.sender == *mailbox);
    actors
        .iter()
        .map(|actor| {
            let test = find(&actor.person.mailbox);
            let reported = test.filter(|test| test.state == TestState::Reported);
            let report =
                reported.and_then(|test| results::find(live.journal(), &test.id).ok().flatten());
            Row {
                truth: actor.person.policy.to_string(),
                attempts: actor.attempts.load(Ordering::Relaxed),
                connections: test.map_or(0, |test| test.connections),
                state: test.map_or_else(String::new, |test| state(test.state).to_owned()),
                verdict: report.map(|report| {
                    report
                        .outbound
                        .policy
                        .map_or("undetermined", |policy| policy.name())
                        .to_owned()
                }),
                answered: actor.inbox.first().is_some(),
            }
        })
        .collect()
}

const fn state(state: TestState) -> &'static str {
    match state {
        TestState::Waiting => "waiting",
        TestState::Acked => "acked",
        TestState::Reported => "reported",
        TestState::Expired => "expired",
    }
}
