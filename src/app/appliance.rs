//! The appliance: what it holds, and how it starts and stops.

use super::alarm::Alarm;
use super::ca::CaFetch;
use super::certifier::Certifier;
use super::control::{Commands, Running};
use super::live::Live;
use super::observer::Observer;
use super::outcome::Outcomes;
use super::pages::Site;
use super::presented::Presented;
use super::publish::Publisher;
use super::relay::OperatorRelay;
use super::reports::Intake;
use super::sockets::Sockets;
use super::zones::Zones;
use super::{StartError, World, amend, failed, notifier, wake, way_out};
use crate::base::ports::{Clock, Control, Desk as DeskPort, Judge, Random};
use crate::base::{Event, Gap, Order, Timestamp, Zone, limits};
use crate::cases;
use crate::certs::acme::{self, Acme};
use crate::config::{Config, Issuer};
use crate::desk::{self, Desk};
use crate::dial::Dial;
use crate::dial::judge::MailJudge;
use crate::journal::{Batch, Journal, JournalError, Opened};
use crate::serve::{self, Shutdown, web};
use crate::zone::Operator;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long clients, and mails under way, may take when the appliance stops: longer than a session gives its client.
const GRACE: Duration = limits::STOP_GRACE
    .saturating_add(limits::WRITE_TIMEOUT)
    .saturating_add(limits::LAST_WORDS);

/// How long another process may hold the journal before we give up.
const LOCK_WAIT: Duration = Duration::from_secs(15);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The state directory, opened.
pub struct Appliance {
    pub config: Arc<Config>,
    pub live: Arc<Live>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    publisher: Arc<Mutex<Publisher>>,
    gap: Option<Gap>,
    /// The serial that the last run used last.
    pub last_serial: Option<u32>,
}

impl Appliance {
    /// Opens keys, certificates and journal, making what is missing, and replays the journal.
    ///
    /// # Errors
    /// When one of them is damaged, locked by a running appliance, or cannot be read or written.
    pub fn open(
        config: Config,
        operator: BTreeMap<Zone, Operator>,
        World { clock, random }: World,
    ) -> Result<Self, StartError> {
        let now = clock.now();
        let directory = &config.state.directory;
        std::fs::create_dir_all(directory)
            .map_err(|error| failed(format!("{}: {error}", directory.display())))?;
        // The journal's lock is the directory's, so that only one process makes keys.
        let (journal, opened) =
            open_journal(&directory.join("journal.redb"), now).map_err(failed)?;
        let publisher = Publisher::open(&config, operator, &*random, now).map_err(failed)?;
        let mut desk = Desk::new(desk_settings(&config, &publisher));
        let mut last_serial = None;
        journal
            .replay(|event| {
                if let Event::Order(order) = &event {
                    last_serial = Some(order.serial);
                }
                desk.apply(&event);
            })
            .map_err(failed)?;
        let gap = opened.gap.clone();
        let live = Live::new(
            desk,
            (journal, &opened),
            Arc::clone(&clock),
            Arc::clone(&random),
        );
        Ok(Self {
            config: Arc::new(config),
            live,
            clock,
            random,
            publisher: Arc::new(Mutex::new(publisher)),
            gap,
            last_serial,
        })
    }

    /// What is published, for as long as nothing is awaited.
    pub fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What is published, to be shared.
    pub fn shared_publisher(&self) -> Arc<Mutex<Publisher>> {
        Arc::clone(&self.publisher)
    }

    /// The first zones, with an order of nobody's wish; nothing is noted, which does for commands while the appliance is
    /// down.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub fn publish_unnoted(&self) -> Result<Order, StartError> {
        let order = cases::order::IDLE[0];
        self.publisher()
            .publish(order, self.last_serial, self.clock.now())
            .map_err(failed)
    }

    /// Serves until `shutdown`, then ends what is under way and returns.
    ///
    /// # Errors
    /// When the first zones cannot be published, or the way out cannot be made; nothing was served then.
    pub async fn run(self, mut sockets: Sockets, shutdown: Shutdown) -> Result<(), StartError> {
        let dial = way_out::dial(&self.config)?;
        let alarm = Alarm::new().map_err(failed)?;
        if let Some(gap) = self.gap.clone() {
            let _ = self.live.step(|desk| ((), desk.gap(gap))).await;
        }
        self.publish_first().await?;
        sockets.open_control(&self.config)?;
        let certificates = self.publisher().certs().snapshot();
        let presented = Arc::new(Presented::new(&self.config, &certificates)?);
        let certifier = self.certifier(&dial, &presented)?;
        let (observer, queries) = Observer::new(
            Arc::clone(&self.live),
            dial.clone(),
            Arc::clone(&self.clock),
        );
        let outcomes = Outcomes::new(&self, dial.clone()).map_err(failed)?;
        let mut helpers = JoinSet::new();
        let world = self.world();
        let told = notifier::start(
            &self.config,
            &self.publisher(),
            &world,
            &mut helpers,
            &shutdown,
        );
        let running = Running {
            outcomes: Arc::clone(&outcomes),
            secondaries: told.map_err(failed)?,
            observer: Arc::clone(&observer),
        };
        let commands: Arc<dyn Control> = Arc::new(Commands::new(&self, Some(running)));
        let desk: Arc<dyn DeskPort> = observer.clone();

        let mut listeners = JoinSet::new();
        let came = Arc::new(Notify::new());
        let ports = self.mail_ports(&dial, desk, &came);
        self.listen(
            &mut listeners,
            sockets,
            (ports, &presented, commands),
            &shutdown,
        )?;
        let stopped = shutdown.clone();
        helpers.spawn(async move { observer.observe(queries, stopped).await });
        helpers.spawn(amend::run(Arc::clone(&self.live), came, shutdown.clone()));
        helpers.spawn(Arc::clone(&outcomes).send_queued(shutdown.clone()));
        tracing::info!(
            "serving {} and {}",
            self.config.zone_name(Zone::Et),
            self.config.zone_name(Zone::Ut)
        );
        wake::run(&self, &outcomes, &certifier, &alarm, shutdown).await;
        let _ = tokio::time::timeout(GRACE, async {
            while listeners.join_next().await.is_some() {}
            while helpers.join_next().await.is_some() {}
        })
        .await;
        self.live.save_at_last().await;
        let last = Batch {
            alive: Some(self.clock.now()),
            ..Batch::default()
        };
        if let Err(error) = self.live.journal().commit(last).await {
            tracing::error!("the journal was not closed in order: {error}");
        }
        tracing::info!("stopped");
        Ok(())
    }

    fn world(&self) -> World {
        World {
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        }
    }

    /// What renews the certificates that these listeners present.
    ///
    /// # Errors
    /// When a root certificate for the CA cannot be read.
    pub fn certifier(
        &self,
        dial: &Dial,
        presented: &Arc<Presented>,
    ) -> Result<Arc<Certifier>, StartError> {
        let zones = Zones::new(
            Arc::clone(&self.config),
            self.shared_publisher(),
            Arc::clone(&self.live),
            dial.clone(),
            (self.world(), self.last_serial),
        );
        let certificates = &self.config.certificates;
        let acme = match certificates.issuer {
            Issuer::Internal => None,
            Issuer::Acme => {
                let settings = acme::Settings {
                    directory: certificates.directory.clone(),
                    contact: certificates.contact.clone(),
                    profile: certificates.profile.clone(),
                };
                let fetch = Arc::new(CaFetch::new(dial.clone(), &self.config)?);
                Some(Acme::new(settings, fetch, Arc::clone(&self.clock)))
            }
        };
        Ok(Arc::new(Certifier::new(
            self.shared_publisher(),
            Arc::clone(presented),
            zones,
            acme,
            (self.world(), self.live.changed()),
        )))
    }

    /// The first zones, noted.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub async fn publish_first(&self) -> Result<(), StartError> {
        let published = self.publish_unnoted()?;
        let _ = self.live.step(|desk| ((), desk.published(published))).await;
        Ok(())
    }

    fn listen(
        &self,
        listeners: &mut JoinSet<()>,
        sockets: Sockets,
        (ports, presented, commands): (serve::smtp::Ports, &Arc<Presented>, Arc<dyn Control>),
        shutdown: &Shutdown,
    ) -> Result<(), StartError> {
        let (desk, reports) = (Arc::clone(&ports.desk), Arc::clone(&ports.reports));
        let snapshot = self.publisher().snapshot();
        let mut secret = [0; 16];
        self.random.fill(&mut secret);
        let dns = serve::dns::Settings {
            tcp_clients: self.config.dns.tcp_clients,
            identity: self.config.zone_name(Zone::Et).to_string(),
            rate_limit: self.config.dns.rate_limit,
            cookie_secret: serve::dns::CookieSecret(secret),
            keys: self.publisher().transfer_keys().map_err(failed)?,
        };
        let dns = serve::dns::run(
            sockets.dns,
            snapshot,
            dns,
            Arc::clone(&desk),
            Arc::clone(&self.clock),
            shutdown.clone(),
        );
        listeners.spawn(async move {
            if let Err(error) = dns.await {
                tracing::error!("the nameserver stopped: {error}");
            }
        });
        listeners.spawn(serve::smtp::run(
            sockets.smtp,
            Arc::clone(&presented.smtp),
            ports,
            shutdown.clone(),
        ));
        let site = web::Web {
            tls: Arc::clone(&presented.web),
            pages: Arc::new(Site::new(&self.config).map_err(failed)?),
            reports,
            reports_host: self.config.zone_name(Zone::Et),
            desk,
            clock: Arc::clone(&self.clock),
            settings: web::Settings {
                https_port: self.config.network.https_port,
                ..web::Settings::default()
            },
        };
        listeners.spawn(web::run(
            site,
            sockets.https,
            sockets.http,
            shutdown.clone(),
        ));
        if let Some(control) = sockets.control {
            listeners.spawn(serve::control::run(control, commands, shutdown.clone()));
        }
        Ok(())
    }

    /// What the mail server asks.
    fn mail_ports(
        &self,
        dial: &Dial,
        desk: Arc<dyn DeskPort>,
        came: &Arc<Notify>,
    ) -> serve::smtp::Ports {
        let relay = OperatorRelay::new(
            dial.clone(),
            self.config.reply.operator.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.random),
        );
        let base_domain = &self.config.base_domain;
        let judge: Arc<dyn Judge> = Arc::new(MailJudge::new(dial.clone(), base_domain.clone()));
        let reports = Arc::new(Intake::new(
            Arc::clone(&self.live),
            Arc::clone(&judge),
            dial.clone(),
            Arc::clone(&self.clock),
            base_domain.clone(),
            Arc::clone(came),
        ));
        serve::smtp::Ports {
            desk,
            judge,
            relay: Arc::new(relay),
            reports,
            clock: Arc::clone(&self.clock),
        }
    }
}

/// Opens the journal; a command that reads it is done within moments, so that its lock is waited for.
fn open_journal(path: &Path, now: Timestamp) -> Result<(Journal, Opened), JournalError> {
    let mut waited = Duration::ZERO;
    loop {
        match Journal::open(path, now) {
            Err(JournalError::Locked(_)) if waited < LOCK_WAIT => {
                std::thread::sleep(LOCK_PAUSE);
                waited += LOCK_PAUSE;
            }
            other => return other,
        }
    }
}

fn desk_settings(config: &Config, publisher: &Publisher) -> desk::Settings {
    let test = config.test;
    desk::Settings {
        base_domain: config.base_domain.clone(),
        plaintext_window: test.plaintext_window,
        rotation: test.rotation,
        patience: test.patience,
        patience_attempts: test.patience_attempts,
        attempt_gap: test.attempt_gap,
        settle: test.settle,
        deadline: test.deadline,
        quiet: test.quiet,
        order_ttl: u32::try_from(config.dns.ttl_mx.as_secs()).unwrap_or(u32::MAX),
        token_key: publisher.keys().token.0,
        reply_from: config.reply.from.local.clone(),
    }
}
