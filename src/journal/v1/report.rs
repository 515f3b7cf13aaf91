//! TLS reports on disk.

use super::code::Code;
use super::{Time, Unreadable, read};
use crate::base;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Serialize, Deserialize)]
pub(in crate::journal) struct Report {
    time: Time,
    via: u8,
    domain: String,
    authenticated: bool,
    id: String,
    organisation: String,
    from: Time,
    until: Time,
    policies: Vec<Policy>,
}

#[derive(Serialize, Deserialize)]
struct Policy {
    policy_type: u8,
    zone: u8,
    domain: String,
    mx: Vec<String>,
    success: u64,
    failure: u64,
    details: Vec<Failure>,
}

#[derive(Serialize, Deserialize)]
struct Failure {
    result: String,
    mx: Option<String>,
    sender: Option<IpAddr>,
    sessions: u64,
    reason: Option<String>,
}

impl From<&base::TakenReport> for Report {
    fn from(taken: &base::TakenReport) -> Self {
        let report = &taken.report;
        Self {
            time: taken.time.into(),
            via: taken.via.code(),
            domain: taken.domain.to_string(),
            authenticated: taken.authenticated,
            id: report.id.clone(),
            organisation: report.organisation.clone(),
            from: report.from.into(),
            until: report.until.into(),
            policies: report.policies.iter().map(Policy::from).collect(),
        }
    }
}

impl From<&base::ReportedPolicy> for Policy {
    fn from(policy: &base::ReportedPolicy) -> Self {
        let detail = |failure: &base::ReportedFailure| Failure {
            result: failure.result.clone(),
            mx: failure.mx.clone(),
            sender: failure.sender,
            sessions: failure.sessions,
            reason: failure.reason.clone(),
        };
        Self {
            policy_type: policy.policy_type.code(),
            zone: policy.zone.code(),
            domain: policy.domain.to_string(),
            mx: policy.mx.clone(),
            success: policy.success,
            failure: policy.failure,
            details: policy.details.iter().map(detail).collect(),
        }
    }
}

impl TryFrom<Report> for base::TakenReport {
    type Error = Unreadable;

    fn try_from(report: Report) -> Result<Self, Unreadable> {
        let policies = report.policies.into_iter();
        Ok(Self {
            time: report.time.try_into()?,
            via: Code::decode(report.via)?,
            domain: read(&report.domain)?,
            authenticated: report.authenticated,
            report: base::TlsReport {
                id: report.id,
                organisation: report.organisation,
                from: report.from.try_into()?,
                until: report.until.try_into()?,
                policies: policies.map(TryInto::try_into).collect::<Result<_, _>>()?,
            },
        })
    }
}

impl TryFrom<Policy> for base::ReportedPolicy {
    type Error = Unreadable;

    fn try_from(policy: Policy) -> Result<Self, Unreadable> {
        let detail = |failure: Failure| base::ReportedFailure {
            result: failure.result,
            mx: failure.mx,
            sender: failure.sender,
            sessions: failure.sessions,
            reason: failure.reason,
        };
        Ok(Self {
            policy_type: Code::decode(policy.policy_type)?,
            zone: Code::decode(policy.zone)?,
            domain: read(&policy.domain)?,
            mx: policy.mx,
            success: policy.success,
            failure: policy.failure,
            details: policy.details.into_iter().map(detail).collect(),
        })
    }
}
