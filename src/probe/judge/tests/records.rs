//! By the domain's own records and its MTA-STS policy.

use super::*;

/// A domain with this record, or these, and no policy.
fn sts_record(texts: &[&str]) -> Evidence {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    with(|it| {
        it.sts.record = insecure(texts);
        it.sts.policy = None;
    })
}

fn sts_policy(text: &str) -> Evidence {
    with(|it| it.sts.policy = policy(text))
}

fn sts_fault(fault: PolicyFault) -> Evidence {
    with(|it| it.sts.policy = Some(Err(fault)))
}

#[test]
fn mta_sts_wants_a_record_an_enforced_policy_and_hosts_that_agree() {
    let two = ["v=STSv1; id=1", "v=STSv1; id=2"];
    let lost = with(|it| {
        it.sts.record = failed(Security::Unknown);
        it.sts.policy = None;
    });
    let late = PolicyFault::Unknown("no answer in time".to_owned());
    let moved = PolicyFault::Wrong("HTTP status 301, only 200 counts".to_owned());
    let stale = "mode: enforce\nmx: mx.d.example\nmx: old.d.example";
    let testing = "mode: testing\nmx: mx.d.example";
    let other = "mode: enforce\nmx: a.example";
    for (evidence, domain, host, expected) in [
        (sts_record(&[]), Fail, NotApplicable, "sts-absent"),
        (sts_record(&two), Fail, NotApplicable, "sts-record"),
        (lost, Unknown, Unknown, "sts-unknown"),
        (sts_fault(late), Unknown, Unknown, "sts-unknown"),
        (sts_fault(moved), Fail, NotApplicable, "sts-policy"),
        (sts_policy(testing), Fail, Pass, "sts-not-enforced"),
        (
            sts_policy("mode: none"),
            Fail,
            NotApplicable,
            "sts-not-enforced",
        ),
        (sts_policy(other), Fail, Fail, "sts-mx-missing sts-stale"),
        (sts_policy(stale), Pass, Pass, "sts-stale"),
    ] {
        let inbound = judge(&evidence);
        let marks = (inbound.mta_sts, inbound.mx[0].mta_sts);
        assert_eq!(marks, (domain, host), "{expected}");
        assert_eq!(codes(&inbound), expected);
    }
    let mut short = good();
    if let Some(Ok(policy)) = &mut short.sts.policy {
        policy.max_age = 3600;
    }
    assert_eq!(codes(&judge(&short)), "sts-short");
}

fn texts(text: &str) -> Lookup<String> {
    insecure(vec![text.to_owned()])
}

#[test]
fn spf_must_speak_a_last_word() {
    for (spf, mark, expected) in [
        (texts("v=spf1 mx ~all"), Pass, ""),
        (texts("v=spf1 mx ?all"), Fail, "spf-open"),
        (texts("v=spf1 mx"), Fail, "spf-open"),
        (texts("x"), Fail, "spf-absent"),
        (texts("v=spf1 redirect=%{d}.b"), Unknown, "spf-redirect"),
        (texts("v=spf1 redirect=a.b"), Fail, "spf-redirect"),
        (failed(Security::Unknown), Unknown, "spf-unknown"),
        (failed(Security::Bogus), Fail, "spf-bogus"),
    ] {
        let inbound = judge(&with(|it| it.spf = spf));
        assert_eq!(inbound.spf, mark, "{expected}");
        assert_eq!(codes(&inbound), expected);
    }
}

#[test]
fn dmarc_must_ask_for_something() {
    const BELOW: &str = "v=DMARC1; p=reject; sp=none; rua=mailto:a@b.example";
    let suspect = texts("v=DMARC1; p=quarantine; rua=mailto:a@b.example");
    let nothing = texts("v=DMARC1; p=none; rua=mailto:a@b.example");
    let alone = texts("v=DMARC1; p=quarantine");
    for (texts, inherited, mark, expected) in [
        (suspect, false, Pass, ""),
        (alone, false, Pass, "dmarc-no-reports"),
        (nothing, false, Fail, "dmarc-none"),
        (texts(BELOW), false, Pass, ""),
        (texts(BELOW), true, Fail, "dmarc-none"),
        (texts("x"), false, Fail, "dmarc-absent"),
        (failed(Security::Unknown), false, Unknown, "dmarc-unknown"),
    ] {
        let inbound = judge(&with(|it| it.dmarc = Dmarc { texts, inherited }));
        assert_eq!(inbound.dmarc, mark, "{expected}");
        assert_eq!(codes(&inbound), expected);
    }
}

#[test]
fn tlsrpt_must_name_an_address() {
    for (tlsrpt, mark, expected) in [
        (texts("x"), Fail, "tlsrpt-absent"),
        (texts("v=TLSRPTv1; rua=x"), Fail, "tlsrpt-record"),
        (failed(Security::Unknown), Unknown, "tlsrpt-unknown"),
    ] {
        let inbound = judge(&with(|it| it.tlsrpt = tlsrpt));
        assert_eq!((inbound.tlsrpt, codes(&inbound).as_str()), (mark, expected));
    }
}
