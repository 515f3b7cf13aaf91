//! An appliance's certificates over ten years: the store as it is, and about it what wakes it and carries out its plan.

use super::authority::{Authority, DIRECTORY, Stop};
use super::chance::Chance;
use super::events::{Event, Trial, events};
use super::{BEGIN, DAY, Fault, MINUTE, Quirk, TTL, Tally, World, at, second};
use mailproof::base::{Domain, Server, Timestamp};
use mailproof::certs::acme::Account;
use mailproof::certs::plan::{Action, KeyChoice, Plan};
use mailproof::certs::store::Settings;
use mailproof::certs::{CertError, Kind, Slot, Snapshot, Store, Trouble};
use rcgen::KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Steps in a minute that no appliance needs that is not running round in circles.
const HASTE: usize = 100;
/// The pause before what we make ourselves is tried again.
const RETRY: i64 = 300;

type Digests = BTreeMap<Server, BTreeSet<[u8; 32]>>;

pub struct Life {
    world: World,
    chance: Chance,
    folder: TempDir,
    store: Option<Store>,
    ca: Authority,
    time: i64,
    /// How far our clock is ahead.
    wrong: i64,
    /// When it was set last.
    set: i64,
    trial: Option<(Trial, i64)>,
    full: bool,
    /// What our name server and a secondary show.
    shown: [Digests; 2],
    /// Since when both show a digest.
    since: BTreeMap<(Server, [u8; 32]), i64>,
    /// What was published last, and whether the secondary lagged then.
    published: Option<(Arc<Snapshot>, bool)>,
    /// The keys that were in service last.
    used: BTreeMap<Slot, [u8; 32]>,
    /// When we want to look again.
    next: Option<i64>,
    /// Whether what we make ourselves failed, and waits for that.
    failed: bool,
    /// The last steps.
    steps: VecDeque<i64>,
    tally: Tally,
}

/// Ten years; what came of them, or what went wrong.
pub fn live(world: World, seed: u64) -> Result<Tally, Fault> {
    let mut life = Life::new(world, seed);
    life.start()?;
    life.look()?;
    let mut events = events(world.life, &life.chance).into_iter().peekable();
    while let Some((time, event)) = events.peek().copied() {
        let due = life.next.filter(|next| *next < time);
        life.time = due.unwrap_or(time);
        if life.time >= life.world.end {
            break;
        }
        if due.is_none() {
            events.next();
            life.befalls(event)?;
        }
        life.look()?;
    }
    life.tally.issued = life.ca.issued();
    life.tally.requests = life.ca.requests.values().copied().collect();
    Ok(life.tally)
}

impl Life {
    fn new(world: World, seed: u64) -> Self {
        // Thousands of files are written, each of them surely.
        let memory = std::path::Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => TempDir::new_in(memory),
            false => TempDir::new(),
        };
        Self {
            world,
            chance: Chance::new(seed),
            folder: folder.unwrap(),
            store: None,
            ca: Authority::new(world.life, world.ari),
            time: BEGIN,
            wrong: 0,
            set: BEGIN,
            trial: None,
            full: false,
            shown: [Digests::new(), Digests::new()],
            since: BTreeMap::new(),
            published: None,
            used: BTreeMap::new(),
            next: None,
            failed: false,
            steps: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    fn now(&self) -> Timestamp {
        at(self.time + self.wrong)
    }

    fn fault<T>(&self, why: &str) -> Result<T, Fault> {
        let (day, second) = ((self.time - BEGIN) / DAY, self.time);
        Err(Fault(format!("on day {day} ({second}): {why}")))
    }

    /// Opens the store; with a full disk that may fail, and then it is tried again.
    fn start(&mut self) -> Result<(), Fault> {
        self.store = None;
        let settings = Settings {
            directory: self.folder.path().to_owned(),
            base_domain: Domain::parse("example.org").unwrap(),
            issuer: self.world.issuer,
            ca: DIRECTORY.to_owned(),
            ttl: match self.world.quirk {
                Some(Quirk::Hasty) => Duration::ZERO,
                _ => Duration::from_secs(TTL.cast_unsigned()),
            },
            invalid: [9; 32],
        };
        match Store::open(settings, self.now(), &self.chance) {
            Ok(store) => self.store = Some(store),
            Err(_) if self.full => self.next = Some(self.time + RETRY),
            Err(error) => return self.fault(&error.0),
        }
        self.check()?;
        self.publish();
        Ok(())
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn befalls(&mut self, event: Event) -> Result<(), Fault> {
        let now = self.now();
        match event {
            Event::Begins(trial, until) => self.trial = Some((trial, until)),
            Event::Ends => {
                self.trial = None;
                self.publish();
            }
            Event::Disk(full) => self.disk(full),
            Event::Clock(wrong) => (self.wrong, self.set) = (wrong, self.time),
            Event::Crash => self.start()?,
            Event::Forgotten => self.ca.forget(),
            Event::Revoked => self.ca.revoked = self.time,
            Event::Look => self.slept_through()?,
            Event::Renew(slot) => {
                let store = self.store.as_mut();
                let _ = store.map(|store| store.want(slot, now));
            }
            Event::Roll(slot) => {
                let store = self.store.as_mut();
                let _ = store.map(|store| store.roll(slot, now));
            }
        }
        Ok(())
    }

    /// On a full disk nothing can be written: what is in the way of each file's draft has the same effect.
    fn disk(&mut self, full: bool) {
        self.full = full;
        let slots = Slot::all().map(Slot::label).chain(["internal-root"]);
        let files =
            slots.flat_map(|slot| ["pem", "key", "next.key"].map(|end| format!("{slot}.{end}")));
        let others = ["ledger.json", "account.json", "account.key", "digests.txt"];
        for file in files.chain(others.map(str::to_owned)) {
            let draft = self.folder.path().join(format!(".{file}.tmp"));
            match full {
                true => fs::create_dir(draft).unwrap(),
                false => fs::remove_dir(draft).unwrap(),
            }
        }
    }

    /// What wakes at the time that the plan names would do nothing now.
    fn slept_through(&mut self) -> Result<(), Fault> {
        let now = self.now();
        let Some(store) = &self.store else {
            return Ok(());
        };
        let actions = store.plan(now).map_err(|error| Fault(error.0))?.actions;
        match actions.is_empty() || self.failed || self.next.is_some_and(|next| next <= self.time) {
            true => Ok(()),
            false => self.fault(&format!("slept through {actions:?}, until {:?}", self.next)),
        }
    }

    /// Does what is to be done, until nothing is.
    fn look(&mut self) -> Result<(), Fault> {
        loop {
            if self.store.is_none() {
                self.start()?;
            }
            let (now, full) = (self.now(), self.full);
            let Some(store) = &mut self.store else {
                return Ok(());
            };
            let mut plan = store.plan(now).map_err(|error| Fault(error.0))?;
            let mut failed = None;
            if plan.actions.iter().any(|action| action.is_own()) {
                failed = store.renew(now, &self.chance).err();
                plan = store.plan(now).map_err(|error| Fault(error.0))?;
            }
            self.check()?;
            self.publish();
            self.step()?;
            if let Some(error) = &failed
                && !full
            {
                return self.fault(&error.0);
            }
            let actions: Vec<_> = plan.actions.iter().filter(|one| !one.is_own()).collect();
            if actions.is_empty() {
                return self.rest(&plan, failed.is_some());
            }
            for (number, action) in actions.into_iter().enumerate() {
                let now = self.now();
                let Some(store) = &self.store else { break };
                let planned = |error: CertError| Fault(error.0);
                // What went wrong before may concern this one too.
                if number == 0 || store.plan(now).map_err(planned)?.actions.contains(action) {
                    self.carry_out(*action)?;
                    self.check()?;
                    self.publish();
                }
            }
        }
    }

    fn rest(&mut self, plan: &Plan, failed: bool) -> Result<(), Fault> {
        let next = plan.next.map(|next| second(next) - self.wrong);
        if next.is_none_or(|next| next <= self.time) && !failed {
            return self.fault(&format!("rests until {next:?}"));
        }
        self.failed = failed;
        self.next = match self.world.quirk {
            _ if failed => Some(self.time + RETRY),
            Some(Quirk::Sleepy) => next.map(|next| next + 5 * DAY),
            _ => next,
        };
        Ok(())
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.tally.steps += 1;
        while self
            .steps
            .front()
            .is_some_and(|then| *then <= self.time - MINUTE)
        {
            self.steps.pop_front();
        }
        self.steps.push_back(self.time);
        match self.steps.len() > HASTE {
            true => self.fault("runs round in circles"),
            false => Ok(()),
        }
    }

    fn carry_out(&mut self, action: Action) -> Result<(), Fault> {
        match action {
            Action::Look => self.ask(),
            Action::Order(slot, _) if self.world.quirk == Some(Quirk::Lazy) => {
                let trouble = Trouble::new(Kind::Rejected, "not now");
                let now = self.now();
                self.store().failed(slot, &trouble, now);
            }
            Action::Order(slot, key) => return self.order(slot, key),
            Action::Advice(slot) => self.advise(slot),
            Action::Root | Action::Make(..) => {}
        }
        Ok(())
    }

    /// Asks the name servers for the digests.
    fn ask(&mut self) {
        if self.world.quirk == Some(Quirk::Deaf) {
            return;
        }
        self.publish();
        let now = self.now();
        let slots = self.store().unseen(now);
        let result = match self.lags() && self.world.quirk != Some(Quirk::Blind) {
            true => Err(self.met(Trouble::new(Kind::NotVisible, "a secondary lags"))),
            false => Ok(()),
        };
        self.store().seen(&slots, result, now);
    }

    fn lags(&self) -> bool {
        matches!(self.trial, Some((Trial::Lag, _)))
    }

    fn met(&mut self, trouble: Trouble) -> Trouble {
        self.tally.kinds.insert(trouble.kind);
        trouble
    }

    fn session(&mut self) -> Result<(), Trouble> {
        let place = (self.trial.map(|(trial, _)| trial), self.wrong);
        self.store().account_key().unwrap();
        let known: Option<Account> = self.store().account().cloned();
        let account = self.ca.session(self.time, known.as_ref(), place)?;
        if known.as_ref() != Some(&account) {
            self.store().keep_account(account)?;
        }
        Ok(())
    }

    fn order(&mut self, slot: Slot, choice: KeyChoice) -> Result<(), Fault> {
        let trouble = match self.obtain(slot, choice) {
            Ok(()) => None,
            Err(Stop::Crash) => return self.start(),
            Err(Stop::Trouble(trouble)) => Some(self.met(trouble)),
        };
        if let Some(fault) = self.ca.faults.first() {
            return self.fault(fault);
        }
        let now = self.now();
        let Some(trouble) = trouble else {
            return self.obtained();
        };
        self.store().failed(slot, &trouble, now);
        Ok(())
    }

    fn obtained(&mut self) -> Result<(), Fault> {
        if self.world.quirk != Some(Quirk::Forgetful) {
            return Ok(());
        }
        let _ = fs::remove_file(self.folder.path().join("ledger.json"));
        self.start()
    }

    fn obtain(&mut self, slot: Slot, choice: KeyChoice) -> Result<(), Stop> {
        self.session().map_err(Stop::Trouble)?;
        let (time, now) = (self.time, self.now());
        let store = self.store.as_mut().unwrap();
        let request = store.request(slot, choice).map_err(Stop::Trouble)?;
        let name = match choice {
            KeyChoice::Current => format!("{slot}.key"),
            KeyChoice::Next => format!("{slot}.next.key"),
        };
        let key = PrivatePkcs8KeyDer::from_pem_file(self.folder.path().join(name)).unwrap();
        let algorithm = &rcgen::PKCS_ECDSA_P256_SHA256;
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, algorithm).unwrap();
        let mut noted = |order: &str| store.ordered(slot, order, now);
        let asked = (slot, &request, &key);
        let chain = (self.ca).obtain(time, asked, self.trial, &mut noted, &self.chance)?;
        let issued = store.issued(slot, choice, chain, now);
        issued.map_err(|trouble| {
            // As the appliance takes it: an order of before the key was changed, say.
            let kind = match trouble.kind {
                Kind::Unusable if request.pending.is_some() => Kind::OrderLost,
                kind => kind,
            };
            Stop::Trouble(Trouble { kind, ..trouble })
        })
    }

    fn advise(&mut self, slot: Slot) {
        let Some(leaf) = self.store().leaf(slot) else {
            return;
        };
        let said = self.session().map(|()| self.ca.advise(&leaf));
        let now = self.now();
        let store = self.store.as_mut().unwrap();
        store.advised(slot, said, now, &self.chance);
    }

    /// Shows the digests of now in the zones; who lags behind goes on with those before.
    fn publish(&mut self) {
        let Some(store) = &self.store else { return };
        let (snapshot, lags) = (store.snapshot(), self.lags());
        let same = |(then, lagged): &(Arc<Snapshot>, bool)| {
            Arc::ptr_eq(then, &snapshot) && *lagged == lags
        };
        if self.published.as_ref().is_some_and(same) {
            return;
        }
        let digests = snapshot.digests().into_iter();
        self.published = Some((snapshot, lags));
        let digests: Digests = digests
            .map(|(server, digests)| (server, digests.into_iter().collect()))
            .collect();
        self.shown[0].clone_from(&digests);
        if !lags {
            self.shown[1] = digests;
        }
        let both: BTreeSet<_> = (self.shown[0].iter())
            .flat_map(|(server, digests)| digests.iter().map(|digest| (*server, *digest)))
            .filter(|(server, digest)| {
                let other = self.shown[1].get(server);
                other.is_some_and(|other| other.contains(digest))
            })
            .collect();
        self.since.retain(|place, _| both.contains(place));
        for place in both {
            self.since.entry(place).or_insert(self.time);
        }
    }

    /// What must hold at any time: before what is served now is published.
    fn check(&mut self) -> Result<(), Fault> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let snapshot = store.snapshot();
        for slot in Slot::all() {
            let served = match slot {
                Slot::Mail(certificate) => snapshot.mail.get(&certificate),
                Slot::Web => snapshot.web.as_ref(),
            };
            let Some(served) = served else {
                if self.time > BEGIN + DAY {
                    return self.fault(&format!("there is no certificate {slot}"));
                }
                continue;
            };
            if served.not_after <= at(self.time) {
                return self.fault(&format!("{slot} ended at {}", served.not_after));
            }
            let digest = snapshot.keys[&slot].current;
            let before = self.used.insert(slot, digest);
            let (Slot::Mail(mailproof::base::Certificate::Host(server)), true) =
                (slot, slot.has_tlsa())
            else {
                self.tally.keys += usize::from(before.is_some_and(|before| before != digest));
                continue;
            };
            let Some(before) = before else { continue };
            let Some(since) = self.since.get(&(server, digest)).copied() else {
                return self.fault(&format!("not all name servers show the key of {slot}"));
            };
            if before == digest {
                continue;
            }
            self.tally.keys += 1;
            // Who has no other clock cannot know that the wait was cut short by setting it.
            if self.time < since + 2 * TTL && self.set < since {
                return self.fault(&format!(
                    "the key of {slot} is used after {} s",
                    self.time - since
                ));
            }
        }
        Ok(())
    }
}
