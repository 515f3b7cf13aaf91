//! Telling the secondaries of each change, one task for each secondary and zone: until it has heard or there is
//! something newer to tell.

use super::World;
use super::publish::{PublishError, Publisher};
use crate::base::{Domain, Timestamp, Zone, limits};
use crate::config::Config;
use crate::dial::notify::{NotifyError, Target, notify};
use crate::serve::Shutdown;
use crate::sign::Snapshot;
use arc_swap::ArcSwap;
use hickory_proto::rr::{Name, Record};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What is known of the secondaries.
#[derive(Debug, Default)]
pub struct Secondaries(Mutex<Vec<State>>);

/// One zone at one secondary.
#[derive(Clone, Debug)]
struct State {
    address: SocketAddr,
    zone: Domain,
    /// The serial that it heard of last, and when.
    heard: Option<(u32, Timestamp)>,
    /// Why it did not hear of the latest, if so.
    trouble: Option<NotifyError>,
}

impl Secondaries {
    /// One row for each secondary and zone, in the order of the configuration; `None` when there is none.
    pub fn json(&self) -> Option<Value> {
        let states = self.states();
        let row = |state: &State| {
            json!({
                "address": state.address,
                "zone": state.zone,
                "serial": state.heard.map(|(serial, _)| serial),
                "heard": state.heard.map(|(_, when)| when),
                "trouble": state.trouble.as_ref().map(ToString::to_string),
            })
        };
        (!states.is_empty()).then(|| states.iter().map(row).collect())
    }

    fn states(&self) -> MutexGuard<'_, Vec<State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how it went, and warns when that is news.
    fn note(&self, index: usize, result: Result<u32, NotifyError>, now: Timestamp) {
        let mut states = self.states();
        let Some(state) = states.get_mut(index) else {
            return;
        };
        let (address, zone) = (state.address, &state.zone);
        match result {
            Ok(serial) => {
                if state.trouble.take().is_some() {
                    tracing::info!("the secondary {address} hears of {zone} again");
                }
                state.heard = Some((serial, now));
            }
            Err(error) => {
                // What is wrong may change from try to try: that is no news.
                if state.trouble.is_none() {
                    tracing::warn!(
                        "the secondary {address} was not told of {zone}: it {error}; it is told again until it answers. \
                         Is it running, is {zone} a zone of it, does it allow NOTIFY from here with the same key, and \
                         are both clocks right?"
                    );
                }
                state.trouble = Some(error);
            }
        }
    }
}

/// Tells one secondary of one zone.
struct Teller {
    index: usize,
    target: Target,
    apex: Name,
    snapshot: Arc<ArcSwap<Snapshot>>,
    secondaries: Arc<Secondaries>,
    world: World,
}

/// Starts a task for each secondary and zone; each ends at shutdown.
///
/// # Errors
/// When the name of a key or zone is no domain name.
pub fn start(
    config: &Config,
    publisher: &Publisher,
    world: &World,
    tasks: &mut JoinSet<()>,
    shutdown: &Shutdown,
) -> Result<Arc<Secondaries>, PublishError> {
    let secondaries = Arc::new(Secondaries::default());
    let own = config.network.listeners(config.network.dns_port);
    for secondary in &config.dns.secondaries {
        let address = secondary.address;
        let same_family = |own: &&SocketAddr| own.is_ipv4() == address.is_ipv4();
        let target = Target {
            address,
            from: own.iter().find(same_family).map(SocketAddr::ip),
            key: publisher.transfer_key(&secondary.key)?,
        };
        for zone in Zone::ALL {
            let zone = config.zone_name(zone);
            let apex = Name::from_str(&format!("{zone}."));
            let mut states = secondaries.states();
            let teller = Teller {
                index: states.len(),
                target: target.clone(),
                apex: apex.map_err(|error| PublishError(error.to_string()))?,
                snapshot: publisher.snapshot(),
                secondaries: Arc::clone(&secondaries),
                world: world.clone(),
            };
            states.push(State {
                address,
                zone,
                heard: None,
                trouble: None,
            });
            tasks.spawn(teller.run(publisher.published(), shutdown.clone()));
        }
    }
    Ok(secondaries)
}

impl Teller {
    async fn run(self, published: watch::Receiver<()>, mut shutdown: Shutdown) {
        tokio::select! {
            () = self.tell(published) => {}
            _ = shutdown.wait_for(|stopping| *stopping) => {}
        }
    }

    /// Tells of each change, until nobody publishes any more.
    async fn tell(&self, mut published: watch::Receiver<()>) {
        let mut pause = limits::NOTIFY_PAUSE;
        loop {
            published.borrow_and_update();
            if self.attempt().await {
                pause = limits::NOTIFY_PAUSE;
                if published.changed().await.is_err() {
                    return;
                }
                continue;
            }
            // The next version is told at once, but no faster than a secondary that is down deserves.
            let waited = tokio::time::timeout(pause, published.changed()).await;
            match waited {
                Ok(Ok(())) => tokio::time::sleep(limits::NOTIFY_PAUSE).await,
                Ok(Err(_)) => return,
                Err(_) => pause = longer(pause),
            }
        }
    }

    /// Tells of what is served now; whether the secondary heard.
    async fn attempt(&self) -> bool {
        let Some((serial, soa)) = self.soa() else {
            return true;
        };
        let mut id = [0; 2];
        self.world.random.fill(&mut id);
        let now = u64::try_from(self.world.clock.now().as_second()).unwrap_or_default();
        let told = notify(&self.target, &soa, u16::from_be_bytes(id), now).await;
        let heard = told.is_ok();
        let result = told.map(|()| serial);
        self.secondaries
            .note(self.index, result, self.world.clock.now());
        heard
    }

    fn soa(&self) -> Option<(u32, Record)> {
        let snapshot = self.snapshot.load();
        let zone = snapshot.zones().find(|zone| *zone.origin() == self.apex)?;
        Some((zone.serial(), zone.soa().ok()?))
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(limits::NOTIFY_LONGEST_PAUSE)
}
