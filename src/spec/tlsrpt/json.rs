//! The JSON of a report (RFC 8460 4.4), with what real ones have of their own: a single host without a list, which the RFC's
//! own schema allows, no summary, addresses that are none. For these mail-auth refuses a whole report, and an unreadable
//! date it takes for 1970; hence a reader of our own.

use super::{Content, Flaw};
use crate::base::{
    Domain, PolicyType, ReportedFailure, ReportedPolicy, Timestamp, TlsReport, Zone, limits,
};
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

/// The first values of a list, and whether there were more, which are not read.
struct First<T, const MOST: usize> {
    values: Vec<T>,
    more: bool,
}

impl<T, const MOST: usize> Default for First<T, MOST> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            more: false,
        }
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for First<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for List<T, MOST> {
            type Value = First<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut first = First::default();
                while first.values.len() < MOST {
                    match list.next_element()? {
                        Some(value) => first.values.push(value),
                        None => return Ok(first),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    first.more = true;
                }
                Ok(first)
            }
        }

        from.deserialize_seq(List::<T, MOST>(PhantomData))
    }
}

type Policies = First<Policy, { limits::TLS_REPORT_POLICIES }>;
type Failures = First<Failure, { limits::TLS_REPORT_DETAILS }>;
type Names = First<String, { limits::TLS_REPORT_DETAILS }>;

/// MX hosts; some senders write a single one without a list.
#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "mx-host is neither a text nor a list of texts")]
enum Hosts {
    One(String),
    Several(Names),
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    organization_name: Option<String>,
    contact_info: Option<String>,
    report_id: String,
    date_range: Range,
    policies: Policies,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Range {
    start_datetime: Timestamp,
    end_datetime: Timestamp,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Policy {
    policy: Described,
    #[serde(default)]
    summary: Summary,
    failure_details: Option<Failures>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Described {
    policy_type: String,
    policy_domain: Option<String>,
    mx_host: Option<Hosts>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Summary {
    total_successful_session_count: u64,
    total_failure_session_count: u64,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Failure {
    result_type: String,
    sending_mta_ip: Option<String>,
    receiving_mx_hostname: Option<String>,
    #[serde(default)]
    failed_session_count: u64,
    failure_reason_code: Option<String>,
}

/// Reads the text of a report.
pub(super) fn read(text: &[u8], base_domain: &Domain) -> Result<Content, Flaw> {
    let raw: Report = serde_json::from_slice(text)
        .map_err(|error| Flaw::unfit(format_args!("it is no report (RFC 8460 4.4): {error}")))?;
    if raw.policies.more {
        return Err(Flaw::unfit(format_args!(
            "it has more than {} policies",
            limits::TLS_REPORT_POLICIES
        )));
    }
    let claimed = claimed(&raw);
    let ours: Vec<_> = (Zone::ALL.into_iter())
        .filter_map(|zone| Some((zone, base_domain.below(zone.label()).ok()?)))
        .collect();
    let mut policies: Vec<ReportedPolicy> = Vec::new();
    let mut room = Room::default();
    for policy in raw.policies.values {
        // Some leave it out where they found no policy; only `et` asks for reports.
        let named = policy.policy.policy_domain.as_deref();
        let Ok(domain) = named.map_or_else(|| base_domain.below(Zone::Et.label()), Domain::parse)
        else {
            continue;
        };
        if let Some((zone, _)) = ours.iter().find(|(_, name)| domain.is_within(name)) {
            policies.push(reported(policy, *zone, domain, &mut room));
        }
    }
    if policies.is_empty() {
        return Err(Flaw::unfit("none of its policies is of a domain here"));
    }
    let id = noted(&raw.report_id);
    // A part of its name would be another one's.
    if id.is_empty() || id.len() < raw.report_id.trim().len() {
        return Err(Flaw::unfit(format_args!(
            "its report-id is empty, has more than {} characters, or control characters",
            limits::NOTED_TEXT
        )));
    }
    let report = TlsReport {
        id,
        organisation: noted(&raw.organization_name.unwrap_or_default()),
        from: raw.date_range.start_datetime,
        until: raw.date_range.end_datetime,
        policies,
    };
    Ok(Content { report, claimed })
}

/// How many hosts and details more are kept.
struct Room {
    hosts: usize,
    details: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            hosts: limits::TLS_REPORT_DETAILS,
            details: limits::TLS_REPORT_DETAILS,
        }
    }
}

fn reported(raw: Policy, zone: Zone, domain: Domain, room: &mut Room) -> ReportedPolicy {
    let policy_type = match raw.policy.policy_type.as_str() {
        "tlsa" => PolicyType::Tlsa,
        "sts" => PolicyType::Sts,
        "no-policy-found" => PolicyType::NoPolicyFound,
        _ => PolicyType::Other,
    };
    let hosts = match raw.policy.mx_host {
        None => Vec::new(),
        Some(Hosts::One(host)) => vec![host],
        Some(Hosts::Several(hosts)) => hosts.values,
    };
    let mx: Vec<_> = hosts
        .iter()
        .take(room.hosts)
        .map(|host| noted(host))
        .collect();
    let details = raw.failure_details.unwrap_or_default().values.into_iter();
    let details: Vec<_> = details.take(room.details).map(failure).collect();
    room.hosts -= mx.len();
    room.details -= details.len();
    ReportedPolicy {
        policy_type,
        zone,
        domain,
        mx,
        success: raw.summary.total_successful_session_count,
        failure: raw.summary.total_failure_session_count,
        details,
    }
}

fn failure(raw: Failure) -> ReportedFailure {
    let address = |text: String| text.trim().parse::<IpAddr>().ok();
    ReportedFailure {
        result: noted(&raw.result_type),
        mx: raw.receiving_mx_hostname.as_deref().map(noted),
        sender: raw.sending_mta_ip.and_then(address),
        sessions: raw.failed_session_count,
        reason: raw.failure_reason_code.as_deref().map(noted),
    }
}

/// A text as it is noted: without control characters, and cut.
fn noted(text: &str) -> String {
    let fit = text.trim().chars().filter(|c| !c.is_control());
    fit.take(limits::NOTED_TEXT).collect()
}

/// The domain that the report claims to be of.
fn claimed(raw: &Report) -> Option<Domain> {
    let contact = raw.contact_info.as_deref().unwrap_or_default();
    let address = contact.rsplit_once('@').map(|(_, domain)| domain);
    let named = raw.organization_name.as_deref();
    (address.into_iter().chain(named))
        .map(|text| text.trim_matches(|c: char| c.is_whitespace() || c == '>'))
        .filter(|text| text.contains('.'))
        .find_map(|text| Domain::parse(text).ok())
}
