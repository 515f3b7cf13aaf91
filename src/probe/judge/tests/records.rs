//! By the domain's own records and its MTA-STS policy.

use super::*;

#[test]
fn mta_sts_wants_a_record_an_enforced_policy_and_hosts_that_agree() {
    let record = |texts: &[&str]| {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        with(|it| {
            it.sts.record = insecure(texts);
            it.sts.policy = None;
        })
    };
    let policy_of = |text: &str| with(|it| it.sts.policy = policy(text));
    let fault = |fault: PolicyFault| with(|it| it.sts.policy = Some(Err(fault)));
    let wrong = || PolicyFault::Wrong("HTTP status 301, only 200 counts".to_owned());
    for (case, evidence, domain, host, expected) in [
        ("no record", record(&[]), Fail, NotApplicable, "sts-absent"),
        (
            "two",
            record(&["v=STSv1; id=1", "v=STSv1; id=2"]),
            Fail,
            NotApplicable,
            "sts-record",
        ),
        (
            "record unknown",
            with(|it| {
                it.sts.record = failed(Security::Unknown);
                it.sts.policy = None;
            }),
            Unknown,
            Unknown,
            "sts-unknown",
        ),
        (
            "not fetched",
            fault(PolicyFault::Unknown("no answer in time".to_owned())),
            Unknown,
            Unknown,
            "sts-unknown",
        ),
        ("moved", fault(wrong()), Fail, NotApplicable, "sts-policy"),
        (
            "testing",
            policy_of("mode: testing\nmx: mx.d.example"),
            Fail,
            Pass,
            "sts-not-enforced",
        ),
        (
            "none",
            policy_of("mode: none"),
            Fail,
            NotApplicable,
            "sts-not-enforced",
        ),
        (
            "another host",
            policy_of("mode: enforce\nmx: a.example"),
            Fail,
            Fail,
            "sts-mx-missing sts-stale",
        ),
        (
            "stale",
            policy_of("mode: enforce\nmx: mx.d.example\nmx: old.d.example"),
            Pass,
            Pass,
            "sts-stale",
        ),
    ] {
        let inbound = judge(&evidence);
        assert_eq!(
            (inbound.mta_sts, inbound.mx[0].mta_sts),
            (domain, host),
            "{case}"
        );
        assert_eq!(codes(&inbound), expected, "{case}");
    }
}

#[test]
fn records_of_the_domain_are_marked() {
    let texts = |text: &str| insecure(vec![text.to_owned()]);
    let spf = |text: &str| with(|it| it.spf = texts(text));
    let dmarc = |text: &str, inherited| {
        with(|it| {
            it.dmarc = Dmarc {
                texts: texts(text),
                inherited,
            }
        })
    };
    for (evidence, marks, expected) in [
        (spf("v=spf1 mx ~all"), (Pass, Pass, Pass), ""),
        (spf("v=spf1 mx ?all"), (Fail, Pass, Pass), "spf-open"),
        (spf("v=spf1 mx"), (Fail, Pass, Pass), "spf-open"),
        (spf("x"), (Fail, Pass, Pass), "spf-absent"),
        (
            spf("v=spf1 redirect=%{d}.a.example"),
            (Unknown, Pass, Pass),
            "spf-redirect",
        ),
        (
            spf("v=spf1 redirect=a.example"),
            (Fail, Pass, Pass),
            "spf-redirect",
        ),
        (
            with(|it| it.spf = failed(Security::Unknown)),
            (Unknown, Pass, Pass),
            "spf-unknown",
        ),
        (
            with(|it| it.spf = failed(Security::Bogus)),
            (Fail, Pass, Pass),
            "spf-bogus",
        ),
        (
            dmarc("v=DMARC1; p=quarantine; rua=mailto:a@b.example", false),
            (Pass, Pass, Pass),
            "",
        ),
        (
            dmarc("v=DMARC1; p=quarantine", false),
            (Pass, Pass, Pass),
            "dmarc-no-reports",
        ),
        (
            dmarc("v=DMARC1; p=none; rua=mailto:a@b.example", false),
            (Pass, Fail, Pass),
            "dmarc-none",
        ),
        (
            dmarc("v=DMARC1; p=reject; sp=none; rua=mailto:a@b.example", false),
            (Pass, Pass, Pass),
            "",
        ),
        (
            dmarc("v=DMARC1; p=reject; sp=none; rua=mailto:a@b.example", true),
            (Pass, Fail, Pass),
            "dmarc-none",
        ),
        (dmarc("x", false), (Pass, Fail, Pass), "dmarc-absent"),
        (
            with(|it| it.dmarc.texts = failed(Security::Unknown)),
            (Pass, Unknown, Pass),
            "dmarc-unknown",
        ),
        (
            with(|it| it.tlsrpt = texts("x")),
            (Pass, Pass, Fail),
            "tlsrpt-absent",
        ),
        (
            with(|it| it.tlsrpt = texts("v=TLSRPTv1; rua=x")),
            (Pass, Pass, Fail),
            "tlsrpt-record",
        ),
        (
            with(|it| it.tlsrpt = failed(Security::Unknown)),
            (Pass, Pass, Unknown),
            "tlsrpt-unknown",
        ),
    ] {
        let inbound = judge(&evidence);
        assert_eq!(
            (inbound.spf, inbound.dmarc, inbound.tlsrpt),
            marks,
            "{expected}"
        );
        assert_eq!(codes(&inbound), expected);
    }
}
