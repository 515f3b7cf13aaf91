//! Commands to the appliance, running and stopped: the same answers, no harm done, and exit codes that mean something.

use crate::appliance::{Appliance, BASE, Ports, free};
use crate::dns;
use hickory_proto::rr::Name;
use mailproof::base::Timestamp;
use mailproof::journal::Journal;
use mailproof::zone::master;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Output;

/// An appliance with one test that waits.
pub fn with_a_test() -> Appliance {
    let appliance = Appliance::started();
    let mut client = appliance.client();
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        ("MAIL FROM:<jim@sender.example>", "250"),
        ("RCPT TO:<de@et.example.org>", "250"),
        ("DATA", "451 4.7.0"),
    ]);
    client.quit();
    appliance
}

/// What every reading command says, but for what time changes.
fn answers(appliance: &Appliance) -> Vec<(&'static str, String)> {
    let mut status = appliance.json(&["status"]);
    for key in [
        "running",
        "since",
        "now",
        "serial",
        "order",
        "queries_not_noted",
    ] {
        assert!(
            status.as_object_mut().unwrap().remove(key).is_some(),
            "{key}"
        );
    }
    let test = appliance.test_of("jim@sender.example");
    let id = test["id"].as_str().unwrap();
    vec![
        ("status", status.to_string()),
        ("ds", appliance.text(&["ds"])),
        ("ds --json", appliance.json(&["ds"]).to_string()),
        ("zone et", settled(&appliance.text(&["zone", "et"]))),
        ("zone ut", settled(&appliance.text(&["zone", "ut"]))),
        ("tests list", appliance.text(&["tests", "list"])),
        (
            "tests list --json",
            appliance.json(&["tests", "list"]).to_string(),
        ),
        ("tests show", appliance.text(&["tests", "show", id])),
        ("tests show --json", lasting(test.clone()).to_string()),
        (
            "tests export",
            lasting(appliance.json(&["tests", "export", id])["test"].take()).to_string(),
        ),
    ]
}

/// A zone without what every signing changes: the serial, the order of the MX, the signatures.
fn settled(zone: &str) -> String {
    let lines = zone.lines().filter(|line| {
        !["SOA", "MX", "RRSIG"]
            .iter()
            .any(|kind| line.split_whitespace().nth(3) == Some(kind))
    });
    let settled: Vec<_> = lines.collect();
    assert!(settled.len() > 5 && zone.contains(" RRSIG "), "{zone}");
    settled.join("\n")
}

/// A test without the orders and gaps that stopping and starting adds.
fn lasting(mut test: Value) -> Value {
    for key in ["orders", "gaps"] {
        test.as_object_mut().unwrap().remove(key);
    }
    test
}

/// Fails at the first answer that differs.
fn equal(before: &[(&str, String)], after: &[(&str, String)]) {
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after);
    }
}

#[test]
fn the_answers_are_the_same_running_and_stopped() {
    let mut appliance = with_a_test();
    assert_eq!(appliance.json(&["status"])["running"], true);
    let serial = dns::serial(appliance.ports.dns, "et.example.org");
    assert_eq!(appliance.json(&["status"])["serial"], serial);
    let served = appliance.text(&["zone", "et"]);
    assert!(served.contains(&format!(" {serial} ")), "{served}");
    let running = answers(&appliance);
    assert_eq!(appliance.json(&["status"])["open_tests"], 1);
    appliance.stop();
    assert!(!appliance.control().exists(), "the socket is gone");
    assert_eq!(appliance.json(&["status"])["running"], false);
    let stopped = answers(&appliance);
    equal(&running, &stopped);
    equal(&stopped, &answers(&appliance));
    appliance.start();
    let mut started = answers(&appliance);
    // The only difference: the text tells of the time in which evidence was lost.
    let text = started.iter_mut().find(|(name, _)| *name == "tests show");
    let (_, text) = text.unwrap();
    assert!(text.contains("gingen Beobachtungen\nverloren"), "{text}");
    *text = stopped[7].1.clone();
    equal(&stopped, &started);
    let serial_now = dns::serial(appliance.ports.dns, "et.example.org");
    assert!(serial_now > serial, "{serial_now} after {serial}");
}

#[test]
fn what_zone_prints_reads_back_as_it_is() {
    let mut appliance = Appliance::new();
    let own = "* A 192.0.2.80\n*.deep TXT \"a;b\" \"\\000\\\"\"\nx TYPE65280 \\# 3 010203\ncut NS ns.cut\nns.cut A 192.0.2.53\n";
    fs::write(appliance.path("zones/et.zone"), own).unwrap();
    appliance.start();
    for stopped in [false, true] {
        if stopped {
            appliance.stop();
        }
        for (zone, least) in [("et", 90), ("ut", 20)] {
            let text = appliance.text(&["zone", zone]);
            let origin = Name::from_ascii(format!("{zone}.{BASE}.")).unwrap();
            let entries = master::read("zone", &text, &origin, 1).unwrap();
            assert!(entries.len() >= least, "{}", entries.len());
            let again = master::write(entries.iter().map(|entry| &entry.record));
            assert_eq!(again, text);
            for record in [" NSEC ", " RRSIG ", " DNSKEY 257 ", " CDS ", " CDNSKEY "] {
                assert!(text.contains(record), "{record} in {text}");
            }
            assert_eq!(text.contains("\n*.et.example.org. 300 IN A "), zone == "et");
        }
    }
}

#[test]
fn commands_and_a_second_appliance_do_no_harm_to_the_first() {
    let mut appliance = with_a_test();
    let before = answers(&appliance);
    // The same configuration; then other ports, so that the state directory alone is in the way.
    let ip = appliance.ports.smtp.ip();
    let others = Ports {
        dns: free(ip),
        smtp: free(ip),
        https: free(ip),
        http: free(ip),
    };
    appliance.configure("second.toml", &others, ".");
    let port = format!(
        "DNS over TCP at {}: Address already in use",
        appliance.ports.dns
    );
    for (config, why) in [
        ("mailproof.toml", port.as_str()),
        ("second.toml", "journal.redb"),
    ] {
        let error = refused(&appliance.run_with(config, &["serve"]), 2);
        assert!(error.contains(why), "{error}");
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    appliance.text(&["zone", "et"]);
                    appliance.json(&["tests", "list"]);
                }
            });
        }
    });
    equal(&before, &answers(&appliance));
    appliance.client().quit();
    appliance.stop();
    assert_eq!(
        appliance.log().matches("ERROR").count(),
        0,
        "{}",
        appliance.log()
    );
}

#[test]
fn the_control_socket_is_for_its_group_and_bears_nonsense() {
    let appliance = Appliance::started();
    let mode = fs::metadata(appliance.control()).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o660);
    for line in [
        "",
        "nonsense",
        "[]",
        "{\"command\":\"rm -r\"}",
        "{\"command\":\"zone\",\"zone\":\"../et\"}",
        "{\"command\":\"tests show\",\"id\":7}",
        "{\"command\":\"tests erase\"}",
        "{\"command\":\"tests erase\",\"id\":\"x\",\"mailbox\":\"jim@sender.example\"}",
        "{\"command\":\"tests erase\",\"mailbox\":\"jim\"}",
        "{\"command\":\"tests token\",\"language\":\"fr\"}",
        &"[".repeat(100_000),
        &"x".repeat(2 << 20),
    ] {
        let mut socket = UnixStream::connect(appliance.control()).unwrap();
        // A line that is too long is refused before it is read.
        let _ = socket.write_all(format!("{line}\n").as_bytes());
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["error"].is_string(), "{answer}");
    }
    drop(UnixStream::connect(appliance.control()).unwrap());
    assert_eq!(appliance.json(&["status"])["running"], true);
}

#[test]
fn tokens_are_minted_and_nothing_of_them_is_kept() {
    let mut appliance = Appliance::started();
    let mut tokens = BTreeSet::new();
    for _ in ["running", "stopped"] {
        for (arguments, language) in [
            (&["tests", "token"][..], "en"),
            (&["tests", "token", "--language", "de"], "de"),
        ] {
            let text = appliance.text(arguments);
            let lines: Vec<_> = text.lines().collect();
            let [et, ut] = lines[..] else {
                panic!("{text}");
            };
            let token = et
                .strip_prefix(&format!("{language}+"))
                .and_then(|rest| rest.strip_suffix("@et.example.org"));
            let token = token.unwrap_or_else(|| panic!("{text}")).to_owned();
            assert_eq!(ut, format!("{language}+{token}@ut.example.org"));
            tokens.insert(token);
        }
        if appliance.control().exists() {
            appliance.stop();
        }
    }
    assert_eq!(tokens.len(), 4);
    assert_eq!(appliance.json(&["tests", "list"]), Value::Array(Vec::new()));
    appliance.start();
    for token in tokens {
        let mut client = appliance.client();
        client.converse(&[
            ("EHLO out.sender.example", "250"),
            ("MAIL FROM:<jim@sender.example>", "250"),
            (&format!("RCPT TO:<en+{token}@ut.example.org>"), "250"),
            ("RCPT TO:<en+0000000000000000@ut.example.org>", "550"),
        ]);
        client.quit();
    }
    let output = appliance.run(&["tests", "token", "--language", "fr"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_first_keys_are_made_once() {
    let mut appliance = Appliance::new();
    let made: BTreeSet<_> = std::thread::scope(|scope| {
        let commands: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| appliance.text(&["ds"])))
            .collect();
        let texts = commands.into_iter().map(|command| command.join().unwrap());
        texts.collect()
    });
    assert_eq!(made.len(), 1, "{made:?}");
    appliance.start();
    assert_eq!(made.first(), Some(&appliance.text(&["ds"])));
}

#[test]
fn exit_codes_say_who_is_at_fault() {
    let mut appliance = with_a_test();
    let unknown = "0123456789abcdef";
    for _ in ["running", "stopped"] {
        let error = refused(&appliance.run(&["tests", "show", unknown, "--json"]), 1);
        assert_eq!(error, format!("mailproof: there is no test {unknown}\n"));
        for usage in [
            &["tests", "show", "no id"][..],
            &["tests"],
            &["zone", "xt"],
            &["nonsense"],
            &["status", "--nonsense"],
            &[],
        ] {
            assert_eq!(appliance.run(usage).status.code(), Some(2), "{usage:?}");
        }
        refused(&appliance.run_with("none.toml", &["status"]), 2);
        fs::write(
            appliance.path("bad.toml"),
            "base_domain = \"example.org\"\n",
        )
        .unwrap();
        refused(&appliance.run_with("bad.toml", &["status"]), 2);
        if appliance.control().exists() {
            appliance.stop();
        }
    }
    let (journal, _) = Journal::open(&appliance.path("journal.redb"), Timestamp::now()).unwrap();
    let error = refused(&appliance.run(&["status"]), 3);
    assert!(error.contains("journal.redb"), "{error}");
    drop(journal);
    // Somebody answers who is no appliance.
    let listener = UnixListener::bind(appliance.control()).unwrap();
    std::thread::spawn(move || listener.accept().map(drop));
    let error = refused(&appliance.run(&["ds"]), 3);
    assert!(error.contains("mailproof.toml.sock"), "{error}");
}

/// One line of error with this exit code, and nothing printed.
pub fn refused(output: &Output, code: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(
        (error.lines().count(), output.stdout.len()),
        (1, 0),
        "{error}"
    );
    assert!(
        error.starts_with("mailproof: ") && !error.contains(BASE),
        "{error}"
    );
    error
}
