//! More queries than one network has answers to get.

use crate::ask::{PATIENCE, Tcp, client, options, query, with_options};
use crate::server::Server;
use crate::world::World;
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use std::net::UdpSocket;

/// Equal answers a second: more time than a test run has passes before there are many more.
const LIMIT: u32 = 5;
const COOKIE: u16 = 10;

/// What came back.
#[derive(Debug, Default, PartialEq, Eq)]
struct Harvest {
    whole: usize,
    shortened: usize,
    missing: usize,
}

/// Sends so many queries; behind each, one of another kind that is always answered, so that it is known when there will
/// be no answer any more.
fn flood(client: &UdpSocket, server: &Server, query: &[u8], times: usize) -> Harvest {
    let mut harvest = Harvest::default();
    let shown = cookie(server, client);
    for number in 0..times {
        let mut query = query.to_vec();
        query[..2].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
        client.send_to(&query, server.address).unwrap();
        let marker = marker(&shown, number);
        client.send_to(&marker, server.address).unwrap();
        let mut answered = false;
        loop {
            let mut buffer = [0; 1232];
            let length = client.recv(&mut buffer).unwrap();
            let answer = &buffer[..length];
            if answer[..2] == marker[..2] {
                break;
            }
            assert_eq!(answer[..2], query[..2]);
            answered = true;
            let read = Message::from_vec(answer).unwrap();
            if read.metadata.truncation {
                assert_eq!(read.queries.len(), 1);
                assert!(read.answers.is_empty() && read.authorities.is_empty());
                assert_eq!(read.edns.is_some(), query[11] == 1);
                harvest.shortened += 1;
            } else {
                harvest.whole += 1;
            }
        }
        harvest.missing += usize::from(!answered);
    }
    harvest
}

/// A query that is answered whatever came before: it shows a cookie.
fn marker(shown: &[u8], number: usize) -> Vec<u8> {
    let mut question = query("et.lab", RecordType::SOA, None);
    question.metadata.id = u16::try_from(number + 30_000).unwrap();
    with_options(&question, &[(COOKIE, shown)])
}

/// The cookies that the server gives to this client, learned over TCP, which has no limit.
fn cookie(server: &Server, client: &UdpSocket) -> Vec<u8> {
    let from = client.local_addr().unwrap().ip();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&std::net::SocketAddr::from((from, 0)).into())
        .unwrap();
    socket.connect(&server.address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut tcp = Tcp(socket.into());
    let question = query("et.lab", RecordType::SOA, None);
    tcp.send(&with_options(&question, &[(COOKIE, &[5; 8])]))
        .unwrap();
    let [(COOKIE, cookie)] = &options(&tcp.receive().unwrap())[..] else {
        panic!("no cookie")
    };
    cookie.clone()
}

#[test]
fn a_network_gets_so_many_equal_answers_and_others_are_not_concerned() {
    let server = Server::start_at(&["127.0.0.1:0"], LIMIT, World::new().zones);
    let plain = query("et.lab", RecordType::MX, None).to_vec().unwrap();
    let [victim, neighbour, other] = ["127.0.0.1", "127.0.0.2", "127.0.1.1"].map(client);
    let times = 200;
    let harvest = flood(&victim, &server, &plain, times);
    assert!(harvest.whole >= LIMIT as usize, "{harvest:?}");
    assert!(harvest.whole < times / 2, "{harvest:?}");
    // Every second one of the others, and none else, tells an honest client to come over TCP.
    assert!(
        harvest.shortened.abs_diff(harvest.missing) <= 1,
        "{harvest:?}"
    );
    // The network has used up what is the same answer to any of its clients, with OPT too.
    let with_opt = with_options(&query("et.lab", RecordType::MX, None), &[]);
    let harvest = flood(&neighbour, &server, &with_opt, 50);
    assert!(harvest.whole < 40, "{harvest:?}");
    // Names that do not exist have one answer.
    let mut denied = Harvest::default();
    for number in 0..100 {
        let question = query(&format!("x{number}.et.lab"), RecordType::A, None);
        let one = flood(&victim, &server, &question.to_vec().unwrap(), 1);
        denied.whole += one.whole;
        denied.shortened += one.shortened;
    }
    assert!(denied.whole < 80, "{denied:?}");
    assert!(denied.shortened > 5, "{denied:?}");
    let all = |whole| Harvest {
        whole,
        ..Harvest::default()
    };
    let few = LIMIT as usize;
    assert_eq!(flood(&other, &server, &plain, few), all(few));
    // Who shows a cookie is where it says, and may ask as often as it likes, as over TCP.
    let shown = cookie(&server, &victim);
    let proven = with_options(&query("et.lab", RecordType::MX, None), &[(COOKIE, &shown)]);
    assert_eq!(flood(&victim, &server, &proven, 100), all(100));
    let mut tcp = Tcp::connect(server.address);
    for _ in 0..100 {
        let answer = tcp.ask(&query("et.lab", RecordType::MX, None));
        assert_eq!(answer.answers.len(), 4);
    }
    server.stop();
}

#[test]
fn errors_and_specials_are_limited_too() {
    let server = Server::start_at(&["127.0.0.1:0"], 1, World::new().zones);
    let mut chaos = query("version.bind", RecordType::TXT, None);
    chaos.queries[0].set_query_class(hickory_proto::rr::DNSClass::CH);
    let malformed = [&[0_u8; 4][..], &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    for query in [chaos.to_vec().unwrap(), malformed] {
        let mut whole = 0;
        let asking = client("127.0.0.1");
        let shown = cookie(&server, &asking);
        for number in 0..40 {
            let mut query = query.clone();
            query[1] = number;
            asking.send_to(&query, server.address).unwrap();
            let marker = marker(&shown, number.into());
            asking.send_to(&marker, server.address).unwrap();
            loop {
                let mut buffer = [0; 1232];
                let length = asking.recv(&mut buffer).unwrap();
                if buffer[..2] == marker[..2] {
                    break;
                }
                let answer = Message::from_vec(&buffer[..length]).unwrap();
                whole += usize::from(!answer.metadata.truncation);
            }
        }
        assert!(whole < 20, "{whole} whole answers");
    }
    server.stop();
}

#[test]
fn without_a_limit_there_is_none() {
    let server = Server::of(&World::new());
    let plain = query("et.lab", RecordType::MX, None).to_vec().unwrap();
    let harvest = flood(&client("127.0.0.1"), &server, &plain, 300);
    assert_eq!(harvest.whole, 300);
    server.stop();
}
