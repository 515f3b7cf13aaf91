//! Delivery of one message under one policy: does what [`spec::sender`](crate::spec::sender) says, and tells it what came of it.
//!
//! Decides nothing about hosts, certificates or replies, and stores nothing but MTA-STS policies, in memory.

mod progress;
mod smarthost;

pub use crate::spec::sender::{GivenUp, Outcome, Reach, Reason, Sni, Stage, Verified};
pub use progress::Progress;
pub use smarthost::{Smarthost, submit};

use super::Dial;
use super::smtp::{Client, Needs, Reply, SmtpError, StartTls, Timeouts};
use crate::base::ports::Clock;
use crate::base::{Domain, Mailbox, Policy, Timestamp, limits};
use crate::spec::mta_sts::{self, Cache, Plan, RecordError};
use crate::spec::sender::{Demand, Fact, Order, Step, Walk};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// What is to be delivered, and how.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// How mail is protected.
    pub policy: Policy,
    /// The envelope sender; `None` is the null sender.
    pub from: Option<Mailbox>,
    /// The recipient.
    pub to: Mailbox,
    /// The message; line ends and dots are made right on the way.
    pub message: Arc<[u8]>,
    /// The name in EHLO.
    pub helo: String,
    /// When the host is named in the handshake.
    pub sni: Sni,
    /// Whether an opportunistic sender, after STARTTLS failed, connects again and goes on in clear text.
    pub clear_after_failure: bool,
    /// Where to stop and leave.
    pub stop_after: Option<Stage>,
    /// How far one attempt goes.
    pub reach: Reach,
    /// How long servers may take.
    pub timeouts: Timeouts,
    /// Orders hosts of equal preference; draw it anew for each attempt.
    pub seed: u64,
}

impl Delivery {
    /// A delivery as real senders make it.
    #[must_use]
    pub fn new(policy: Policy, to: Mailbox, message: Arc<[u8]>, helo: String, seed: u64) -> Self {
        Self {
            policy,
            from: None,
            to,
            message,
            helo,
            sni: Sni::default(),
            clear_after_failure: false,
            stop_after: None,
            reach: Reach::FULL,
            timeouts: Timeouts::DELIVERY,
            seed,
        }
    }

    fn order(&self) -> Order {
        Order {
            sni: self.sni,
            clear_after_failure: self.clear_after_failure,
            stop_after: self.stop_after,
            reach: self.reach,
            ..Order::new(self.to.domain.clone(), self.policy, self.seed)
        }
    }

    fn needs(&self) -> Needs {
        let from_utf8 = self
            .from
            .as_ref()
            .is_some_and(|from| !from.local.is_ascii());
        Needs {
            size: self.message.len(),
            eight_bit: !self.message.is_ascii(),
            utf8: from_utf8 || !self.to.local.is_ascii(),
        }
    }
}

/// MTA-STS policies kept between deliveries; cheap to clone, and shared by all.
#[derive(Clone, Debug, Default)]
pub struct StsCache(Arc<Mutex<Cache>>);

impl StsCache {
    fn with<T>(&self, act: impl FnOnce(&mut Cache) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes one attempt to deliver. Bounded by `delivery.timeouts` for each stage, `delivery.reach` for the number of
/// sessions, and by `limits::SESSION_TIMEOUT`, after which no further server is connected. `observer` hears of every step and of what came of it.
pub async fn deliver(
    dial: &Dial,
    delivery: &Delivery,
    cache: &StsCache,
    clock: &dyn Clock,
    observer: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Outcome {
    let (mut walk, mut step) = Walk::begin(delivery.order());
    let mut driver = Driver {
        dial,
        delivery,
        cache,
        clock,
        session: None,
        started: clock.now(),
    };
    loop {
        observer(Progress::Next(&step));
        let fact = match step {
            Step::Done(outcome) => {
                driver.leave().await;
                return outcome;
            }
            Step::FindPolicy(domain) => {
                let (policy, why) = driver.policy(&domain).await;
                if let Some(why) = why {
                    observer(Progress::Policy(&why));
                }
                Fact::Policy(policy)
            }
            step => driver.carry_out(step).await,
        };
        observer(Progress::Came(&fact));
        let before = walk.given_up().len();
        step = walk.take(fact);
        for given_up in walk.given_up().iter().skip(before) {
            observer(Progress::GivenUp(given_up));
        }
    }
}

struct Driver<'a> {
    dial: &'a Dial,
    delivery: &'a Delivery,
    cache: &'a StsCache,
    clock: &'a dyn Clock,
    session: Option<(Client, Domain)>,
    started: Timestamp,
}

impl Driver<'_> {
    async fn carry_out(&mut self, step: Step) -> Fact {
        let resolver = self.dial.resolver();
        match step {
            Step::LookUpMx(domain) => Fact::Mx(resolver.mx(&domain).await),
            Step::LookUpAddresses(host) => Fact::Addresses(resolver.addresses(&host).await),
            Step::LookUpTlsa(name) => Fact::Tlsa(resolver.tlsa(&name).await),
            Step::Connect { host, address } => self.connect(host, address).await,
            Step::StartTls { sni, demand } => self.starttls(sni.as_ref(), &demand).await,
            Step::Say(stage) => self.say(stage).await,
            Step::FindPolicy(_) | Step::Leave | Step::Done(_) => {
                self.leave().await;
                Fact::Left
            }
        }
    }

    /// The policy that applies, kept or fetched (RFC 8461 5.1), and why none does where the domain seems to want one.
    async fn policy(&self, domain: &Domain) -> (Option<Arc<mta_sts::Policy>>, Option<String>) {
        let (id, mut why) = match self.policy_id(domain).await {
            Ok(id) => (id, None),
            Err(why) => (None, Some(why)),
        };
        let now = self.clock.now();
        let policy = match self
            .cache
            .with(|cache| cache.plan(domain, id.as_deref(), now))
        {
            Plan::Use(policy) => Some(policy),
            Plan::Without => None,
            Plan::Fetch(id) => {
                let fetched = self.fetch(domain).await.map_err(|error| why = Some(error));
                self.cache
                    .with(|cache| cache.fetched(domain, &id, fetched.ok(), now))
            }
        };
        (policy, why)
    }

    /// The id in the domain's record; `None` where there is no record.
    async fn policy_id(&self, domain: &Domain) -> Result<Option<String>, String> {
        let record = mta_sts::record_name(domain).map_err(|error| error.to_string())?;
        let texts = self.dial.resolver().txt(&record).await;
        if let Some(why) = texts.failed {
            return Err(why);
        }
        match mta_sts::record_id(&texts.records) {
            Ok(id) => Ok(Some(id)),
            Err(RecordError::None) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn fetch(&self, domain: &Domain) -> Result<mta_sts::Policy, String> {
        let host = mta_sts::policy_host(domain).map_err(|error| error.to_string())?;
        let fetched = self
            .dial
            .get(&host, mta_sts::POLICY_PATH, limits::FETCH_BODY)
            .await
            .map_err(|error| format!("{host}: {error}"))?;
        mta_sts::read_response(fetched.status, Some(&fetched.media_type), &fetched.body)
            .map_err(|error| format!("{host}: {error}"))
    }

    async fn connect(&mut self, host: Domain, address: IpAddr) -> Fact {
        for name in [&self.delivery.to.domain, &host] {
            if let Err(why) = self.dial.allows_domain(name) {
                return Fact::NotConnected(why.to_string());
            }
        }
        let spent = self.clock.now().duration_since(self.started);
        if spent.unsigned_abs() > limits::SESSION_TIMEOUT {
            return Fact::NotConnected("the attempt has taken too long already".to_owned());
        }
        let target = SocketAddr::new(address, self.dial.settings().smtp_port);
        let stream = match self.dial.connect(target).await {
            Ok(stream) => stream,
            Err(error) => return Fact::NotConnected(error.to_string()),
        };
        match Client::greeted(stream, self.delivery.timeouts).await {
            Ok((client, greeting)) => {
                self.session = Some((client, host));
                Fact::Answered(Stage::Greeting, greeting)
            }
            Err(error) => Fact::Lost(Stage::Greeting, error.to_string()),
        }
    }

    async fn starttls(&mut self, sni: Option<&Domain>, demand: &Demand) -> Fact {
        let Some((client, host)) = &mut self.session else {
            return no_session(Stage::StartTls);
        };
        let why = match client.starttls(sni).await {
            Ok(StartTls::Done(handshake)) => {
                let roots = &self.dial.roots().roots;
                return Fact::Secured(handshake.secured(roots, host, demand, self.clock.now()));
            }
            Ok(StartTls::Broken(broken)) => broken.to_string(),
            Ok(StartTls::Refused(reply)) => {
                self.leave().await;
                return Fact::NotSecured(format!("STARTTLS refused: {reply}"));
            }
            Err(error) => {
                self.session = None;
                return Fact::Lost(Stage::StartTls, error.to_string());
            }
        };
        self.session = None;
        Fact::NotSecured(why)
    }

    async fn say(&mut self, stage: Stage) -> Fact {
        let Some((client, _)) = &mut self.session else {
            return no_session(stage);
        };
        match speak(client, stage, self.delivery).await {
            Ok(reply) if matches!(stage, Stage::Ehlo | Stage::SecureEhlo) && reply.is_success() => {
                Fact::Greeted {
                    starttls: client.offers("STARTTLS"),
                }
            }
            Ok(reply) => Fact::Answered(stage, reply),
            Err(error) => {
                self.session = None;
                Fact::Lost(stage, error.to_string())
            }
        }
    }

    async fn leave(&mut self) {
        if let Some((client, _)) = self.session.take() {
            client.quit().await;
        }
    }
}

async fn speak(client: &mut Client, stage: Stage, delivery: &Delivery) -> Result<Reply, SmtpError> {
    match stage {
        Stage::Ehlo | Stage::SecureEhlo => client.ehlo(&delivery.helo).await,
        Stage::Mail => client.mail(delivery.from.as_ref(), delivery.needs()).await,
        Stage::Rcpt => client.rcpt(&delivery.to).await,
        Stage::Data => client.data().await,
        Stage::Message => client.message(&delivery.message).await,
        Stage::Greeting | Stage::StartTls => Err(SmtpError::Protocol(format!(
            "{stage} is no command of its own"
        ))),
    }
}

fn no_session(stage: Stage) -> Fact {
    Fact::Lost(stage, SmtpError::Closed.to_string())
}
