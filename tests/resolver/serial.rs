//! What a name server says of its version of a zone.

use crate::meddler::meddler;
use crate::{dial, name, ready, world};
use hickory_proto::op::{Message, ResponseCode};
use mailproof::dial::Validate;
use mailproof::dial::resolver::serial;
use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Hands connections on; ends with the runtime.
async fn over_tcp(from: SocketAddr, to: SocketAddr) {
    let front = TcpListener::bind(from).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = front.accept().await {
            let mut far = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }
    });
}

#[tokio::test]
async fn a_name_server_speaks_for_its_own_zones_only() {
    let world = world::world();
    let knot = world.server.address;
    ready(&dial(knot, Validate::Own, &world.anchor)).await;
    for (zone, expected) in [
        ("plain.lab", Ok(1)),
        ("Plain.Lab", Ok(1)),
        ("host.plain.lab", Err("has no zone host.plain.lab.")),
        (
            "none.plain.lab",
            Err("answers NXDOMAIN for none.plain.lab."),
        ),
        ("gone.lab", Err("is not authoritative for gone.lab.")),
        ("alias.signed.lab", Err("has no zone alias.signed.lab.")),
    ] {
        let found = serial(knot, None, &name(zone)).await;
        assert_eq!(found, expected.map_err(str::to_owned), "{zone}");
    }
    // A resolver knows of zones, and is responsible for none.
    let unbound = world::unbound(&world);
    let resolver = unbound.address;
    ready(&dial(resolver, Validate::Upstream, &world.anchor)).await;
    let why = serial(resolver, None, &name("plain.lab")).await;
    assert_eq!(why, Err("answers REFUSED for plain.lab.".to_owned()));
}

type Meddle = fn(&mut Message);

#[tokio::test]
async fn an_answer_that_is_cut_short_is_asked_for_over_tcp() {
    let world = world::world();
    let knot = world.server.address;
    ready(&dial(knot, Validate::Own, &world.anchor)).await;
    let cut: Meddle = |answer| {
        answer.answers.clear();
        answer.metadata.truncation = true;
    };
    let broken: Meddle = |answer| answer.metadata.response_code = ResponseCode::ServFail;
    for (meddle, tcp, expected) in [
        (cut, true, Ok(1)),
        (cut, false, Err("cannot be asked: Connection refused")),
        (broken, true, Err("answers SERVFAIL for plain.lab.")),
    ] {
        let front = meddler(knot, meddle);
        if tcp {
            over_tcp(front, knot).await;
        }
        match (serial(front, None, &name("plain.lab")).await, expected) {
            (Err(why), Err(start)) => assert!(why.starts_with(start), "{why}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned)),
        }
    }
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let why = serial(address, None, &name("plain.lab")).await.unwrap_err();
    assert!(
        why.starts_with("cannot be asked: Connection refused"),
        "{why}"
    );
}

/// The clock runs ahead while nothing can happen, and here nothing ever does.
#[tokio::test(start_paused = true)]
async fn a_silent_one_is_given_up() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let source = "127.0.0.9".parse().unwrap();
    let why = serial(address, Some(source), &name("plain.lab")).await;
    assert_eq!(why, Err("does not answer".to_owned()));
    let (_, client) = silent.try_recv_from(&mut [0; 512]).unwrap();
    assert_eq!(client.ip(), source);
}
