//! Deliveries over loopback to mail servers that behave and to such that do not.

#[cfg(test)]
mod world;

#[cfg(test)]
mod tests {
    use crate::world::{Greeting, Script, Seen, World, host, name, self_signed};
    use mailproof::base::Policy;
    use mailproof::dial::deliver::{Outcome, Stage, Verified};
    use mailproof::dial::smtp::Timeouts;
    use std::time::Duration;

    const MESSAGE: &str = "Subject: x\n\n.dot\nend";
    const CONTENT: &str = "| Subject: x\\r\\n, | \\r\\n, | ..dot\\r\\n, | end\\r\\n, | .\\r\\n";

    fn clear() -> Script {
        Script::default()
    }

    fn says(answers: &[(&'static str, &'static str)]) -> Script {
        Script {
            answers: answers.to_vec(),
            ..Script::default()
        }
    }

    /// Why it was deferred.
    fn reasons(seen: &Seen) -> String {
        let Outcome::Deferred(given_up) = &seen.outcome else {
            panic!("{:?}", seen.outcome);
        };
        let reasons: Vec<_> = given_up.iter().map(ToString::to_string).collect();
        reasons.join("; ")
    }

    /// The server's number and what it was authenticated by.
    fn delivered(seen: &Seen) -> (String, Option<&str>, Verified) {
        match &seen.outcome {
            Outcome::Delivered {
                host,
                tls,
                verified,
                ..
            } => (
                host.to_string(),
                tls.as_ref().map(|tls| tls.version.as_str()),
                *verified,
            ),
            outcome => panic!("{outcome:?}"),
        }
    }

    #[tokio::test]
    async fn in_clear_text_the_message_arrives_unharmed() {
        let world = World::new(vec![clear()]);
        let seen = world.deliver(Policy::May, MESSAGE, |_| ()).await;
        assert_eq!(delivered(&seen), (host(1), None, Verified::Nothing));
        assert_eq!(
            seen.heard[0],
            format!(
                "EHLO client.example, MAIL FROM:<> SIZE=20, RCPT TO:<jim@d.example>, DATA, {CONTENT}, QUIT, (end)"
            )
        );
    }

    #[tokio::test]
    async fn a_451_leads_to_the_next_host_and_a_550_ends_it() {
        let world = World::new(vec![says(&[(".", "451 4.7.1 later")]), clear()]);
        let seen = world.deliver(Policy::None, "x", |_| ()).await;
        assert_eq!(delivered(&seen).0, host(2));
        assert!(seen.heard[0].ends_with("| x\\r\\n, | .\\r\\n, QUIT, (end)"));
        let world = World::new(vec![says(&[("RCPT", "550 no such user")]), clear()]);
        let seen = world.deliver(Policy::None, "x", |_| ()).await;
        assert!(
            matches!(seen.outcome, Outcome::Failed(_)),
            "{:?}",
            seen.outcome
        );
        assert_eq!(seen.heard[1], "");
    }

    #[tokio::test]
    async fn a_server_that_knows_no_ehlo_is_greeted_with_helo() {
        let world = World::new(vec![says(&[("EHLO", "502 what?")])]);
        let seen = world.deliver(Policy::May, "x", |_| ()).await;
        assert!(
            seen.heard[0]
                .starts_with("EHLO client.example, HELO client.example, MAIL FROM:<>, RCPT")
        );
        delivered(&seen);
    }

    #[tokio::test]
    async fn each_policy_takes_the_certificates_that_it_may() {
        for (policy, trusted, tlsa, sni, verified) in [
            (Policy::May, false, None, "-", Some(Verified::Nothing)),
            (Policy::Encrypt, false, None, "-", Some(Verified::Nothing)),
            (
                Policy::Verify,
                true,
                None,
                "mx1.d.example",
                Some(Verified::Pkix),
            ),
            (Policy::Verify, false, None, "mx1.d.example", None),
            (
                Policy::Dane,
                false,
                Some(true),
                "mx1.d.example",
                Some(Verified::Dane),
            ),
            (Policy::Dane, true, Some(false), "mx1.d.example", None),
            (
                Policy::DaneOnly,
                false,
                Some(true),
                "mx1.d.example",
                Some(Verified::Dane),
            ),
            (Policy::MtaSts, false, None, "-", Some(Verified::Nothing)),
        ] {
            let mut world = World::new(vec![clear()]);
            let (tls, mut digest) = match trusted {
                true => world.ca.issue(&host(1)),
                false => self_signed(&host(1)),
            };
            if let Some(right) = tlsa {
                digest[0] ^= u8::from(!right);
                world.tlsa(1, digest);
            }
            world.serve_tls(1, tls);
            let seen = world.deliver(policy, "x", |_| ()).await;
            let start = format!("EHLO client.example, STARTTLS, (tls {sni})");
            match verified {
                Some(verified) => {
                    assert_eq!(
                        delivered(&seen),
                        (host(1), Some("1.3"), verified),
                        "{policy}"
                    );
                    assert!(
                        seen.heard[0].starts_with(&format!("{start}, EHLO client.example, MAIL"))
                    );
                }
                // A refused certificate: QUIT inside TLS, and not a word more.
                None => {
                    assert!(reasons(&seen).contains("certificate refused"), "{policy}");
                    assert_eq!(seen.heard[0], format!("{start}, QUIT, (end)"));
                }
            }
        }
    }

    #[tokio::test]
    async fn an_mta_sts_policy_is_fetched_and_obeyed() {
        const POLICY: &str =
            "version: STSv1\nmode: enforce\nmx: mx2.d.example\nmx: mx3.d.example\nmax_age: 600\n";
        // The policy host's certificate decides whether there is a policy (RFC 8461 3.3).
        for (trusted, server, verified) in
            [(true, 3, Verified::Pkix), (false, 1, Verified::Nothing)]
        {
            let mut world = World::new(vec![clear(), clear(), clear()]);
            world.policy(POLICY, trusted).await;
            world.serve_tls(1, self_signed(&host(1)).0);
            world.serve_tls(2, self_signed(&host(2)).0);
            let (tls, _) = world.ca.issue(&host(3));
            world.serve_tls(3, tls);
            let seen = world.deliver(Policy::MtaSts, "x", |_| ()).await;
            assert_eq!(delivered(&seen), (host(server), Some("1.3"), verified));
            if trusted {
                assert_eq!(seen.heard[0], "");
                assert!(seen.heard[1].ends_with("(tls mx2.d.example), QUIT, (end)"));
            }
        }
    }

    #[tokio::test]
    async fn a_relay_gets_the_credentials_only_once_it_is_trusted() {
        const HELLO: &str = "EHLO client.example, STARTTLS, (tls mx1.d.example)";
        const REST: &str = "MAIL FROM:<> SIZE=1, RCPT TO:<jim@far.example>, DATA, | x\\r\\n, | .\\r\\n, QUIT, (end)";
        let secret = Some(("user", "word"));
        for (tls, credentials, heard, taken) in [
            (None, None, format!("EHLO client.example, {REST}"), true),
            (
                None,
                secret,
                "EHLO client.example, QUIT, (end)".to_owned(),
                false,
            ),
            (
                Some(false),
                None,
                format!("{HELLO}, EHLO client.example, {REST}"),
                true,
            ),
            (Some(false), secret, format!("{HELLO}, QUIT, (end)"), false),
            (
                Some(true),
                secret,
                format!("{HELLO}, EHLO client.example, AUTH PLAIN AHVzZXIAd29yZA==, {REST}"),
                true,
            ),
        ] {
            let mut world = World::new(vec![says(&[("AUTH", "235 welcome")])]);
            match tls {
                None => {}
                Some(true) => {
                    let (tls, _) = world.ca.issue(&host(1));
                    world.serve_tls(1, tls);
                }
                Some(false) => world.serve_tls(1, self_signed(&host(1)).0),
            }
            let seen = world.submit(credentials).await;
            assert_eq!(seen.heard[0], heard);
            assert_eq!(matches!(seen.outcome, Outcome::Delivered { .. }), taken);
        }
    }

    #[tokio::test]
    async fn clear_text_behind_the_go_ahead_is_never_taken_for_a_protected_reply() {
        let mut world = World::new(vec![Script {
            inject: "250-injected\r\n250 SIZE 1\r\n",
            ..Script::default()
        }]);
        let (tls, _) = world.ca.issue(&host(1));
        world.serve_tls(1, tls);
        let seen = world
            .deliver(Policy::May, "x", |order| order.clear_after_failure = true)
            .await;
        assert_eq!(
            reasons(&seen),
            "mx1.d.example [127.0.1.1]: clear text followed the go-ahead for STARTTLS (injection) (at starttls)"
        );
    }

    #[tokio::test]
    async fn a_refused_starttls_is_a_failure_unless_clear_text_is_ordered() {
        for (clear_after_failure, taken) in [(false, false), (true, true)] {
            let mut world = World::new(vec![says(&[("STARTTLS", "454 not now")])]);
            let (tls, _) = self_signed(&host(1));
            world.serve_tls(1, tls);
            let change = |order: &mut mailproof::dial::deliver::Delivery| {
                order.clear_after_failure = clear_after_failure;
            };
            let seen = world.deliver(Policy::May, "x", change).await;
            assert_eq!(
                matches!(seen.outcome, Outcome::Delivered { tls: None, .. }),
                taken
            );
            if !taken {
                assert!(reasons(&seen).ends_with("no TLS: STARTTLS refused: 454 not now"));
            }
        }
    }

    #[tokio::test]
    async fn servers_that_do_not_speak_smtp_are_left_within_bounds() {
        let greets = |greeting| Script {
            greeting,
            ..Script::default()
        };
        for (script, why) in [
            (
                greets(Greeting::Text("HTTP/1.1 400 Bad Request\r\n")),
                "protocol violated: not an SMTP reply: \"HTTP/1.1 400 Bad Request\" (at greeting)",
            ),
            (
                greets(Greeting::Endless("220-still\r\n")),
                "protocol violated: reply longer than 16384 octets (at greeting)",
            ),
            (
                greets(Greeting::Endless("220 ")),
                "protocol violated: reply longer than 16384 octets (at greeting)",
            ),
            (
                greets(Greeting::Text("554 go away\r\n")),
                "refused at greeting: 554 go away",
            ),
            (
                says(&[("MAIL", "250 ok\r\n250 and more")]),
                "protocol violated: reply without a command (at rcpt)",
            ),
            (
                says(&[("RCPT", "250-ok\r\n251 ok")]),
                "protocol violated: the code changes within a reply: \"251 ok\" (at rcpt)",
            ),
            (says(&[("DATA", "250 ok")]), "refused at data: 250 ok"),
        ] {
            let seen = World::new(vec![script])
                .deliver(Policy::None, "x", |_| ())
                .await;
            assert_eq!(reasons(&seen), format!("mx1.d.example [127.0.1.1]: {why}"));
        }
    }

    #[tokio::test]
    async fn a_server_that_falls_silent_is_left_for_the_next() {
        let silent = Script {
            greeting: Greeting::Silence,
            ..Script::default()
        };
        let world = World::new(vec![silent, clear()]);
        let impatient = Timeouts::all(Duration::from_millis(300));
        let seen = world
            .deliver(Policy::None, "x", |order| order.timeouts = impatient)
            .await;
        assert_eq!(delivered(&seen).0, host(2));
    }

    #[tokio::test]
    async fn stopping_leaves_in_order() {
        for (stage, heard) in [
            (Stage::Greeting, "QUIT, (end)"),
            (
                Stage::StartTls,
                "EHLO client.example, STARTTLS, (tls -), QUIT, (end)",
            ),
            (
                Stage::Mail,
                "EHLO client.example, STARTTLS, (tls -), EHLO client.example, MAIL FROM:<> SIZE=1, QUIT, (end)",
            ),
        ] {
            let mut world = World::new(vec![clear()]);
            world.serve_tls(1, self_signed(&host(1)).0);
            let seen = world
                .deliver(Policy::May, "x", |order| order.stop_after = Some(stage))
                .await;
            assert!(matches!(seen.outcome, Outcome::Stopped { stage: at, .. } if at == stage));
            assert_eq!(seen.heard[0], heard);
        }
    }

    #[tokio::test]
    async fn an_address_that_would_break_out_of_its_command_is_not_sent() {
        let world = World::new(vec![clear()]);
        let change = |order: &mut mailproof::dial::deliver::Delivery| {
            order.to.local = "jim>\r\nRCPT TO:<eve".to_owned();
            order.to.domain = name("d.example");
        };
        let seen = world.deliver(Policy::None, "x", change).await;
        assert!(
            reasons(&seen).contains("cannot be a command"),
            "{}",
            reasons(&seen)
        );
        assert!(seen.heard[0].ends_with("MAIL FROM:<> SIZE=1, (end)"));
    }
}
