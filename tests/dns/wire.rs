//! The nameserver over sockets: framing, limits, observation, and an end in order.

use crate::ask::{PATIENCE, Tcp, query, rtype, udp, udp_octets};
use crate::server::Server;
use crate::world::World;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};
use std::io::Write;

const DO: Option<(u16, bool)> = Some((1232, true));

#[test]
fn answers_come_in_order_however_the_queries_arrive() {
    let server = Server::of(&World::new());
    let mut client = Tcp::connect(server.address);
    let queries: Vec<_> = (0..200_u16)
        .map(|id| {
            let mut query = query("big.torture.lab", RecordType::TXT, DO);
            query.metadata.id = id;
            query.to_vec().unwrap()
        })
        .collect();
    for query in &queries {
        client.send(query).unwrap();
    }
    for query in &queries {
        let answer = Message::from_vec(&client.receive().unwrap()).unwrap();
        assert_eq!(answer.metadata.id.to_be_bytes(), query[..2]);
        assert_eq!(answer.answers.len(), 22);
    }
    // An octet at a time.
    let length = u16::try_from(queries[7].len()).unwrap().to_be_bytes();
    for octet in [&length[..], &queries[7]].concat() {
        client.0.write_all(&[octet]).unwrap();
    }
    assert_eq!(client.receive().unwrap()[..2], [0, 7]);
    server.stop();
}

#[test]
fn a_client_that_misbehaves_harms_only_itself() {
    let server = Server::of(&World::new());
    let mut good = Tcp::connect(server.address);
    let mut bad = Tcp::connect(server.address);
    bad.0.write_all(&[0xff, 0xff]).unwrap();
    assert!(
        bad.receive().is_err(),
        "a query too long ends the connection"
    );
    let mut broken = Tcp::connect(server.address);
    broken.send(&[7; 40]).unwrap();
    let answer = broken.receive().unwrap();
    assert_eq!((answer[2] & 0x80, answer[3] & 15), (0x80, 1));
    drop(broken);
    // A response deserves no answer; the question behind it does.
    let mut response = query("et.lab", RecordType::MX, None);
    response.metadata.message_type = hickory_proto::op::MessageType::Response;
    good.send(&response.to_vec().unwrap()).unwrap();
    assert_eq!(
        good.ask(&query("et.lab", RecordType::MX, DO)).answers.len(),
        5
    );
    response.metadata.id = 1;
    let mut question = query("et.lab", RecordType::MX, None);
    question.metadata.id = 2;
    let datagrams = [response, question].map(|message| message.to_vec().unwrap());
    assert_eq!(udp_octets(server.address, &datagrams)[..2], [0, 2]);
    server.stop();
}

#[test]
fn one_network_cannot_take_every_connection() {
    let server = Server::of(&World::new());
    let question = query("et.lab", RecordType::SOA, None);
    let mut held: Vec<_> = (0..20).map(|_| Tcp::connect(server.address)).collect();
    for client in &mut held {
        client.ask(&question);
    }
    let mut late = Tcp::connect(server.address);
    let octets = question.to_vec().unwrap();
    assert!(late.send(&octets).and_then(|()| late.receive()).is_err());
    // UDP is not concerned, and a place that becomes free is given again.
    udp(server.address, &question);
    drop(held.pop());
    let started = std::time::Instant::now();
    loop {
        let mut next = Tcp::connect(server.address);
        if next.send(&octets).and_then(|()| next.receive()).is_ok() {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "no place became free");
    }
    server.stop();
}

#[test]
fn it_ends_while_clients_are_connected() {
    let server = Server::of(&World::new());
    let address = server.address;
    let mut idle = Tcp::connect(address);
    idle.ask(&query("et.lab", RecordType::SOA, None));
    server.stop();
    assert!(idle.receive().is_err());
    assert!(std::net::TcpStream::connect(address).is_err());
    // Nobody has the port any more, not even a thread that is about to end.
    std::net::UdpSocket::bind(address).unwrap();
}

#[test]
fn evidence_reaches_the_desk_from_both_transports() {
    let server = Server::of(&World::new());
    let mut tcp = Tcp::connect(server.address);
    for (name, of_type, edns) in [
        ("ET.lab", "MX", DO),
        ("et.lab", "A", DO),
        ("et.lab", "TXT", DO),
        ("_25._tcp.mx05.et.lab", "TLSA", DO),
        ("_mta-sts.et.lab", "TXT", None),
        ("_smtp._tls.et.lab", "TXT", None),
        ("et.lab", "DS", DO),
        ("et.lab", "DNSKEY", DO),
        (".", "DNSKEY", DO),
    ] {
        let mut query = query(name, rtype(of_type), edns);
        query.metadata.checking_disabled = of_type == "TLSA";
        udp(server.address, &query);
        tcp.ask(&query);
    }
    // A client has its answer before the desk hears of it.
    let started = std::time::Instant::now();
    while server.desk.0.lock().unwrap().len() < 12 && started.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    let mut noted: Vec<_> = (server.desk.0.lock().unwrap().iter())
        .map(|query| {
            let flag = |set: bool, name: &'static str| if set { name } else { "" };
            let (ok, cd) = (
                flag(query.dnssec_ok, " do"),
                flag(query.checking_disabled, " cd"),
            );
            format!("{} {}{ok}{cd} {}", query.name, query.rrtype, query.resolver)
        })
        .collect();
    let expected = [
        "et.lab MX do 127.0.0.1",
        "_25._tcp.mx05.et.lab TLSA do cd 127.0.0.1",
        "_mta-sts.et.lab TXT 127.0.0.1",
        "_smtp._tls.et.lab TXT 127.0.0.1",
        "et.lab DS do 127.0.0.1",
        "et.lab DNSKEY do 127.0.0.1",
    ];
    let mut twice: Vec<_> = expected.iter().flat_map(|note| [*note, *note]).collect();
    noted.sort_unstable();
    twice.sort_unstable();
    assert_eq!(noted, twice);
    server.stop();
}

#[test]
fn both_families_are_served_by_every_worker() {
    let server = Server::start_at(&["[::1]:0", "127.0.0.1:0"], 0, World::new().zones);
    let question = query("et.lab", RecordType::MX, DO);
    for address in &server.addresses {
        // Enough ports that the system spreads them over all sockets.
        for _ in 0..100 {
            assert_eq!(udp(*address, &question).answers.len(), 5);
        }
        assert_eq!(Tcp::connect(*address).ask(&question).answers.len(), 5);
    }
    let asked_from = |client: &str| {
        let client = client.parse::<std::net::IpAddr>().unwrap();
        let queries = server.desk.0.lock().unwrap();
        queries
            .iter()
            .filter(|query| query.resolver == client)
            .count()
    };
    let started = std::time::Instant::now();
    while asked_from("::1") + asked_from("127.0.0.1") < 202 {
        assert!(started.elapsed() < PATIENCE, "not every query was noted");
        std::thread::yield_now();
    }
    assert_eq!(asked_from("::1"), 101);
    server.stop();
}

#[test]
fn a_fault_costs_no_more_than_the_batch() {
    let server = Server::of(&World::new());
    let octets = query("et.lab", RecordType::MX, DO).to_vec().unwrap();
    let client = crate::ask::client("127.0.0.1");
    let fault = &server.desk.1.fails;
    fault.store(true, std::sync::atomic::Ordering::Relaxed);
    client.send_to(&octets, server.address).unwrap();
    let started = std::time::Instant::now();
    while fault.load(std::sync::atomic::Ordering::Relaxed) {
        assert!(started.elapsed() < PATIENCE, "the query was not looked at");
        std::thread::yield_now();
    }
    // The same client, and so the same worker.
    client.send_to(&octets, server.address).unwrap();
    client.recv(&mut [0; 1232]).unwrap();
    server.stop();
}

#[test]
fn chaos_and_transfers_are_answered_too() {
    let server = Server::of(&World::new());
    for (name, of_type, class, code, text) in [
        (
            "version.bind",
            "TXT",
            DNSClass::CH,
            ResponseCode::NoError,
            Some("mailproof"),
        ),
        (
            "id.server",
            "TXT",
            DNSClass::CH,
            ResponseCode::NoError,
            Some("ns.lab"),
        ),
        ("et.lab", "AXFR", DNSClass::IN, ResponseCode::Refused, None),
        ("et.lab", "MX", DNSClass::HS, ResponseCode::Refused, None),
    ] {
        let mut query = query(name, rtype(of_type), Some((4096, false)));
        query.queries[0].set_query_class(class);
        let over_tcp = Tcp::connect(server.address).ask(&query);
        for answer in [udp(server.address, &query), over_tcp] {
            assert_eq!(answer.metadata.response_code, code, "{name}");
            let found = answer.answers.first().map(|record| record.data.to_string());
            assert_eq!(found.is_some(), text.is_some());
            assert!(found.unwrap_or_default().contains(text.unwrap_or_default()));
            assert_eq!(answer.edns.map(|edns| edns.max_payload()), Some(1232));
        }
    }
    server.stop();
}
