//! Domains on loopback, looked at through sockets.

#[cfg(test)]
mod world;

#[cfg(test)]
mod tests {
    use crate::world::{Script, World, look, own_address};
    use mailproof::probe::inbound::{Colour, Inbound, Mark, StartTls, Trust};
    use rustls::ALL_VERSIONS;
    use rustls::version::{TLS12, TLS13};
    use std::net::Ipv4Addr;

    fn codes(inbound: &Inbound) -> Vec<&str> {
        let all = inbound.findings.iter().map(|it| it.code.as_str());
        all.collect()
    }

    const LOOK: &str = "(connection), EHLO prober.example, STARTTLS";

    /// A mail server of `d.example` with all that there is.
    async fn perfect() -> (World, Ipv4Addr) {
        let mut world = World::new();
        let identity = world.issue("mx.d.example");
        let address = world
            .serve(Script {
                tls: Some(identity.tls(ALL_VERSIONS)),
                answers: vec![("MAIL", "530 5.7.0 Must issue a STARTTLS command first")],
                ..Script::default()
            })
            .await;
        world.mx("d.example", 10, "mx.d.example");
        world.a("mx.d.example", address);
        world.tlsa("mx.d.example", identity.digest());
        world.caa("d.example");
        world.txt("d.example", "v=spf1 redirect=_spf.d.example");
        world.txt("_spf.d.example", "v=spf1 mx -all");
        world.txt(
            "_dmarc.d.example",
            "v=DMARC1; p=reject; rua=mailto:a@d.example",
        );
        world.txt("_smtp._tls.d.example", "v=TLSRPTv1; rua=mailto:a@d.example");
        let policy = "version: STSv1\nmode: enforce\nmx: *.d.example\nmax_age: 604800\n";
        world.policy("d.example", policy.to_owned()).await;
        (world, address)
    }

    #[tokio::test]
    async fn a_domain_without_fault() {
        let (world, address) = perfect().await;
        let inbound = look(&world.dial().await, "d.example").await;
        let marks = [
            inbound.dane,
            inbound.mta_sts,
            inbound.qualified_transport_encryption,
            inbound.tlsrpt,
            inbound.spf,
            inbound.dmarc,
            inbound.mx[0].caa,
            inbound.mx[0].mta_sts,
        ];
        assert_eq!(marks, [Mark::Pass; 8]);
        assert_eq!((inbound.colour, codes(&inbound)), (Colour::Green, vec![]));
        let report = &inbound.mx[0].addresses[0];
        assert_eq!(report.starttls, StartTls::Required);
        assert_eq!(report.tls_versions, ["1.2", "1.3"]);
        assert_eq!(report.certificate, Trust::Trusted);
        let root = report.root_issuer.as_deref().unwrap();
        assert!(root.contains("Root") && !root.contains('\u{7}'), "{root:?}");
        assert_eq!(report.error, None);
        // Two handshakes, then MAIL in clear text and nothing more; one after the other.
        let inside = "EHLO prober.example, QUIT";
        assert_eq!(
            world.heard(address),
            format!(
                "{LOOK}, (tls mx.d.example TLSv1_3), {inside}, {LOOK}, (tls mx.d.example TLSv1_2), {inside}, \
                 (connection), EHLO prober.example, MAIL FROM:<>, QUIT"
            )
        );
    }

    /// The TLS of a server.
    #[derive(Clone, Copy)]
    enum Tls {
        None,
        For(Versions),
        Expired,
        OtherName,
    }

    type Versions = &'static [&'static rustls::SupportedProtocolVersion];
    static ONLY_12: Versions = &[&TLS12];
    static ONLY_13: Versions = &[&TLS13];

    /// TLS, greeting, and answers of a server.
    type Server = (Tls, &'static str, &'static [(&'static str, &'static str)]);

    /// Looks at servers, each of a domain of its own, and holds what they show against lines such as
    /// `Optional 1.2 1.3 Trusted White: error`.
    async fn check(rows: &[(Server, &str)]) {
        let mut world = World::new();
        let mut addresses = Vec::new();
        for (number, ((tls, greeting, answers), _)) in rows.iter().enumerate() {
            let domain = format!("d{number}.plain");
            let host = format!("mx.{domain}");
            let tls = match tls {
                Tls::None => None,
                Tls::For(versions) => Some(world.issue(&host).tls(versions)),
                Tls::Expired => Some(world.issue_until(&host, 2020).tls(ALL_VERSIONS)),
                Tls::OtherName => Some(world.issue("mx.else.plain").tls(ALL_VERSIONS)),
            };
            let script = Script {
                greeting,
                tls,
                answers: answers.to_vec(),
            };
            let address = world.serve(script).await;
            world.mx(&domain, 10, &host);
            world.a(&host, address);
            addresses.push(address);
        }
        let dial = world.dial().await;
        for (number, (_, expected)) in rows.iter().enumerate() {
            let inbound = look(&dial, &format!("d{number}.plain")).await;
            let it = &inbound.mx[0].addresses[0];
            let error = it.error.clone().unwrap_or_default();
            let versions: Vec<_> = it.tls_versions.iter().map(|it| format!("{it} ")).collect();
            let found = format!(
                "{:?} {}{:?} {:?}: {error}",
                it.starttls,
                versions.concat(),
                it.certificate,
                inbound.colour
            );
            assert!(found.starts_with(expected), "{found} is not {expected}");
            assert_eq!(expected.ends_with(": "), error.is_empty(), "{found}");
            let heard = world.heard(addresses[number]);
            assert!(
                !heard.contains("RCPT") && !heard.contains("DATA"),
                "{heard}"
            );
        }
    }

    const GREETING: &str = "220 mx";

    #[tokio::test]
    async fn servers_that_speak_tls() {
        let row = |tls| (tls, GREETING, &[][..]);
        check(&[
            (
                row(Tls::For(ALL_VERSIONS)),
                "Optional 1.2 1.3 Trusted White: ",
            ),
            (row(Tls::For(ONLY_13)), "Optional 1.3 Trusted White: "),
            (row(Tls::For(ONLY_12)), "Optional 1.2 Trusted White: "),
            (
                row(Tls::Expired),
                "Optional 1.2 1.3 Expired Yellow: the certificate is not valid at this time",
            ),
            (
                row(Tls::OtherName),
                "Optional 1.2 1.3 NameMismatch Yellow: the certificate is for other names",
            ),
        ])
        .await;
    }

    #[tokio::test]
    async fn servers_that_speak_none_or_say_nothing_of_it() {
        let tls = Tls::For(ALL_VERSIONS);
        check(&[
            ((Tls::None, GREETING, &[]), "Absent Unknown Red: "),
            (
                (Tls::None, GREETING, &[("EHLO", "502 what?")]),
                "Absent Unknown Red: ",
            ),
            (
                (tls, GREETING, &[("STARTTLS", "454 not now")]),
                "Failed Unknown Red: STARTTLS: 454 not now",
            ),
            (
                (tls, GREETING, &[("STARTTLS", "220 go\r\n250 mx")]),
                "Failed Unknown Red: clear text followed",
            ),
            (
                (tls, GREETING, &[("(tls)", "")]),
                "Unknown Unknown Grey: EHLO inside TLS: c",
            ),
            (
                (tls, "421 later", &[]),
                "Unknown Unknown Grey: greeting: 421 later",
            ),
            (
                (tls, GREETING, &[("EHLO", "554 no"), ("HELO", "554 no")]),
                "Unknown Unknown Grey: EHLO: 554 no",
            ),
            ((tls, "what?", &[]), "Unknown Unknown Grey: greeting: p"),
        ])
        .await;
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_unknown() {
        let mut world = World::new();
        for (host, address) in [
            ("mx.closed.example", own_address()),
            ("mx.inside.example", Ipv4Addr::new(10, 0, 0, 1)),
            ("mx.shy.example", own_address()),
        ] {
            world.a(host, address);
        }
        world.mx("closed.example", 10, "mx.closed.example");
        world.mx("inside.example", 10, "mx.inside.example");
        world.mx("friend.example", 10, "mx.shy.example");
        world.mx("far.example", 10, "mx.lame");
        world.mx("null.example", 0, ".");
        let dial = world.dial().await;
        for (domain, dane, code, error) in [
            (
                "closed.example",
                Mark::Fail,
                "not-reached",
                "connection refused",
            ),
            (
                "inside.example",
                Mark::Fail,
                "not-reached",
                "not globally routable",
            ),
            (
                "friend.example",
                Mark::Fail,
                "not-reached",
                "asked to be left alone",
            ),
            ("far.example", Mark::Unknown, "address-unknown", ""),
            ("very.lame", Mark::Unknown, "mx-unknown", ""),
            ("null.example", Mark::NotApplicable, "null-mx", ""),
            ("none.example", Mark::NotApplicable, "no-mail-host", ""),
            ("shy.example", Mark::Unknown, "left-alone", ""),
        ] {
            let inbound = look(&dial, domain).await;
            assert!(
                codes(&inbound).contains(&code),
                "{domain}: {:?}",
                inbound.findings
            );
            assert_eq!(
                (inbound.colour, inbound.dane),
                (Colour::Grey, dane),
                "{domain}"
            );
            // Even where something else makes it a failure, encryption is not known.
            assert_ne!(inbound.qualified_transport_encryption, Mark::Pass);
            let mut addresses = inbound.mx.iter().flat_map(|host| &host.addresses);
            let found = addresses.next().and_then(|it| it.error.clone());
            assert!(found.unwrap_or_default().contains(error), "{domain}");
            assert_eq!(inbound.null_mx, domain == "null.example");
        }
    }

    #[tokio::test]
    async fn hosts_that_share_an_address_are_looked_at_in_turn_and_an_alias_by_its_target() {
        let mut world = World::new();
        let identity = world.issue("real.example");
        let tls = Some(identity.tls(ONLY_13));
        let address = world
            .serve(Script {
                tls,
                ..Script::default()
            })
            .await;
        for preference in 1..=4 {
            let host = format!("mx{preference}.example");
            world.mx("many.example", preference, &host);
            world.a(&host, address);
        }
        world.mx("alias.example", 10, "mx.alias.example");
        world.alias("mx.alias.example", "real.example");
        world.a("real.example", address);
        world.tlsa("real.example", identity.digest());
        let dial = world.dial().await;

        let inbound = look(&dial, "many.example").await;
        let shown: Vec<_> = inbound
            .mx
            .iter()
            .map(|host| (host.addresses.len(), host.addresses[0].starttls))
            .collect();
        let met = (1, StartTls::Optional);
        assert_eq!(shown, [met, met, met, met]);
        // Three connections for the first host, two for each of the next; the last one's second was one too many.
        assert_eq!(world.heard(address).matches("(connection)").count(), 8);

        let inbound = look(&dial, "alias.example").await;
        assert_eq!(inbound.dane, Mark::Pass);
        let heard = world.heard(address);
        assert!(heard.contains("(tls real.example TLSv1_3)"), "{heard}");
        assert_eq!(inbound.mx[0].host.as_str(), "mx.alias.example");
        assert_eq!(inbound.mx[0].addresses[0].certificate, Trust::NameMismatch);
    }
}
