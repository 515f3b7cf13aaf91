//! One order, from its beginning to the chain (RFC 8555 7.4, 7.5).

use super::super::trouble::{Kind, Trouble};
use super::problem::{Stage, said, trouble};
use super::{Request, Session};
use crate::base::ports::{Challenge, Challenges};
use crate::base::{Domain, limits};
use instant_acme::{
    AuthorizationStatus, AuthorizedIdentifier, CertificateIdentifier, ChallengeStatus,
    ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Where a challenge is looked for, below the name (RFC 8555 8.4).
const PLACE: &str = "_acme-challenge";

type Noted<'a> = &'a (dyn Fn(&str) -> Result<(), Trouble> + Send + Sync);

/// [`Session::obtain`] without its limit of time.
pub(super) async fn obtain(
    session: &Session,
    request: &Request,
    challenges: &dyn Challenges,
    noted: Noted<'_>,
) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let mut watch = Watch::new(session);
    check_profile(session)?;
    let mut order = match resume(session, request, &mut watch).await? {
        Some(order) => order,
        None => begin(session, request, noted).await?,
    };
    if order.state().status == OrderStatus::Pending {
        prove(&mut order, request, challenges).await?;
        watch.heed();
        watch.pass(&mut order, &[OrderStatus::Pending]).await?;
    }
    if order.state().status == OrderStatus::Ready {
        order.finalize_csr(&request.csr).await.map_err(step)?;
        watch.heed();
    }
    // A CA may not have noticed yet that it was told all.
    let working = [
        OrderStatus::Pending,
        OrderStatus::Ready,
        OrderStatus::Processing,
    ];
    watch.pass(&mut order, &working).await?;
    let pem = order.certificate().await.map_err(step)?;
    chain(&pem.unwrap_or_default())
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn step(error: Error) -> Trouble {
    trouble(&error, Stage::Step)
}

fn lost(detail: &str) -> Trouble {
    Trouble::new(Kind::OrderLost, detail)
}

/// Whether the CA has the profile that is wanted.
fn check_profile(session: &Session) -> Result<(), Trouble> {
    let Some(wanted) = &session.profile else {
        return Ok(());
    };
    let profiles = session.account.profiles();
    let names: BTreeSet<_> = profiles.map(|profile| profile.name.to_owned()).collect();
    if names.contains(wanted) {
        return Ok(());
    }
    let names = match names.len() {
        0 => "none".to_owned(),
        _ => names.into_iter().collect::<Vec<_>>().join(", "),
    };
    let detail = format!("the CA has no profile {wanted}; it has {names}");
    Err(Trouble::new(Kind::Profile, &detail))
}

/// The order that was begun before, if it can be gone on with and is for the same.
async fn resume(
    session: &Session,
    request: &Request,
    watch: &mut Watch<'_>,
) -> Result<Option<Order>, Trouble> {
    let Some(url) = &request.pending else {
        return Ok(None);
    };
    let other = |error: Error| {
        let trouble = step(error);
        // These would befall a new order as well.
        match trouble.kind {
            Kind::Unreachable | Kind::RateLimited | Kind::AccountGone | Kind::Clock => Err(trouble),
            _ => Ok(None),
        }
    };
    let mut order = match session.account.order(url.clone()).await {
        Ok(order) => order,
        Err(error) => return other(error),
    };
    watch.heed();
    let state = order.state();
    let (status, profile) = (state.status, state.profile.clone());
    if status == OrderStatus::Invalid {
        // It failed while nobody looked, and counts at the CA all the same.
        return Err(failed(&mut order).await);
    }
    if state.authorizations.len() > limits::ACME_AUTHORIZATIONS
        || profile.is_some() && session.profile.is_some() && profile != session.profile
    {
        return Ok(None);
    }
    let mut names = BTreeSet::new();
    let mut authorizations = order.authorizations();
    while let Some(next) = authorizations.next().await {
        let authorization = match next {
            Ok(authorization) => authorization,
            Err(error) => return other(error),
        };
        let alive = matches!(
            authorization.status,
            AuthorizationStatus::Pending | AuthorizationStatus::Valid
        );
        if status == OrderStatus::Pending && !alive {
            return Ok(None);
        }
        names.insert(domain(&authorization.identifier()));
    }
    let wanted: BTreeSet<_> = request.names.iter().cloned().map(Some).collect();
    Ok((names == wanted).then_some(order))
}

/// A new order, noted.
async fn begin(session: &Session, request: &Request, noted: Noted<'_>) -> Result<Order, Trouble> {
    let names = request.names.iter();
    let names: Vec<_> = names
        .map(|name| Identifier::Dns(name.as_str().to_owned()))
        .collect();
    let wanted = || {
        let order = NewOrder::new(&names);
        match &session.profile {
            Some(profile) => order.profile(profile),
            None => order,
        }
    };
    let replaces = request.replaces.as_ref();
    let replaces = replaces.and_then(|old| CertificateIdentifier::try_from(old).ok());
    let order = match replaces {
        None => session.account.new_order(&wanted()).await,
        Some(old) => {
            let order = session.account.new_order(&wanted().replaces(old)).await;
            match order {
                Err(error) if is_about_the_old(&error) => {
                    session.account.new_order(&wanted()).await
                }
                other => other,
            }
        }
    };
    let order = order.map_err(|error| trouble(&error, Stage::Order))?;
    noted(order.url())?;
    Ok(order)
}

/// Whether an order may be taken that replaces nothing: a CA cannot do it, has done it already, does not know the old
/// certificate or ascribes it to another account, and says so in many ways. If it is something else, it is said again.
fn is_about_the_old(error: &Error) -> bool {
    matches!(
        trouble(error, Stage::Order).kind,
        Kind::Protocol | Kind::Rejected | Kind::AccountClosed | Kind::OrderLost
    )
}

/// Shows all proofs that are missing, then tells the CA to look.
async fn prove(
    order: &mut Order,
    request: &Request,
    challenges: &dyn Challenges,
) -> Result<(), Trouble> {
    let count = order.state().authorizations.len();
    if count > limits::ACME_AUTHORIZATIONS {
        let detail = format!("the CA wants {count} authorizations for one order");
        return Err(Trouble::new(Kind::Protocol, &detail));
    }
    let mut proofs = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(next) = authorizations.next().await {
        let mut authorization = next.map_err(step)?;
        let told = authorization.identifier().to_string();
        let name = domain(&authorization.identifier());
        let Some(name) = name.filter(|name| request.names.contains(name)) else {
            let detail = format!("the CA wants a proof for {told}, which was not ordered");
            return Err(Trouble::new(Kind::Protocol, &detail));
        };
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            // The order says what became of it.
            AuthorizationStatus::Invalid => return Ok(()),
            _ => return Err(lost(&format!("the authorization for {name} has ended"))),
        }
        let Some(challenge) = authorization.challenge(ChallengeType::Dns01) else {
            let detail = format!("the CA offers no dns-01 for {name}");
            return Err(Trouble::new(Kind::Rejected, &detail));
        };
        let place = name.below(PLACE);
        proofs.push(Challenge {
            name: place.map_err(|error| Trouble::new(Kind::Rejected, &error.0))?,
            text: challenge.key_authorization().dns_value(),
        });
    }
    if proofs.is_empty() {
        return Ok(());
    }
    let shown = challenges.show(proofs).await;
    shown.map_err(|why| Trouble::new(Kind::NotVisible, &why))?;
    tell(order).await
}

/// Tells the CA to look.
async fn tell(order: &mut Order) -> Result<(), Trouble> {
    let mut refused = BTreeMap::new();
    let mut authorizations = order.authorizations();
    while let Some(next) = authorizations.next().await {
        let mut authorization = next.map_err(step)?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        // One that was told already, in an attempt before, is looked at as it is.
        if let Some(mut challenge) = authorization.challenge(ChallengeType::Dns01)
            && challenge.status == ChallengeStatus::Pending
        {
            let name = challenge.identifier().to_string();
            let Err(error) = challenge.set_ready().await else {
                continue;
            };
            let trouble = match error {
                Error::Api(problem) => of_name(&name, &said(&problem, Stage::Proof)),
                other => step(other),
            };
            if trouble.kind != Kind::Rejected {
                return Err(trouble);
            }
            refused.insert(name, trouble);
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    // A CA that was told in an attempt before may have looked since we asked: then it takes no word, and needs none.
    let mut authorizations = order.authorizations();
    while let Some(next) = authorizations.next().await {
        let mut authorization = next.map_err(step)?;
        let Some(trouble) = refused.remove(&authorization.identifier().to_string()) else {
            continue;
        };
        let state = authorization.refresh().await.map_err(step)?;
        if state.status == AuthorizationStatus::Pending {
            return Err(trouble);
        }
    }
    Ok(())
}

fn domain(identifier: &AuthorizedIdentifier<'_>) -> Option<Domain> {
    match identifier {
        AuthorizedIdentifier {
            identifier: Identifier::Dns(name),
            wildcard: false,
            ..
        } => Domain::parse(name).ok(),
        _ => None,
    }
}

/// Looks at an order again and again, with growing pauses.
struct Watch<'a> {
    session: &'a Session,
    until: Instant,
    pause: Duration,
    /// The wait that the CA asked for when it last spoke of the order.
    asked: Option<Duration>,
}

impl<'a> Watch<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            until: Instant::now() + limits::ACME_ORDER,
            pause: limits::ACME_POLL.0,
            asked: None,
        }
    }

    /// Heeds what the last reply asks for.
    fn heed(&mut self) {
        self.asked = self.session.tap.wait();
    }

    /// Waits until the order has none of these states, and is not invalid.
    async fn pass(&mut self, order: &mut Order, states: &[OrderStatus]) -> Result<(), Trouble> {
        let (least, most) = limits::ACME_POLL;
        while states.contains(&order.state().status) {
            let asked = self.asked.take();
            let pause = asked.unwrap_or(self.pause).max(least);
            if Instant::now() + pause > self.until {
                let detail = "the order takes the CA longer than we wait";
                return Err(Trouble {
                    wait: asked,
                    ..Trouble::new(Kind::Unreachable, detail)
                });
            }
            sleep(pause).await;
            self.pause = (self.pause * 2).min(most);
            order.refresh().await.map_err(step)?;
            self.heed();
        }
        match order.state().status {
            OrderStatus::Invalid => Err(failed(order).await),
            _ => Ok(()),
        }
    }
}

/// Why an order is invalid, as the CA tells it: of the authorization that failed, else of the order.
async fn failed(order: &mut Order) -> Trouble {
    let whole = order.state().error.as_ref();
    let whole = whole.map(|problem| said(problem, Stage::Proof));
    let mut authorizations = order.authorizations();
    for _ in 0..limits::ACME_AUTHORIZATIONS {
        // What cannot be looked at says nothing.
        let Some(Ok(authorization)) = authorizations.next().await else {
            break;
        };
        let errors = authorization.challenges.iter();
        if let Some(problem) = errors
            .filter_map(|challenge| challenge.error.as_ref())
            .next()
        {
            let name = authorization.identifier().to_string();
            return of_name(&name, &said(problem, Stage::Proof));
        }
    }
    whole.unwrap_or_else(|| lost("the order has become invalid; the CA does not say why"))
}

fn of_name(name: &str, trouble: &Trouble) -> Trouble {
    Trouble::new(trouble.kind, &format!("{name}: {}", trouble.detail))
}

/// The certificates in what a CA hands out (RFC 8555 9.1).
fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let unusable = |detail: &str| Trouble::new(Kind::Unusable, detail);
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes())
        .take(limits::ACME_CHAIN + 1)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| unusable("the chain holds no whole certificate"))?;
    match chain.len() {
        0 => Err(unusable("the chain holds no certificate")),
        1..=limits::ACME_CHAIN => Ok(chain),
        _ => Err(unusable(&format!(
            "the chain has more than {} certificates",
            limits::ACME_CHAIN
        ))),
    }
}
