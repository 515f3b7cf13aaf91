//! Every policy against the case table, and against the odd answers of DNS and servers.

use super::*;
use crate::base::{Security, Server, Zone};
use crate::cases::{self, Expected, Issue};
use crate::spec::mta_sts::Policy as StsPolicy;
use crate::spec::pkix::Trust;
use crate::spec::tlsa::Mismatch;
use std::collections::BTreeSet;

fn name(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn reply(code: u16) -> Reply {
    Reply {
        code,
        lines: vec!["text".to_owned()],
    }
}

fn pkix(trust: Trust) -> Pkix {
    Pkix {
        trust,
        root: None,
        why: "not trusted".to_owned(),
    }
}

fn policy(text: &str) -> Option<Arc<StsPolicy>> {
    let file = format!("version: STSv1\nmax_age: 1\n{text}");
    Some(Arc::new(StsPolicy::parse(file.as_bytes()).unwrap()))
}

fn tlsa(octet: u8) -> Tlsa {
    Tlsa {
        usage: 3,
        selector: 1,
        matching: 1,
        data: vec![octet; 32],
    }
}

/// The appliance as the case table has it, answering 451 to every message.
struct Appliance {
    window: bool,
    zone: Zone,
    host: Option<Server>,
    met: Option<Server>,
    handshakes: BTreeSet<Server>,
    mailed: BTreeSet<Server>,
}

impl Appliance {
    fn attempt(policy: Policy, sni: Sni, zone: Zone, window: bool) -> Self {
        let mut appliance = Self {
            window,
            zone,
            host: None,
            met: None,
            handshakes: BTreeSet::new(),
            mailed: BTreeSet::new(),
        };
        let domain = name(&format!("{zone}.example.org"));
        let (mut walk, mut step) = Walk::begin(Order {
            sni,
            ..Order::new(domain, policy, 7)
        });
        loop {
            if let Step::Done(outcome) = step {
                assert!(matches!(outcome, Outcome::Deferred(_)), "{outcome:?}");
                return appliance;
            }
            let fact = appliance.answer(&step);
            step = walk.take(fact);
        }
    }

    fn server(host: &str) -> Server {
        let host = host.strip_prefix("_25._tcp.").unwrap_or(host);
        cases::by_sni(host, &name("example.org")).unwrap()
    }

    fn answer(&mut self, step: &Step) -> Fact {
        match step {
            Step::FindPolicy(_) if self.zone == Zone::Ut => Fact::Policy(None),
            Step::FindPolicy(_) => {
                let listed = cases::hosts().filter(|case| case.in_policy);
                let lines: String = listed
                    .map(|case| cases::relative_name(case.server).unwrap())
                    .map(|host| format!("mx: {host}.example.org\n"))
                    .collect();
                Fact::Policy(policy(&format!("mode: enforce\n{lines}")))
            }
            Step::LookUpMx(_) => {
                let hosts = cases::hosts().filter(|case| case.zone == self.zone);
                let mx = hosts.map(|case| Mx {
                    preference: 10,
                    host: Some(name(&format!(
                        "{}.example.org",
                        cases::relative_name(case.server).unwrap()
                    ))),
                });
                Fact::Mx(Lookup::found(mx.collect(), Security::Secure))
            }
            Step::LookUpAddresses(_) => Fact::Addresses(Lookup::found(
                vec!["192.0.2.25".parse().unwrap()],
                Security::Secure,
            )),
            Step::LookUpTlsa(host) => {
                let server = Self::server(host.as_str());
                let records = match cases::case(server).tlsa {
                    None => vec![],
                    Some(cases::Tlsa::Valid) => vec![tlsa(server.number())],
                    Some(cases::Tlsa::Invalid) => vec![tlsa(99)],
                };
                Fact::Tlsa(Lookup::found(records, Security::Secure))
            }
            Step::Connect { host, .. } => {
                self.host = Some(Self::server(host.as_str()));
                self.met = None;
                Fact::Answered(Stage::Greeting, reply(220))
            }
            Step::StartTls { sni, demand } => self.handshake(sni.as_ref(), demand),
            Step::Say(Stage::Ehlo | Stage::SecureEhlo) => Fact::Greeted {
                starttls: !self.window,
            },
            Step::Say(stage) => self.transact(*stage),
            Step::Leave => Fact::Left,
            Step::Done(_) => unreachable!(),
        }
    }

    fn handshake(&mut self, sni: Option<&Domain>, demand: &Demand) -> Fact {
        let server = match sni {
            Some(sni) => Self::server(sni.as_str()),
            None => cases::by_recipient(self.zone, true),
        };
        self.met = Some(server);
        self.handshakes.insert(server);
        let trusted = cases::case(server).issue == Some(Issue::Ca);
        let result = match demand.tlsa.first() {
            None => TlsaResult::Absent,
            Some(record) if record.data == [server.number(); 32] => {
                TlsaResult::Match(record.clone())
            }
            Some(_) => TlsaResult::NoMatch(Mismatch::Association),
        };
        Fact::Secured(Secured {
            tls: Tls {
                version: "1.3".to_owned(),
                cipher: String::new(),
            },
            pkix: pkix(if trusted {
                Trust::Trusted
            } else {
                Trust::Untrusted
            }),
            tlsa: result,
        })
    }

    fn transact(&mut self, stage: Stage) -> Fact {
        let met = self.met.unwrap_or(cases::by_recipient(self.zone, false));
        self.mailed.insert(met);
        Fact::Answered(
            stage,
            reply(match stage {
                Stage::Data => 354,
                Stage::Message => 451,
                _ => 250,
            }),
        )
    }
}

#[test]
fn every_policy_does_at_every_server_what_the_case_table_says() {
    for policy in Policy::ALL {
        for server in Server::ALL {
            let expected = cases::expected(policy, server);
            let case = cases::case(server);
            // Server 2 is met by verifying senders that send no SNI.
            let sni = match (server, policy) {
                (Server::Two, Policy::Verify) => Sni::Never,
                _ => Sni::Authenticated,
            };
            let seen = Appliance::attempt(policy, sni, case.zone, !case.starttls);
            let found = (
                seen.handshakes.contains(&server),
                seen.mailed.contains(&server),
            );
            let agrees = match expected {
                Expected::Yes | Expected::YesUnlessDane => found.1,
                // dane-only need not connect to see that ut has no TLSA.
                Expected::No => !found.1 && (found.0 || policy == Policy::DaneOnly),
                Expected::Never => found == (false, false),
            };
            assert!(
                agrees,
                "{policy} at {server}: expected {expected:?}, found {found:?}"
            );
        }
    }
}

#[test]
fn in_the_window_only_opportunistic_senders_hand_over_mail() {
    for (policy, et, ut) in [
        (Policy::None, true, true),
        (Policy::May, true, true),
        (Policy::Encrypt, false, false),
        (Policy::Verify, false, false),
        (Policy::Dane, false, true),
        (Policy::DaneOnly, false, false),
        (Policy::MtaSts, false, true),
        (Policy::DaneMtaSts, false, true),
    ] {
        let mails = |zone| {
            !Appliance::attempt(policy, Sni::Authenticated, zone, true)
                .mailed
                .is_empty()
        };
        assert_eq!((mails(Zone::Et), mails(Zone::Ut)), (et, ut), "{policy}");
    }
}

/// What the outside answers in the rows below; a domain `d.example` with two hosts unless a row says otherwise.
struct World {
    mx: Lookup<Mx>,
    addresses: Lookup<IpAddr>,
    tlsa: Lookup<Tlsa>,
    sts: Option<Arc<StsPolicy>>,
    starttls: bool,
    handshake: bool,
    trust: Trust,
    hit: bool,
    replies: [(Stage, u16); 1],
    clear_after_failure: bool,
    stop_after: Option<Stage>,
    reach: Reach,
}

fn world() -> World {
    let mx = |preference, host: &str| Mx {
        preference,
        host: Some(name(host)),
    };
    World {
        mx: Lookup::found(
            vec![mx(20, "b.example"), mx(10, "a.example")],
            Security::Secure,
        ),
        addresses: Lookup::found(vec!["192.0.2.1".parse().unwrap()], Security::Secure),
        tlsa: Lookup::found(vec![tlsa(1)], Security::Secure),
        sts: None,
        starttls: true,
        handshake: true,
        trust: Trust::Trusted,
        hit: true,
        replies: [(Stage::Greeting, 220)],
        clear_after_failure: false,
        stop_after: None,
        reach: Reach::FULL,
    }
}

/// Each step in short, and how it ended.
fn walked(policy: Policy, world: &World) -> String {
    let (mut walk, mut step) = Walk::begin(Order {
        clear_after_failure: world.clear_after_failure,
        stop_after: world.stop_after,
        reach: world.reach,
        ..Order::new(name("d.example"), policy, 1)
    });
    let mut log = Vec::new();
    loop {
        let (text, fact) = match &step {
            Step::FindPolicy(_) => ("sts".to_owned(), Fact::Policy(world.sts.clone())),
            Step::LookUpMx(_) => ("mx".to_owned(), Fact::Mx(world.mx.clone())),
            Step::LookUpAddresses(host) => (
                format!("A {host}"),
                Fact::Addresses(world.addresses.clone()),
            ),
            Step::LookUpTlsa(host) => (format!("TLSA {host}"), Fact::Tlsa(world.tlsa.clone())),
            Step::Connect { host, .. } => (format!("@{host}"), world.reply(Stage::Greeting, 220)),
            Step::Say(stage @ (Stage::Ehlo | Stage::SecureEhlo)) => (
                stage.to_string(),
                Fact::Greeted {
                    starttls: world.starttls,
                },
            ),
            Step::StartTls { sni, demand } => {
                let sni = sni.as_ref().map_or("-", Domain::as_str);
                (format!("tls {sni}"), world.secured(demand))
            }
            Step::Say(Stage::Data) => ("data".to_owned(), world.reply(Stage::Data, 354)),
            Step::Say(stage) => (stage.to_string(), world.reply(*stage, 250)),
            Step::Leave => ("leave".to_owned(), Fact::Left),
            Step::Done(outcome) => {
                log.push(match outcome {
                    Outcome::Delivered { verified, .. } => format!("= {verified}"),
                    Outcome::Deferred(given_up) => {
                        let reasons: Vec<_> = given_up.iter().map(ToString::to_string).collect();
                        format!("? {}", reasons.join("; "))
                    }
                    Outcome::Failed(given_up) => format!("! {given_up}"),
                    Outcome::Stopped { stage, .. } => format!(". {stage}"),
                });
                return log.join(", ");
            }
        };
        log.push(text);
        step = walk.take(fact);
    }
}

impl World {
    fn reply(&self, stage: Stage, usual: u16) -> Fact {
        let other = self.replies.iter().find(|(at, _)| *at == stage);
        Fact::Answered(stage, reply(other.map_or(usual, |(_, code)| *code)))
    }

    fn secured(&self, demand: &Demand) -> Fact {
        if !self.handshake {
            return Fact::NotSecured("alert".to_owned());
        }
        Fact::Secured(Secured {
            tls: Tls {
                version: "1.3".to_owned(),
                cipher: String::new(),
            },
            pkix: pkix(self.trust),
            tlsa: match demand.tlsa.first() {
                None => TlsaResult::Absent,
                Some(record) if self.hit => TlsaResult::Match(record.clone()),
                Some(_) => TlsaResult::NoMatch(Mismatch::Association),
            },
        })
    }
}

const REST: &str = "mail, rcpt, data, message";

fn check(rows: Vec<(&str, Policy, World, String)>) {
    for (what, policy, world, expected) in rows {
        assert_eq!(walked(policy, &world), expected, "{what}");
    }
}

#[test]
fn the_domain_is_found_as_rfc_5321_and_7505_say() {
    let none = || Lookup::found(vec![], Security::Secure);
    let null = || Mx {
        preference: 0,
        host: None,
    };
    let failure = || Lookup::failure(Security::Bogus, "bogus".to_owned());
    let ended = format!("= {}", Verified::Nothing);
    check(vec![
        ("implicit MX", Policy::None, World { mx: none(), ..world() }, format!("mx, A d.example, @d.example, ehlo, {REST}, {ended}")),
        ("implicit MX with TLSA (7672 2.2.1)", Policy::Dane, World { mx: none(), ..world() }, format!("mx, A d.example, TLSA _25._tcp.d.example, @d.example, ehlo, tls d.example, ehlo-tls, {REST}, = authenticated by DANE")),
        ("no address either", Policy::May, World { mx: none(), addresses: Lookup::found(vec![], Security::Secure), ..world() }, "mx, A d.example, ! the domain has neither MX nor address".to_owned()),
        ("null MX", Policy::May, World { mx: Lookup::found(vec![null()], Security::Secure), ..world() }, "mx, ! the domain accepts no mail (null MX)".to_owned()),
        ("MX bogus", Policy::May, World { mx: failure(), ..world() }, "mx, ? MX look-up failed: bogus".to_owned()),
        ("addresses unknown", Policy::May, World { addresses: Lookup::failure(Security::Unknown, "timeout".to_owned()), ..world() }, "mx, A a.example, A b.example, ? a.example: address look-up failed: timeout; b.example: address look-up failed: timeout".to_owned()),
        ("host without address", Policy::May, World { addresses: Lookup::found(vec![], Security::Secure), reach: Reach { hosts: 1, ..Reach::FULL }, ..world() }, "mx, A a.example, A b.example, ? a.example: no address; b.example: no address".to_owned()),
    ]);
}

#[test]
fn dane_follows_rfc_7672() {
    let insecure = |lookup: Lookup<Tlsa>| Lookup {
        security: Security::Insecure,
        ..lookup
    };
    let one = Reach {
        addresses: 1,
        ..Reach::FULL
    };
    let none = || Lookup::found(vec![], Security::Secure);
    let unusable = || {
        Lookup::found(
            vec![Tlsa {
                usage: 1,
                ..tlsa(1)
            }],
            Security::Secure,
        )
    };
    let mx_insecure = || Lookup {
        security: Security::Insecure,
        ..world().mx
    };
    let half = || Lookup {
        failed: Some("bogus".to_owned()),
        security: Security::Bogus,
        ..world().addresses
    };
    let dane = "mx, A a.example, TLSA _25._tcp.a.example";
    let enough = "enough hosts were tried in this attempt";
    check(vec![
        ("usable and matching", Policy::Dane, world(), format!("{dane}, @a.example, ehlo, tls a.example, ehlo-tls, {REST}, = authenticated by DANE")),
        ("the certificate's trust is no matter", Policy::DaneOnly, World { trust: Trust::Untrusted, ..world() }, format!("{dane}, @a.example, ehlo, tls a.example, ehlo-tls, {REST}, = authenticated by DANE")),
        ("mismatch: leave without EHLO", Policy::Dane, World { hit: false, reach: one, ..world() }, format!("{dane}, @a.example, ehlo, tls a.example, leave, ? a.example [192.0.2.1]: certificate refused: no TLSA record matches the certificate; {enough}")),
        ("no STARTTLS: leave", Policy::Dane, World { starttls: false, reach: one, ..world() }, format!("{dane}, @a.example, ehlo, leave, ? a.example [192.0.2.1]: TLS is required, but STARTTLS was not offered; {enough}")),
        ("TLSA bogus: host skipped", Policy::Dane, World { tlsa: Lookup::failure(Security::Bogus, "bogus".to_owned()), ..world() }, format!("{dane}, A b.example, TLSA _25._tcp.b.example, ? a.example: TLSA look-up failed: bogus; b.example: TLSA look-up failed: bogus")),
        ("all unusable: TLS without authentication", Policy::Dane, World { tlsa: unusable(), ..world() }, format!("{dane}, @a.example, ehlo, tls -, ehlo-tls, {REST}, = not authenticated")),
        ("all unusable, no STARTTLS", Policy::Dane, World { tlsa: unusable(), starttls: false, reach: one, ..world() }, format!("{dane}, @a.example, ehlo, leave, ? a.example [192.0.2.1]: TLS is required, but STARTTLS was not offered; {enough}")),
        ("all unusable, required", Policy::DaneOnly, World { tlsa: unusable(), ..world() }, format!("{dane}, A b.example, TLSA _25._tcp.b.example, ? a.example: DANE is required, but no TLSA record is usable; b.example: DANE is required, but no TLSA record is usable")),
        ("none: opportunistic", Policy::Dane, World { tlsa: none(), starttls: false, ..world() }, format!("{dane}, @a.example, ehlo, {REST}, = not authenticated")),
        ("insecure records count for nothing", Policy::Dane, World { tlsa: insecure(world().tlsa), ..world() }, format!("{dane}, @a.example, ehlo, tls -, ehlo-tls, {REST}, = not authenticated")),
        ("MX insecure: TLSA not asked for", Policy::Dane, World { mx: mx_insecure(), ..world() }, format!("mx, A a.example, @a.example, ehlo, tls -, ehlo-tls, {REST}, = not authenticated")),
        ("MX insecure, required", Policy::DaneOnly, World { mx: mx_insecure(), ..world() }, "mx, A a.example, A b.example, ? a.example: DANE is required, but MX or addresses are not secured by DNSSEC; b.example: DANE is required, but MX or addresses are not secured by DNSSEC".to_owned()),
        ("addresses insecure", Policy::Dane, World { addresses: Lookup { security: Security::Insecure, ..world().addresses }, ..world() }, format!("mx, A a.example, @a.example, ehlo, tls -, ehlo-tls, {REST}, = not authenticated")),
        ("one family of addresses bogus: host skipped", Policy::Dane, World { addresses: half(), ..world() }, "mx, A a.example, A b.example, ? a.example: address look-up failed: bogus; b.example: address look-up failed: bogus".to_owned()),
        ("one family of addresses bogus, without DANE", Policy::May, World { addresses: half(), starttls: false, ..world() }, format!("mx, A a.example, @a.example, ehlo, {REST}, = not authenticated")),
        ("CNAME: its target first (2.2.3)", Policy::Dane, World { addresses: Lookup { canonical: Some(name("c.example")), ..world().addresses }, ..world() }, format!("mx, A a.example, TLSA _25._tcp.c.example, @a.example, ehlo, tls c.example, ehlo-tls, {REST}, = authenticated by DANE")),
        ("CNAME: then the host itself", Policy::Dane, World { addresses: Lookup { canonical: Some(name("c.example")), ..world().addresses }, tlsa: none(), ..world() }, format!("mx, A a.example, TLSA _25._tcp.c.example, TLSA _25._tcp.a.example, @a.example, ehlo, tls -, ehlo-tls, {REST}, = not authenticated")),
        ("with MTA-STS: neither yields", Policy::DaneMtaSts, World { sts: policy("mode: enforce\nmx: a.example\nmx: b.example"), trust: Trust::Untrusted, reach: one, ..world() }, format!("sts, {dane}, @a.example, ehlo, tls a.example, leave, ? a.example [192.0.2.1]: certificate refused: not trusted; {enough}")),
        ("with MTA-STS: both hold", Policy::DaneMtaSts, World { sts: policy("mode: enforce\nmx: a.example"), ..world() }, format!("sts, {dane}, @a.example, ehlo, tls a.example, ehlo-tls, {REST}, = authenticated by DANE and by its certificate")),
    ]);
}

#[test]
fn mta_sts_follows_rfc_8461() {
    let sts = |text: &str| policy(text);
    let enforced = || sts("mode: enforce\nmx: b.example");
    check(vec![
        ("hosts outside the policy are not connected", Policy::MtaSts, World { sts: enforced(), ..world() }, format!("sts, mx, A b.example, @b.example, ehlo, tls b.example, ehlo-tls, {REST}, = authenticated by its certificate")),
        ("expired", Policy::MtaSts, World { sts: enforced(), trust: Trust::Expired, ..world() }, "sts, mx, A b.example, @b.example, ehlo, tls b.example, leave, ? a.example: the MTA-STS policy of the domain does not name this host; b.example [192.0.2.1]: certificate refused: not trusted".to_owned()),
        ("testing", Policy::MtaSts, World { sts: sts("mode: testing\nmx: b.example"), trust: Trust::Untrusted, ..world() }, format!("sts, mx, A a.example, @a.example, ehlo, tls -, ehlo-tls, {REST}, = not authenticated")),
        ("mode none", Policy::MtaSts, World { sts: sts("mode: none"), starttls: false, ..world() }, format!("sts, mx, A a.example, @a.example, ehlo, {REST}, = not authenticated")),
        ("no policy", Policy::MtaSts, World { starttls: false, ..world() }, format!("sts, mx, A a.example, @a.example, ehlo, {REST}, = not authenticated")),
    ]);
}

#[test]
fn replies_and_failures_lead_on_or_end_it() {
    let one = Reach {
        sessions: 1,
        ..Reach::FULL
    };
    let tls = "ehlo, tls -";
    check(vec![
        ("451 leads to the next host", Policy::None, World { replies: [(Stage::Rcpt, 451)], ..world() }, "mx, A a.example, @a.example, ehlo, mail, rcpt, leave, A b.example, @b.example, ehlo, mail, rcpt, leave, ? a.example [192.0.2.1]: refused at rcpt: 451 text; b.example [192.0.2.1]: refused at rcpt: 451 text".to_owned()),
        ("a limit of sessions", Policy::None, World { replies: [(Stage::Message, 451)], reach: one, ..world() }, format!("mx, A a.example, @a.example, ehlo, {REST}, leave, ? a.example [192.0.2.1]: refused at message: 451 text; enough hosts were tried in this attempt")),
        ("a limit of hosts", Policy::None, World { replies: [(Stage::Mail, 451)], reach: Reach { hosts: 1, ..Reach::FULL }, ..world() }, "mx, A a.example, @a.example, ehlo, mail, leave, ? a.example [192.0.2.1]: refused at mail: 451 text; enough hosts were tried in this attempt".to_owned()),
        ("550 ends it", Policy::None, World { replies: [(Stage::Rcpt, 550)], ..world() }, "mx, A a.example, @a.example, ehlo, mail, rcpt, ! a.example [192.0.2.1]: refused at rcpt: 550 text".to_owned()),
        ("554 in the greeting does not", Policy::None, World { replies: [(Stage::Greeting, 554)], reach: Reach { addresses: 1, ..Reach::FULL }, ..world() }, "mx, A a.example, @a.example, leave, ? a.example [192.0.2.1]: refused at greeting: 554 text; enough hosts were tried in this attempt".to_owned()),
        ("250 to DATA is no go-ahead", Policy::None, World { replies: [(Stage::Data, 250)], reach: one, ..world() }, "mx, A a.example, @a.example, ehlo, mail, rcpt, data, leave, ? a.example [192.0.2.1]: refused at data: 250 text; enough hosts were tried in this attempt".to_owned()),
        ("a broken handshake leads on", Policy::May, World { handshake: false, ..world() }, format!("mx, A a.example, @a.example, {tls}, A b.example, @b.example, {tls}, ? a.example [192.0.2.1]: no TLS: alert; b.example [192.0.2.1]: no TLS: alert")),
        ("or to clear text where that is ordered", Policy::May, World { handshake: false, clear_after_failure: true, ..world() }, format!("mx, A a.example, @a.example, {tls}, @a.example, ehlo, {REST}, = not authenticated")),
        ("never where TLS is required", Policy::Encrypt, World { handshake: false, clear_after_failure: true, ..world() }, format!("mx, A a.example, @a.example, {tls}, A b.example, @b.example, {tls}, ? a.example [192.0.2.1]: no TLS: alert; b.example [192.0.2.1]: no TLS: alert")),
        ("stopped after the handshake", Policy::Verify, World { stop_after: Some(Stage::StartTls), ..world() }, "mx, A a.example, @a.example, ehlo, tls a.example, . starttls".to_owned()),
        ("stopped in clear text before a stage that never comes", Policy::None, World { stop_after: Some(Stage::SecureEhlo), ..world() }, "mx, A a.example, @a.example, ehlo, . ehlo".to_owned()),
    ]);
}

#[test]
fn hosts_of_equal_preference_are_shuffled_by_the_seed_alone() {
    let order = |seed| {
        let mx = ["a.example", "b.example", "c.example"].map(|host| Mx {
            preference: 10,
            host: Some(name(host)),
        });
        let mut records = mx.to_vec();
        records.push(Mx {
            preference: 5,
            host: Some(name("z.example")),
        });
        records.push(Mx {
            preference: 30,
            host: Some(name("z.example")),
        });
        let (mut walk, _) = Walk::begin(Order::new(name("d.example"), Policy::None, seed));
        let mut hosts = Vec::new();
        let mut step = walk.take(Fact::Mx(Lookup::found(records, Security::Insecure)));
        while let Step::LookUpAddresses(host) = step {
            hosts.push(host.to_string());
            step = walk.take(Fact::Addresses(Lookup::found(vec![], Security::Insecure)));
        }
        hosts.join(" ")
    };
    let all: BTreeSet<_> = (0..60).map(order).collect();
    assert_eq!(all.len(), 6);
    assert!(
        all.iter()
            .all(|hosts| hosts.starts_with("z.example ") && hosts.len() == 39)
    );
    assert_eq!(order(3), order(3));
}
