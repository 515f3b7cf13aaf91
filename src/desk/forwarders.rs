//! Mail that others pass on: whose test it is.

use super::scenario::{Mail, Service, World};
use super::scenes::{MAIL, ONE};
use crate::base::{Policy, Zone};
use crate::infer::outbound;

/// A service that passes on mail of others, from hosts of its own.
const FORWARDER: Service = Service {
    policy: Policy::May,
    sni: false,
    client: |_| {
        (
            "203.0.113.8",
            "out.forwarder.example",
            "out.forwarder.example",
        )
    },
    ..ONE
};

fn rewritten(_: Zone) -> String {
    "SRS0=x=sender.example=jim@forwarder.example".to_owned()
}

/// A name, what is sent by whom, and the policies of the tests that come of it, by sender.
type Forwarded = (
    &'static str,
    &'static [(Service, Mail)],
    &'static [(&'static str, Option<Policy>)],
);

/// How mail comes through a forwarder. One that keeps the envelope sender is, to whoever receives, a host of the
/// sender's; what the two do together fits nobody.
const FORWARDED: [Forwarded; 3] = [
    (
        "by it alone",
        &[(FORWARDER, MAIL)],
        &[("jim@sender.example", Some(Policy::May))],
    ),
    (
        "with a sender of its own, the same message directly as well",
        &[
            (ONE, MAIL),
            (
                FORWARDER,
                Mail {
                    from: rewritten,
                    ..MAIL
                },
            ),
        ],
        &[
            (
                "SRS0=x=sender.example=jim@forwarder.example",
                Some(Policy::May),
            ),
            ("jim@sender.example", Some(Policy::Dane)),
        ],
    ),
    (
        "with the sender kept, the same message directly as well",
        &[(ONE, MAIL), (FORWARDER, MAIL)],
        &[("jim@sender.example", None)],
    ),
];

#[test]
fn a_forwarder_is_tested_as_whom_it_says_it_sends_for() {
    for (name, sent, expected) in FORWARDED {
        let mut world = World::new();
        for (service, mail) in sent {
            world.send(service, mail);
        }
        world.run(0, 20 * 60);
        let mut found: Vec<_> = (world.results.iter())
            .map(|test| (test.sender.to_string(), outbound(test).policy))
            .collect();
        found.sort();
        let expected: Vec<_> = (expected.iter())
            .map(|(sender, policy)| ((*sender).to_owned(), *policy))
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}
