//! What is wrong with a report, and what is said of it.

use super::*;

/// So many copies of what is first in the list at this path.
fn many(path: &str, count: usize) -> Vec<u8> {
    let mut report = sample();
    let list = report.pointer_mut(path).unwrap().as_array_mut().unwrap();
    *list = vec![list[0].clone(); count];
    report.to_string().into_bytes()
}

const HOSTS: &str = "/policies/0/policy/mx-host";
const FAILURES: &str = "/policies/0/failure-details";
const FAILED: &str = "/policies/0/summary/total-failure-session-count";
const DOMAIN: &str = "/policies/0/policy/policy-domain";

/// No reports, and a part of what is said of each.
fn rows() -> Vec<(Vec<u8>, &'static str)> {
    let long = json!("x".repeat(limits::NOTED_TEXT + 1));
    let noise = (0..2000u32).map(|n| (n * n % 251) as u8).collect();
    let deep = [&b"{\"x\":"[..], &b"[".repeat(100_000)].concat();
    let details = limits::TLS_REPORT_DETAILS + 1;
    vec![
        (Vec::new(), "no report"),
        (noise, "no report"),
        (b"[]".to_vec(), "no report"),
        (deep, "EOF while parsing"),
        (without("/report-id"), "missing field `report-id`"),
        (with("/report-id", json!(" ")), "report-id is empty"),
        (with("/report-id", long.clone()), "report-id has more"),
        (without("/date-range"), "missing field `date-range`"),
        (
            with("/date-range/end-datetime", json!("today")),
            "no report",
        ),
        (with("/organization-name", long.clone()), "name has more"),
        (without("/policies"), "missing field `policies`"),
        (with(DOMAIN, json!("a.example")), "none of its policies"),
        (with(FAILED, json!(-1)), "`-1`"),
        (with(HOSTS, json!([long])), "mx-host has more"),
        (
            many("/policies", limits::TLS_REPORT_POLICIES + 1),
            "50 values",
        ),
        (many(FAILURES, details), "100 values at most"),
        (many(HOSTS, details), "within its limit"),
    ]
}

#[test]
fn what_is_wrong_is_said() {
    for (bytes, why) in rows() {
        match read(Packing::Json, &bytes, &base()) {
            Err(Flaw::Unfit(said)) => {
                assert!(said.contains(why), "{why}: {said}");
                assert!(said.chars().count() <= limits::NOTED_TEXT, "{why}");
            }
            other => panic!("{why}: {other:?}"),
        }
    }
}

#[test]
fn as_much_as_the_limits_allow_is_taken() {
    let details = limits::TLS_REPORT_DETAILS;
    for bytes in [
        many("/policies", limits::TLS_REPORT_POLICIES),
        many(FAILURES, details),
        many(HOSTS, details),
    ] {
        assert!(read(Packing::Json, &bytes, &base()).is_ok());
    }
    // Not each policy may have as many.
    let mut spread = sample();
    let mut half = spread["policies"][0].clone();
    half["failure-details"] = json!(vec![half["failure-details"][0].clone(); details / 2 + 1]);
    spread["policies"] = json!([half, half]);
    let told = read(Packing::Json, spread.to_string().as_bytes(), &base()).unwrap_err();
    assert!(matches!(told, Flaw::Unfit(said) if said.contains("100 failure-details")));
}
