//! EDNS options: the server's name (RFC 5001), cookies (RFC 7873, RFC 9018), extended errors (RFC 8914).

use crate::ask::{options, query, rtype, with_options};
use crate::rows::whole_world;
use crate::server::Server;
use crate::validators::tool;
use crate::world::World;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use mailproof::serve::dns::Transport::Udp;
use mailproof::serve::dns::{Circumstances, CookieSecret, Cookies, Scratch, answer};

const NSID: u16 = 3;
const COOKIE: u16 = 10;
const EDE: u16 = 15;
const NOW: u32 = 1_800_000_000;

/// The answer to a query of a client at some time.
fn ask(query: &[u8], client: &str, now: u32) -> Vec<u8> {
    let secret = CookieSecret([7; 16]);
    let circumstances = Circumstances {
        transport: Udp,
        identity: "ns.lab",
        cookies: Some(Cookies {
            secret: &secret,
            client: client.parse().unwrap(),
            now,
        }),
    };
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    answer(&whole_world(), query, &mut out, &mut scratch, circumstances);
    out
}

/// The cookies that a client has in the end which had these.
fn cookie(had: &[u8], client: &str, now: u32) -> Vec<u8> {
    let query = with_options(&query("et.lab", RecordType::SOA, None), &[(COOKIE, had)]);
    let answer = ask(&query, client, now);
    let [(COOKIE, cookie)] = &options(&answer)[..] else {
        panic!("{answer:?}")
    };
    assert_eq!(cookie[..8], had[..8], "the client's own");
    assert_eq!(cookie.len(), 24);
    cookie.clone()
}

#[test]
fn who_asks_for_an_option_gets_it() {
    let ede = |code: u8| (EDE, vec![0, code]);
    let name = || (NSID, b"ns.lab".to_vec());
    for (owner, of_type, asked, rcode, expected) in [
        ("et.lab", "MX", vec![], 0, vec![]),
        ("et.lab", "MX", vec![NSID], 0, vec![name()]),
        ("et.lab", "MX", vec![65001, NSID, 12], 0, vec![name()]),
        ("nothing.et.lab", "A", vec![NSID], 3, vec![name()]),
        ("big.torture.lab", "TXT", vec![NSID], 0, vec![name()]),
        ("et.lab", "TYPE250", vec![], 4, vec![ede(21)]),
        ("et.lab", "TYPE250", vec![NSID], 4, vec![name(), ede(21)]),
        ("et.lab", "TYPE41", vec![NSID], 1, vec![name()]),
    ] {
        let asked: Vec<_> = asked.into_iter().map(|code| (code, &[][..])).collect();
        let query = with_options(&query(owner, rtype(of_type), None), &asked);
        let answer = ask(&query, "192.0.2.1", NOW);
        assert_eq!(answer[3] & 15, rcode, "{owner} {of_type}");
        assert_eq!(options(&answer), expected, "{owner} {of_type}");
    }
    // Without OPT there is no room to tell more.
    let query = query("et.lab", rtype("TYPE250"), None).to_vec().unwrap();
    let answer = ask(&query, "192.0.2.1", NOW);
    assert!(Message::from_vec(&answer).unwrap().edns.is_none());
}

#[test]
fn a_cookie_is_given_kept_and_renewed() {
    let (client, mine) = ("192.0.2.1", [5; 8]);
    let given = cookie(&mine, client, NOW);
    assert_eq!(cookie(&given, client, NOW + 1800), given, "it will do");
    let renewed = cookie(&given, client, NOW + 1801);
    assert_ne!(renewed, given);
    assert_eq!(renewed, cookie(&mine, client, NOW + 1801));
    // What is not valid is as good as none (RFC 7873 5.2.4).
    for (what, had, client, now) in [
        ("too old", given.clone(), client, NOW + 3601),
        ("another client's", given.clone(), "192.0.2.2", NOW),
        ("of another length", given[..20].to_vec(), client, NOW),
        ("made up", vec![5; 40], client, NOW),
    ] {
        assert_eq!(
            cookie(&had, client, now),
            cookie(&mine, client, now),
            "{what}"
        );
    }
    for length in [0, 7, 9, 15, 41] {
        let query = with_options(
            &query("et.lab", RecordType::SOA, None),
            &[(COOKIE, &vec![5; length])],
        );
        assert_eq!(ask(&query, client, NOW)[3] & 15, 1, "{length} octets");
    }
}

#[test]
fn a_cookie_alone_can_be_asked_for() {
    let client = "2001:db8::1";
    let given = cookie(&[5; 8], client, NOW);
    let mut question = query("et.lab", RecordType::SOA, None);
    question.queries.clear();
    for (had, rcode) in [
        (&given[..8], ResponseCode::NoError),
        (&given, ResponseCode::NoError),
        (&[5; 24], ResponseCode::BADCOOKIE),
    ] {
        let answer = ask(&with_options(&question, &[(COOKIE, had)]), client, NOW);
        let read = Message::from_vec(&answer).unwrap();
        assert_eq!(read.metadata.response_code, rcode);
        assert_eq!(read.queries, []);
        assert_eq!(options(&answer), [(COOKIE, given.clone())]);
    }
    let neither = ask(&with_options(&question, &[(NSID, &[])]), client, NOW);
    assert_eq!(neither[3] & 15, 1, "no question and no cookie");
}

#[test]
fn an_unknown_version_is_told_and_its_options_are_not_read() {
    let mut query = with_options(&query("et.lab", RecordType::SOA, None), &[(NSID, &[])]);
    let version = query.len() - 4 - 5;
    query[version] = 1;
    let answer = ask(&query, "192.0.2.1", NOW);
    let read = Message::from_vec(&answer).unwrap();
    // hickory calls 16 by its other name, BADSIG.
    assert_eq!(u16::from(read.metadata.response_code), 16, "BADVERS");
    assert_eq!(read.edns.as_ref().unwrap().version(), 0);
    assert_eq!(options(&answer), []);
}

/// An answer that fits is sent whole; one octet of options more, and it is truncated.
#[test]
fn options_count_in_the_length() {
    let question = query(
        "a-name-that-is-not-there-at-all.et.lab",
        RecordType::A,
        None,
    );
    let with = |options: &[(u16, &[u8])], payload: usize| {
        let mut query = with_options(&question, options);
        let opt = question.to_vec().unwrap().len();
        query[opt + 3..opt + 5].copy_from_slice(&u16::try_from(payload).unwrap().to_be_bytes());
        // The DO bit, so that it is longer than any client takes.
        query[opt + 7] = 0x80;
        ask(&query, "192.0.2.1", NOW)
    };
    let plain = with(&[], 1232).len();
    assert!(plain > 512, "{plain} octets are no test");
    let cookie: &[(u16, &[u8])] = &[(COOKIE, &[5; 8])];
    for (options, payload, truncated) in [
        (&[][..], plain, false),
        (cookie, plain + 28, false),
        (cookie, plain + 27, true),
    ] {
        let payload = payload.max(512);
        let answer = with(options, payload);
        assert_eq!(answer[2] & 2 != 0, truncated, "{payload} octets");
        assert!(answer.len() <= payload);
        Message::from_vec(&answer).unwrap();
    }
}

#[test]
fn dig_reads_them_as_they_are_meant() {
    let server = Server::of(&World::new());
    let port = server.address.port().to_string();
    for (arguments, expected) in [
        (
            &["+nsid", "et.lab", "MX"][..],
            &["; NSID: 6e 73 2e 6c 61 62 (\"ns.lab\")", "(good)"][..],
        ),
        (
            &["+cookie=0102030405060708", "et.lab", "MX"],
            &["; COOKIE: 0102030405060708", "(good)", "status: NOERROR"],
        ),
        (
            &["+edns=1", "+noednsneg", "et.lab", "MX"],
            &["status: BADVERS"],
        ),
        (
            &["et.lab", "TYPE254"],
            &["status: NOTIMP", "; EDE: 21 (Not Supported)"],
        ),
    ] {
        let common = ["@127.0.0.1", "-p", &port, "+norecurse"];
        let output = tool("bind9-dnsutils", "dig", &[&common, arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        for line in expected {
            assert!(text.contains(line), "{arguments:?}: no {line:?} in\n{text}");
        }
    }
    server.stop();
    // Outside our zones.
    let zones = World::new().zones.into_iter();
    let et = zones
        .filter(|zone| zone.origin().to_string() == "et.lab.")
        .collect();
    let server = Server::start(et);
    let port = server.address.port().to_string();
    let output = tool(
        "bind9-dnsutils",
        "dig",
        &["@127.0.0.1", "-p", &port, "+norecurse", "elsewhere.example"],
    );
    let text = String::from_utf8_lossy(&output.stdout);
    for line in ["status: REFUSED", "; EDE: 20 (Not Authoritative)"] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    server.stop();
}
