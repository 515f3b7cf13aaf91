//! Looks at a domain: its records, its policy, and the addresses of its MX hosts. Decides nothing about them.

use super::evidence::{Contact, Dmarc, Evidence, Host, PolicyFault, Sts, nothing};
use super::plan::{self, Exchange, Naming};
use super::visit::Visitor;
use super::{Settings, spf};
use crate::base::{Domain, Lookup, NameError, Timestamp, Tlsa, limits};
use crate::dial::Dial;
use crate::dial::https::{FetchError, Fetched};
use crate::spec::mta_sts;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Looks at all there is to see; bounded by `limits::{MX_HOSTS, MX_ADDRESSES, PROBE_CONNECTIONS}` and the time limits
/// of each step.
pub(super) async fn look(
    dial: &Dial,
    domain: &Domain,
    settings: &Settings,
    now: Timestamp,
) -> Evidence {
    let ((mx, plan, hosts), sts, tlsrpt, spf, dmarc) = tokio::join!(
        hosts(dial, domain),
        sts(dial, domain),
        texts(dial, domain.below("_smtp._tls")),
        spf_texts(dial, domain),
        dmarc(dial, domain),
    );
    let (hosts, left_out) = contacts(dial, domain, hosts, settings, now).await;
    Evidence {
        domain: domain.clone(),
        mx,
        plan,
        hosts,
        left_out,
        sts,
        tlsrpt,
        spf,
        dmarc,
    }
}

type Hosts = (Lookup<crate::base::Mx>, plan::Plan, Vec<Host>);

async fn hosts(dial: &Dial, domain: &Domain) -> Hosts {
    let mx = dial.resolver().mx(domain).await;
    let mut plan = plan::plan(domain, &mx);
    let mut looking = JoinSet::new();
    for (place, exchange) in plan.exchanges.iter().cloned().enumerate() {
        let dial = dial.clone();
        looking.spawn(async move { (place, host(&dial, exchange).await) });
    }
    let mut hosts = looking.join_all().await;
    hosts.sort_by_key(|(place, _)| *place);
    let mut hosts: Vec<_> = hosts.into_iter().map(|(_, host)| host).collect();
    if plan.naming == Naming::Implicit {
        // Without an address of its own the domain has no mail host at all.
        hosts.retain(|host| host.addresses.failed.is_some() || !host.addresses.records.is_empty());
        plan.exchanges.truncate(hosts.len());
    }
    (mx, plan, hosts)
}

async fn host(dial: &Dial, exchange: Exchange) -> Host {
    let (addresses, caa) = tokio::join!(
        dial.resolver().addresses(&exchange.host),
        caa(dial, &exchange.host)
    );
    let (base, tlsa) = tlsa(dial, &exchange.host, &addresses).await;
    Host {
        exchange,
        addresses,
        tlsa,
        base,
        caa,
        contacts: Vec::new(),
    }
}

/// RFC 7672 2.2.3: the name that aliases lead to comes first, when all of the way is secure; then the host's own.
async fn tlsa(dial: &Dial, host: &Domain, addresses: &Lookup<IpAddr>) -> (Domain, Lookup<Tlsa>) {
    let canonical = addresses.canonical.clone();
    if let Some(base) = canonical.filter(|base| base != host && addresses.is_secure()) {
        let found = tlsa_below(dial, &base).await;
        if found.failed.is_some() || found.is_secure() && !found.records.is_empty() {
            return (base, found);
        }
    }
    (host.clone(), tlsa_below(dial, host).await)
}

async fn tlsa_below(dial: &Dial, base: &Domain) -> Lookup<Tlsa> {
    match base.below("_25._tcp") {
        Ok(name) => dial.resolver().tlsa(&name).await,
        Err(_) => nothing(),
    }
}

async fn caa(dial: &Dial, host: &Domain) -> Result<bool, String> {
    for name in plan::climb(host) {
        let name = name.ok_or("the host has too many labels to climb")?;
        let found = dial.resolver().caa(&name).await;
        if let Some(why) = found.failed {
            return Err(why);
        }
        if !found.records.is_empty() {
            return Ok(found.records.iter().any(|record| record.tag == "issue"));
        }
    }
    Ok(false)
}

async fn texts(dial: &Dial, name: Result<Domain, NameError>) -> Lookup<String> {
    match name {
        Ok(name) => dial.resolver().txt(&name).await,
        Err(_) => nothing(),
    }
}

async fn spf_texts(dial: &Dial, domain: &Domain) -> Lookup<String> {
    let mut found = dial.resolver().txt(domain).await;
    for _ in 0..limits::SPF_REDIRECTS {
        let spf::Spf::Redirect(name) = spf::read(&found.records) else {
            break;
        };
        // A name with macros depends on the sender.
        let Ok(name) = Domain::parse(&name) else {
            break;
        };
        found = dial.resolver().txt(&name).await;
    }
    found
}

async fn dmarc(dial: &Dial, domain: &Domain) -> Dmarc {
    let texts_of = async |domain: &Domain| texts(dial, domain.below("_dmarc")).await;
    let own = texts_of(domain).await;
    let above = domain.registrable();
    let is_absent = super::dmarc::read(&own.records) == Err(super::dmarc::Fault::Absent);
    if own.failed.is_none() && is_absent && above != *domain {
        return Dmarc {
            texts: texts_of(&above).await,
            inherited: true,
        };
    }
    Dmarc {
        texts: own,
        inherited: false,
    }
}

async fn sts(dial: &Dial, domain: &Domain) -> Sts {
    let record = texts(dial, mta_sts::record_name(domain)).await;
    let has_record = record.failed.is_none() && mta_sts::record_id(&record.records).is_ok();
    let policy = match mta_sts::policy_host(domain) {
        Ok(host) if has_record => {
            let fetched = dial
                .get(&host, mta_sts::POLICY_PATH, limits::FETCH_BODY)
                .await;
            Some(policy(fetched))
        }
        _ => None,
    };
    Sts { record, policy }
}

/// A failure that the policy host may not be to blame for is no statement about it.
fn policy(fetched: Result<Fetched, FetchError>) -> Result<mta_sts::Policy, PolicyFault> {
    match fetched {
        Err(error) if error.is_temporary() || matches!(error, FetchError::Denied(_)) => {
            Err(PolicyFault::Unknown(error.to_string()))
        }
        Err(error) => Err(PolicyFault::Wrong(error.to_string())),
        Ok(page) if page.status == 429 || page.status >= 500 => {
            Err(PolicyFault::Unknown(format!("HTTP status {}", page.status)))
        }
        Ok(page) => mta_sts::read_response(page.status, Some(&page.media_type), &page.body)
            .map_err(|error| PolicyFault::Wrong(error.to_string())),
    }
}

/// Connects the addresses, several at once, each of them one connection at a time.
async fn contacts(
    dial: &Dial,
    domain: &Domain,
    mut hosts: Vec<Host>,
    settings: &Settings,
    now: Timestamp,
) -> (Vec<Host>, usize) {
    let addresses: Vec<_> = hosts
        .iter()
        .map(|host| host.addresses.records.clone())
        .collect();
    let (visits, left_out) = plan::visits(&addresses);
    let mut by_address: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
    for visit in visits {
        let of_address = by_address.entry(visit.address.to_canonical()).or_default();
        of_address.push(visit.host);
    }
    let shared: Arc<[Host]> = hosts.clone().into();
    let mut visiting = JoinSet::new();
    for (address, places) in by_address {
        let mut visitor = Visitor::new(dial.clone(), address, settings.pause, now);
        let (hosts, domain, dial) = (Arc::clone(&shared), domain.clone(), dial.clone());
        visiting.spawn(async move {
            let mut seen = Vec::new();
            for place in places {
                let host = &hosts[place];
                let contact = match dial.allows_domain(&host.exchange.host) {
                    Ok(()) => visitor.visit(host, &domain).await,
                    Err(why) => Contact::Silent(format!("not connected: {why}")),
                };
                seen.push((place, address, contact));
            }
            seen
        });
    }
    for (place, address, contact) in visiting.join_all().await.into_iter().flatten() {
        if let Some(host) = hosts.get_mut(place) {
            host.contacts.push((address, contact));
        }
    }
    for host in &mut hosts {
        host.contacts.sort_by_key(|(address, _)| *address);
    }
    (hosts, left_out)
}
