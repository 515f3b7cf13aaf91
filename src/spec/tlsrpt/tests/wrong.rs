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
const FAILED: &str = "/policies/0/summary/total-failure-session-count";
const DOMAIN: &str = "/policies/0/policy/policy-domain";

/// No reports, and a part of what is said of each.
fn rows() -> Vec<(Vec<u8>, &'static str)> {
    let long = json!("x".repeat(limits::NOTED_TEXT + 1));
    let noise = (0..2000u32).map(|n| (n * n % 251) as u8).collect();
    let deep = [&b"{\"x\":"[..], &b"[".repeat(100_000)].concat();
    vec![
        (Vec::new(), "no report"),
        (noise, "no report"),
        (b"[]".to_vec(), "no report"),
        (deep, "EOF while parsing"),
        (without("/report-id"), "missing field `report-id`"),
        (with("/report-id", json!(" ")), "report-id is empty"),
        (with("/report-id", json!("a\nb")), "or control characters"),
        (with("/report-id", long), "has more than 255"),
        (without("/date-range"), "missing field `date-range`"),
        (
            with("/date-range/end-datetime", json!("today")),
            "no report",
        ),
        (with("/organization-name", json!([])), "expected a string"),
        (without("/policies"), "missing field `policies`"),
        (with(DOMAIN, json!("a.example")), "none of its policies"),
        (with(FAILED, json!(-1)), "`-1`"),
        (with(HOSTS, json!(5)), "mx-host is neither"),
        (
            many("/policies", limits::TLS_REPORT_POLICIES + 1),
            "more than 50 policies",
        ),
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
fn only_so_much_is_kept_of_a_report() {
    let (most, details) = (limits::NOTED_TEXT, limits::TLS_REPORT_DETAILS);
    let mut report = sample();
    report["organization-name"] = json!("z".repeat(most + 1));
    let policy = &mut report["policies"][0];
    policy["policy"]["mx-host"] = json!(vec!["x".repeat(most + 1); 15]);
    let failure = &mut policy["failure-details"][0];
    failure["result-type"] = json!("y\r\n".repeat(most + 1));
    policy["failure-details"] = json!(vec![failure.clone(); details + 1]);
    report["policies"] = json!(vec![policy.clone(); 3]);
    let read_again = read(Packing::Json, report.to_string().as_bytes(), &base());
    let kept = read_again.unwrap().report;
    let lists = kept.policies.iter();
    let lists: Vec<_> = lists
        .map(|policy| (policy.mx.len(), policy.details.len()))
        .collect();
    assert_eq!(lists, [(15, details), (details - 15, 0), (0, 0)]);
    assert_eq!(kept.organisation, "z".repeat(most));
    assert_eq!(kept.policies[0].mx[0], "x".repeat(most));
    assert_eq!(kept.policies[0].details[0].result, "y".repeat(most));
    let many = many("/policies", limits::TLS_REPORT_POLICIES);
    assert!(read(Packing::Json, &many, &base()).is_ok());
}
