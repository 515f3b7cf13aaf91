//! By what DNSSEC says, and by how hosts are named.

use super::*;

#[test]
fn what_the_dns_says_makes_marks_and_colour() {
    use Colour::{Green, Grey, White};
    let tlsa = |tlsa: Lookup<Tlsa>, result: TlsaResult| {
        let mut evidence = showing(&both(Trust::Trusted, result));
        evidence.hosts[0].tlsa = tlsa;
        evidence
    };
    let addresses = |change: fn(&mut Lookup<IpAddr>)| with(|it| change(&mut it.hosts[0].addresses));
    let nobody = |it: &mut Vec<Host>| it.clear();
    let null = || Mx {
        preference: 0,
        host: None,
    };
    let none = (NotApplicable, NotApplicable, NotApplicable);
    check(vec![
        (
            "MX insecure",
            with(|it| it.mx.security = Security::Insecure),
            (White, Fail, Pass, Fail, "mx-insecure"),
        ),
        (
            "addresses insecure",
            addresses(|it| it.security = Security::Insecure),
            (White, Fail, Pass, Fail, "address-insecure"),
        ),
        (
            "TLSA insecure",
            tlsa(insecure(vec![record(3)]), TlsaResult::Absent),
            (Green, Fail, Pass, Pass, "tlsa-insecure"),
        ),
        (
            "TLSA of use to nobody",
            tlsa(secure(vec![record(1)]), TlsaResult::Absent),
            (Green, Fail, Pass, Pass, "tlsa-unusable"),
        ),
        (
            "TLSA bogus",
            tlsa(failed(Security::Bogus), TlsaResult::Absent),
            (Green, Fail, Pass, Pass, "tlsa-bogus"),
        ),
        (
            "TLSA unknown",
            tlsa(failed(Security::Unknown), TlsaResult::Absent),
            (Green, Unknown, Pass, Pass, "tlsa-unknown"),
        ),
        (
            "one family without an answer",
            addresses(|it| {
                it.failed = Some("no answer".to_owned());
                it.security = Security::Unknown;
            }),
            (Grey, Unknown, Unknown, Unknown, "address-unknown"),
        ),
        (
            "one family bogus",
            addresses(|it| {
                it.failed = Some("expired".to_owned());
                it.security = Security::Bogus;
            }),
            (Grey, Fail, Unknown, Fail, "address-bogus"),
        ),
        (
            "too many addresses",
            with(|it| it.left_out = 3),
            (Grey, Unknown, Unknown, Unknown, "not-all-seen"),
        ),
        (
            "MX unknown",
            with_mx(failed(Security::Unknown), nobody),
            (Grey, Unknown, Unknown, Unknown, "mx-unknown"),
        ),
        (
            "MX bogus",
            with_mx(failed(Security::Bogus), nobody),
            (Grey, Fail, Unknown, Fail, "mx-bogus"),
        ),
        (
            "null MX",
            with_mx(secure(vec![null()]), nobody),
            (Grey, none.0, none.1, none.2, "null-mx"),
        ),
        (
            "nothing at all",
            with_mx(secure(Vec::new()), nobody),
            (Grey, none.0, none.1, none.2, "no-mail-host"),
        ),
        (
            "implicit MX",
            with_mx(secure(Vec::new()), |_| ()),
            (Green, Pass, Pass, Pass, "implicit-mx"),
        ),
        (
            "a host without addresses",
            with(|it| {
                it.hosts[0].addresses.records.clear();
                it.hosts[0].contacts.clear();
            }),
            (Grey, none.0, none.1, none.2, "no-mail-host"),
        ),
        (
            "one host of two without addresses",
            with(|it| {
                let mut idle = it.hosts[0].clone();
                idle.addresses.records.clear();
                idle.contacts.clear();
                idle.tlsa.records.clear();
                it.hosts.push(idle);
            }),
            (Green, Pass, Pass, Pass, "mx-without-address"),
        ),
        (
            "another host without TLSA",
            with(|it| {
                let mut other = it.hosts[0].clone();
                other.tlsa.records.clear();
                for (_, contact) in &mut other.contacts {
                    *contact = both(Trust::Trusted, TlsaResult::Absent);
                }
                it.hosts.push(other);
            }),
            (Green, Fail, Pass, Pass, "tlsa-absent"),
        ),
        (
            "null MX among others",
            with_mx(
                secure(vec![
                    null(),
                    Mx {
                        preference: 10,
                        host: Some(name("mx.d.example")),
                    },
                ]),
                |_| (),
            ),
            (Green, Pass, Pass, Pass, "null-mx-mixed"),
        ),
    ]);
}
