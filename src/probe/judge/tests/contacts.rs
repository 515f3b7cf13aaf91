//! By what the addresses showed.

use super::*;

#[test]
fn what_the_addresses_show_makes_marks_and_colour() {
    use Colour::{Green, Grey, Red, White, Yellow};
    let silent = || Contact::Silent("connection timed out".to_owned());
    let broken = || Attempt::Broken("TLS alert HandshakeFailure".to_owned());
    let lost = || Attempt::Lost("TLS handshake timed out".to_owned());
    let one = |contact: Contact| with(|it| it.hosts[0].contacts[0].1 = contact);
    let no_tlsa = |contact: Contact| {
        let mut evidence = showing(&contact);
        evidence.hosts[0].tlsa = secure(Vec::new());
        evidence
    };
    let absent = || TlsaResult::Absent;
    let unproven = TlsaResult::NoMatch(Mismatch::Unproven("P-521".to_owned()));
    check(vec![
        ("all good", good(), (Green, Pass, Pass, Pass, "")),
        (
            "self-signed with TLSA",
            showing(&both(Trust::Untrusted, matching())),
            (Green, Pass, Fail, Pass, "certificate-untrusted"),
        ),
        (
            "TLSA of another key",
            showing(&both(Trust::Trusted, mismatching())),
            (Green, Fail, Pass, Pass, "dane-no-match"),
        ),
        (
            "one address differs",
            one(both(Trust::Trusted, mismatching())),
            (Green, Fail, Pass, Pass, "dane-no-match"),
        ),
        (
            "another key to TLS 1.2",
            one(offered(vec![
                seen("1.3", Trust::Trusted, matching()),
                seen("1.2", Trust::Expired, mismatching()),
            ])),
            (
                Yellow,
                Fail,
                Fail,
                Fail,
                "certificate-expired dane-no-match",
            ),
        ),
        (
            "a key that we cannot check",
            showing(&both(Trust::Unknown, unproven)),
            (Grey, Unknown, Unknown, Unknown, "certificate-unproven"),
        ),
        (
            "no TLSA",
            no_tlsa(both(Trust::Trusted, absent())),
            (Green, Fail, Pass, Pass, "tlsa-absent"),
        ),
        (
            "no TLSA, another name",
            no_tlsa(both(Trust::NameMismatch, absent())),
            (Yellow, Fail, Fail, Fail, "tlsa-absent certificate-name"),
        ),
        (
            "no STARTTLS",
            showing(&Contact::Clear),
            (Red, Fail, Fail, Fail, "starttls-absent dane-no-match"),
        ),
        (
            "no STARTTLS at one address",
            one(Contact::Clear),
            (Red, Fail, Fail, Fail, "starttls-absent dane-no-match"),
        ),
        (
            "no handshake",
            one(offered(vec![broken(), broken()])),
            (Red, Fail, Fail, Fail, "starttls-failed dane-no-match"),
        ),
        (
            "TLS 1.2 alone",
            one(offered(vec![seen("1.2", Trust::Trusted, matching())])),
            (Green, Pass, Pass, Pass, "tls13-absent"),
        ),
        (
            "TLS 1.3 intolerant",
            one(offered(vec![
                broken(),
                seen("1.2", Trust::Trusted, matching()),
            ])),
            (Green, Pass, Pass, Pass, "tls13-absent"),
        ),
        (
            "not known whether TLS 1.2, too",
            one(offered(vec![
                seen("1.3", Trust::Trusted, matching()),
                lost(),
            ])),
            (Green, Pass, Pass, Pass, ""),
        ),
        // What is unknown is no failure, and no success.
        (
            "a handshake timed out",
            one(offered(vec![lost()])),
            (Grey, Unknown, Unknown, Unknown, "not-reached"),
        ),
        (
            "broken, then timed out",
            one(offered(vec![broken(), lost()])),
            (Grey, Unknown, Unknown, Unknown, "not-reached"),
        ),
        (
            "no connection to one",
            one(silent()),
            (Grey, Unknown, Unknown, Unknown, "not-reached"),
        ),
        (
            "no connection at all",
            showing(&silent()),
            (Grey, Unknown, Unknown, Unknown, "not-reached"),
        ),
        (
            "one unknown, one certain",
            with(|it| {
                it.hosts[0].contacts[0].1 = silent();
                it.hosts[0].contacts[1].1 = Contact::Clear;
            }),
            (
                Red,
                Fail,
                Fail,
                Fail,
                "not-reached starttls-absent dane-no-match",
            ),
        ),
        (
            "one unknown, one without trust",
            with(|it| {
                it.hosts[0].contacts[0].1 = silent();
                it.hosts[0].contacts[1].1 = both(Trust::Expired, matching());
            }),
            (
                Grey,
                Unknown,
                Fail,
                Unknown,
                "not-reached certificate-expired",
            ),
        ),
        (
            "trusted, nothing secure",
            with(|it| {
                it.mx.security = Security::Insecure;
                it.sts.record.records.clear();
                it.sts.policy = None;
            }),
            (White, Fail, Fail, Fail, "mx-insecure sts-absent"),
        ),
    ]);
}
