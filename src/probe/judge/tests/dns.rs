//! By what DNSSEC says, and by how hosts are named.

use super::*;

fn addresses(change: fn(&mut Lookup<IpAddr>)) -> Evidence {
    with(|it| change(&mut it.hosts[0].addresses))
}

/// The records, and what the certificates come to by them.
fn tlsa(records: Lookup<Tlsa>) -> Evidence {
    let mut evidence = showing(&both(Trust::Trusted, TlsaResult::Absent));
    evidence.hosts[0].tlsa = records;
    evidence
}

fn mx(preference: u16, host: &str) -> Mx {
    Mx {
        preference,
        host: (!host.is_empty()).then(|| name(host)),
    }
}

/// The domain with these MX records; the host is there, or none is.
fn named(mx: Lookup<Mx>, host: bool) -> Evidence {
    with(|it| {
        it.plan = plan::plan(&it.domain, &mx);
        it.mx = mx;
        it.hosts.truncate(usize::from(host));
    })
}

#[test]
fn every_step_to_a_server_must_be_secure() {
    let insecure_addresses = addresses(|it| it.security = Security::Insecure);
    let family_unknown = addresses(|it| {
        it.failed = Some("no answer".to_owned());
        it.security = Security::Unknown;
    });
    let family_bogus = addresses(|it| {
        it.failed = Some("expired".to_owned());
        it.security = Security::Bogus;
    });
    for (evidence, expected) in [
        (
            with(|it| it.mx.security = Security::Insecure),
            "white -+- mx-insecure",
        ),
        (insecure_addresses, "white -+- address-insecure"),
        (family_unknown, "grey ??? address-unknown"),
        (family_bogus, "grey -?- address-bogus"),
        (tlsa(insecure(vec![record(3)])), "green -++ tlsa-insecure"),
        (tlsa(secure(vec![record(1)])), "green -++ tlsa-unusable"),
        (tlsa(failed(Security::Bogus)), "green -++ tlsa-bogus"),
        (tlsa(failed(Security::Unknown)), "green ?++ tlsa-unknown"),
    ] {
        check(expected, &evidence, expected);
    }
}

#[test]
fn hosts_are_named_in_many_ways() {
    for (case, evidence, expected) in [
        (
            "unknown",
            named(failed(Security::Unknown), false),
            "grey ??? mx-unknown",
        ),
        (
            "bogus",
            named(failed(Security::Bogus), false),
            "grey -?- mx-bogus",
        ),
        (
            "null MX",
            named(secure(vec![mx(0, "")]), false),
            "grey ... null-mx",
        ),
        (
            "null MX among others",
            named(secure(vec![mx(0, ""), mx(10, "mx.d.example")]), true),
            "green +++ null-mx-mixed",
        ),
        (
            "nothing at all",
            named(secure(Vec::new()), false),
            "grey ... no-mail-host",
        ),
        (
            "implicit MX",
            named(secure(Vec::new()), true),
            "green +++ implicit-mx",
        ),
        (
            "more than is looked at",
            with(|it| it.left_out = 3),
            "grey ??? not-all-seen",
        ),
    ] {
        check(case, &evidence, expected);
    }
}

#[test]
fn one_host_of_two_counts_as_much_as_the_other() {
    let bare = |host: &mut Host| {
        host.addresses.records.clear();
        host.contacts.clear();
        host.tlsa.records.clear();
    };
    let without_tlsa = |host: &mut Host| {
        host.tlsa.records.clear();
        for (_, contact) in &mut host.contacts {
            *contact = both(Trust::Trusted, TlsaResult::Absent);
        }
    };
    let and = |change: &dyn Fn(&mut Host)| {
        with(|it| {
            let mut other = it.hosts[0].clone();
            change(&mut other);
            it.hosts.push(other);
        })
    };
    check(
        "the only one without addresses",
        &with(|it| bare(&mut it.hosts[0])),
        "grey ... no-mail-host",
    );
    check(
        "without addresses",
        &and(&bare),
        "green +++ mx-without-address",
    );
    check("without TLSA", &and(&without_tlsa), "green -++ tlsa-absent");
}
