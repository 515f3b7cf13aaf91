//! Carries out what the plan for the certificates says: what needs nobody else at once, what a certificate authority or
//! the name servers have to do in one job at a time, beside everything else.

use super::World;
use super::presented::Presented;
use super::publish::{PublishError, Publisher};
use super::zones::Zones;
use crate::base::Timestamp;
use crate::base::ports::Challenges as _;
use crate::certs::acme::{Acme, Session};
use crate::certs::plan::{Action, KeyChoice, Plan};
use crate::certs::{Kind, Slot, Trouble};
use crate::serve::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What obtains certificates and takes them into service.
pub struct Certifier {
    publisher: Arc<Mutex<Publisher>>,
    presented: Arc<Presented>,
    zones: Zones,
    /// `None` with the internal issuer.
    acme: Option<Acme>,
    world: World,
    /// Wakes who looks at the plan.
    changed: Arc<Notify>,
    busy: AtomicBool,
    /// Whose certificates were unfit when that was said last.
    unfit: Mutex<Vec<Slot>>,
}

/// Says at its end, however it comes, that no job is under way.
struct Job(Arc<Certifier>);

impl Drop for Job {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
        self.0.changed.notify_one();
    }
}

impl Certifier {
    /// One that does nothing yet.
    pub fn new(
        publisher: Arc<Mutex<Publisher>>,
        presented: Arc<Presented>,
        zones: Zones,
        acme: Option<Acme>,
        (world, changed): (World, Arc<Notify>),
    ) -> Self {
        Self {
            publisher,
            presented,
            zones,
            acme,
            world,
            changed,
            busy: AtomicBool::new(false),
            unfit: Mutex::default(),
        }
    }

    fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Makes what needs nobody else, and takes what there is into service; says whether that changed.
    ///
    /// # Errors
    /// When a certificate could not be made; what was made before that is in service.
    pub fn renew(&self) -> Result<bool, PublishError> {
        let mut publisher = self.publisher();
        let renewed = publisher.renew(self.now(), &*self.world.random);
        match renewed {
            Ok(false) => self.tell(&publisher),
            // A renewal that failed half way has made some of them, and their digests are published.
            _ => self.present(&publisher),
        }
        renewed
    }

    fn present(&self, publisher: &Publisher) {
        let snapshot = publisher.certs().snapshot();
        if let Err(error) = self.presented.replace(&snapshot) {
            tracing::error!("the new certificates are not in service: {error}");
        }
        self.tell(publisher);
    }

    /// Says when it changes whether mail is taken.
    fn tell(&self, publisher: &Publisher) {
        let snapshot = publisher.certs().snapshot();
        let mut unfit = self.unfit.lock().unwrap_or_else(PoisonError::into_inner);
        if *unfit == snapshot.unfit {
            return;
        }
        unfit.clone_from(&snapshot.unfit);
        let names: Vec<_> = unfit.iter().map(|slot| slot.label()).collect();
        match &names[..] {
            [] => tracing::info!("all certificates are in service, and mail is taken"),
            names => tracing::warn!(
                "mail is put off: there are no certificates to show for {}; see `mailproof certs status`",
                names.join(", ")
            ),
        }
    }

    /// Begins a job if one is due and none is under way; says when to look again.
    pub fn look(self: &Arc<Self>, shutdown: &Shutdown) -> Option<Timestamp> {
        if self.busy.load(Ordering::Acquire) {
            return None;
        }
        let plan = self.plan();
        let actions: Vec<_> = plan
            .actions
            .into_iter()
            .filter(|one| !one.is_own())
            .collect();
        if actions.is_empty() {
            return plan.next;
        }
        self.busy.store(true, Ordering::Release);
        let (job, mut shutdown) = (Job(Arc::clone(self)), shutdown.clone());
        tokio::spawn(async move {
            // What is left half done is gone on with at the next start.
            tokio::select! {
                () = job.0.carry_out(actions) => {}
                _ = shutdown.wait_for(|stopping| *stopping) => {}
            }
        });
        None
    }

    fn plan(&self) -> Plan {
        let now = self.now();
        self.publisher().certs().plan(now).unwrap_or_else(|error| {
            tracing::error!("{error}");
            Plan {
                actions: Vec::new(),
                next: None,
            }
        })
    }

    async fn carry_out(&self, actions: Vec<Action>) {
        let mut session = None;
        for action in actions {
            // What went wrong before may concern this one too.
            if !self.plan().actions.contains(&action) {
                continue;
            }
            match action {
                Action::Look => self.look_up().await,
                Action::Order(slot, key) => self.order(&mut session, slot, key).await,
                Action::Advice(slot) => self.advise(&mut session, slot).await,
                Action::Root | Action::Make(..) => {}
            }
        }
    }

    /// Publishes the digests of the next keys, and waits until every name server shows them.
    async fn look_up(&self) {
        let slots = self.publisher().certs().unseen(self.now());
        let result = self.zones.show(Vec::new()).await;
        let result = result.map_err(|why| Trouble::new(Kind::NotVisible, &why));
        if let Err(trouble) = &result {
            tracing::warn!("no key is changed yet: {trouble}");
        }
        let now = self.now();
        self.publisher().certs_mut().seen(&slots, result, now);
    }

    /// Orders a certificate and takes it into service, or notes why not.
    async fn order(&self, session: &mut Option<Session>, slot: Slot, key: KeyChoice) {
        let result = self.obtain(session, slot, key).await;
        let now = self.now();
        if let Err(trouble) = result {
            tracing::warn!(
                "no new certificate {slot}: {trouble}. {}",
                trouble.kind.advice()
            );
            if trouble.kind == Kind::AccountGone {
                *session = None;
            }
            let mut publisher = self.publisher();
            publisher.certs_mut().failed(slot, &trouble, now);
            if publisher.challenges.is_empty() {
                return;
            }
        } else {
            tracing::info!("there is a new certificate {slot}");
        }
        // Without what the CA looked for, and with the digest of the key in use.
        if let Err(error) = self.zones.publish(Vec::new()).await {
            tracing::error!("the zones stay as they are: {error}");
        }
    }

    async fn obtain(
        &self,
        session: &mut Option<Session>,
        slot: Slot,
        key: KeyChoice,
    ) -> Result<(), Trouble> {
        let session = self.session(session).await?;
        let request = self.publisher().certs().request(slot, key)?;
        let noted = |order: &str| {
            let now = self.now();
            self.publisher().certs_mut().ordered(slot, order, now)
        };
        let chain = session.obtain(&request, &self.zones, &noted).await?;
        let now = self.now();
        let mut publisher = self.publisher();
        let issued = publisher.certs_mut().issued(slot, key, chain, now);
        // Before the digest of the key before goes; even if not all of it could be noted.
        self.present(&publisher);
        issued.map_err(|trouble| match trouble.kind {
            // An order that was begun before the key was changed, say: a new one may do better.
            Kind::Unusable if request.pending.is_some() => Trouble {
                kind: Kind::OrderLost,
                ..trouble
            },
            _ => trouble,
        })
    }

    async fn session<'a>(&self, session: &'a mut Option<Session>) -> Result<&'a Session, Trouble> {
        if session.is_none() {
            let acme = self.acme.as_ref();
            let (key, known) = {
                let publisher = self.publisher();
                let certs = publisher.certs();
                (certs.account_key(), certs.account().cloned())
            };
            let nobody = || Trouble::new(Kind::Rejected, "there is no CA");
            let (acme, key) = acme.zip(key).ok_or_else(nobody)?;
            let opened = acme.session(&key, known.as_ref()).await?;
            if known.as_ref() != Some(opened.account()) {
                let account = opened.account().clone();
                self.publisher().certs_mut().keep_account(account)?;
            }
            *session = Some(opened);
        }
        session
            .as_ref()
            .ok_or_else(|| Trouble::new(Kind::Protocol, "no session"))
    }

    /// Asks the CA when a certificate is to be renewed.
    async fn advise(&self, session: &mut Option<Session>, slot: Slot) {
        let leaf = self.publisher().certs().leaf(slot);
        let Some(leaf) = leaf else {
            return;
        };
        let said = match self.session(session).await {
            Ok(session) => session.renewal_info(&leaf).await,
            Err(trouble) => Err(trouble),
        };
        match &said {
            Ok(window) => {
                let page = window
                    .as_ref()
                    .and_then(|window| window.explanation.as_ref());
                if let Some(page) = page {
                    tracing::info!("why the CA wants {slot} renewed then: {page}");
                }
            }
            Err(trouble) => tracing::info!("the CA does not say when to renew {slot}: {trouble}"),
        }
        let now = self.now();
        let mut publisher = self.publisher();
        publisher
            .certs_mut()
            .advised(slot, said, now, &*self.world.random);
    }
}
