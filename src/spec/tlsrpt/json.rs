//! The JSON of a report (RFC 8460 4.4).

use super::{Content, Flaw};
use crate::base::{
    Domain, PolicyType, ReportedFailure, ReportedPolicy, Timestamp, TlsReport, Zone, limits,
};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

/// A list of so many values at most; more of them are an error before they are read.
struct Few<T, const MOST: usize>(Vec<T>);

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for List<T, MOST> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of {MOST} values at most")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    if values.len() == MOST {
                        return Err(A::Error::invalid_length(MOST + 1, &self));
                    }
                    values.push(value);
                }
                Ok(values)
            }
        }

        from.deserialize_seq(List::<T, MOST>(PhantomData)).map(Self)
    }
}

type Policies = Few<Policy, { limits::TLS_REPORT_POLICIES }>;
type Failures = Few<Failure, { limits::TLS_REPORT_DETAILS }>;

/// MX hosts; some senders write a single one without a list.
#[derive(serde::Deserialize)]
#[serde(
    untagged,
    expecting = "mx-host is neither a text nor a list of texts within its limit"
)]
enum Hosts {
    One(String),
    Several(Few<String, { limits::TLS_REPORT_DETAILS }>),
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
    let details = raw
        .policies
        .0
        .iter()
        .filter_map(|policy| policy.failure_details.as_ref());
    if details.map(|details| details.0.len()).sum::<usize>() > limits::TLS_REPORT_DETAILS {
        return Err(Flaw::unfit(format_args!(
            "it has more than {} failure-details",
            limits::TLS_REPORT_DETAILS
        )));
    }
    let claimed = claimed(&raw);
    let ours: Vec<_> = (Zone::ALL.into_iter())
        .filter_map(|zone| Some((zone, base_domain.below(zone.label()).ok()?)))
        .collect();
    let mut policies = Vec::new();
    for policy in raw.policies.0 {
        let domain = policy.policy.policy_domain.as_deref().map(Domain::parse);
        let Some(Ok(domain)) = domain else { continue };
        if let Some((zone, _)) = ours.iter().find(|(_, name)| domain.is_within(name)) {
            policies.push(reported(policy, *zone, domain)?);
        }
    }
    if policies.is_empty() {
        return Err(Flaw::unfit("none of its policies is of a domain here"));
    }
    let id = noted("report-id", &raw.report_id)?;
    if id.is_empty() {
        return Err(Flaw::unfit("its report-id is empty"));
    }
    let report = TlsReport {
        id,
        organisation: noted(
            "organization-name",
            &raw.organization_name.unwrap_or_default(),
        )?,
        from: raw.date_range.start_datetime,
        until: raw.date_range.end_datetime,
        policies,
    };
    Ok(Content { report, claimed })
}

fn reported(raw: Policy, zone: Zone, domain: Domain) -> Result<ReportedPolicy, Flaw> {
    let policy_type = match raw.policy.policy_type.as_str() {
        "tlsa" => PolicyType::Tlsa,
        "sts" => PolicyType::Sts,
        "no-policy-found" => PolicyType::NoPolicyFound,
        _ => PolicyType::Other,
    };
    let hosts = match raw.policy.mx_host {
        None => Vec::new(),
        Some(Hosts::One(host)) => vec![host],
        Some(Hosts::Several(hosts)) => hosts.0,
    };
    let mx = hosts.iter().map(|host| noted("mx-host", host));
    let details = raw.failure_details.unwrap_or_default().0;
    Ok(ReportedPolicy {
        policy_type,
        zone,
        domain,
        mx: mx.collect::<Result<_, _>>()?,
        success: raw.summary.total_successful_session_count,
        failure: raw.summary.total_failure_session_count,
        details: details.into_iter().map(failure).collect::<Result<_, _>>()?,
    })
}

fn failure(raw: Failure) -> Result<ReportedFailure, Flaw> {
    let some = |name, value: Option<String>| value.map(|value| noted(name, &value)).transpose();
    let address = |text: String| text.trim().parse::<IpAddr>().ok();
    Ok(ReportedFailure {
        result: noted("result-type", &raw.result_type)?,
        mx: some("receiving-mx-hostname", raw.receiving_mx_hostname)?,
        sender: raw.sending_mta_ip.and_then(address),
        sessions: raw.failed_session_count,
        reason: some("failure-reason-code", raw.failure_reason_code)?,
    })
}

/// A text as it is noted: without control characters, and not too long.
fn noted(name: &str, text: &str) -> Result<String, Flaw> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    match text.chars().count() > limits::NOTED_TEXT {
        true => Err(Flaw::unfit(format_args!(
            "its {name} has more than {} characters",
            limits::NOTED_TEXT
        ))),
        false => Ok(text),
    }
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
