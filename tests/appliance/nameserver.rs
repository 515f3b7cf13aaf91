//! TCP clients of the nameserver that dribble, hoard, never read or break off: it goes on answering others, and nothing
//! is left of them.

use crate::appliance::{Appliance, PROGRAM, wait_for};
use crate::dns;
use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RecordType};
use socket2::{Domain, Socket, Type};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

/// How long a client waits for one thing before it counts as refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// A client in a network of its own, one of sixty thousand: no limit of one network concerns the others.
fn client(server: SocketAddr, network: u16) -> io::Result<TcpStream> {
    let [high, low] = network.to_be_bytes();
    let own = SocketAddr::from((Ipv4Addr::new(127, high, low, 1), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&own.into())?;
    socket.connect_timeout(&server.into(), PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// A question with its length.
fn question(kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    let name = Name::from_ascii("et.example.org.").unwrap();
    message.add_query(Query::query(name, kind));
    let mut edns = Edns::new();
    edns.set_max_payload(1232).set_dnssec_ok(true);
    message.set_edns(edns);
    let octets = message.to_vec().unwrap();
    let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
    [&length[..], &octets].concat()
}

/// Whether a question on this connection is answered.
fn is_answered(mut client: &TcpStream) -> bool {
    let mut length = [0; 2];
    let asked = client.write_all(&question(RecordType::SOA));
    if asked.and_then(|()| client.read_exact(&mut length)).is_err() {
        return false;
    }
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    client.read_exact(&mut answer).is_ok() && Message::from_vec(&answer).is_ok()
}

/// Waits until somebody else is answered over TCP; UDP has to answer at once.
fn others_are_answered(appliance: &Appliance) {
    dns::serial(appliance.ports.dns, "et.example.org");
    wait_for("an answer over TCP", || {
        let client = client(appliance.ports.dns, 0xfefe).ok()?;
        is_answered(&client).then_some(())
    });
}

/// Whether the server has closed the connection; what it sent before is read.
fn is_closed(mut client: &TcpStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let mut buffer = [0; 65536];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// KiB of memory that the appliance has in use, and its open descriptors.
fn holds(appliance: &Appliance) -> (usize, usize) {
    let process = format!("/proc/{}", appliance.pid());
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let memory = line.unwrap().split_whitespace().nth(1).unwrap();
    let descriptors = fs::read_dir(format!("{process}/fd")).unwrap().count();
    (memory.parse().unwrap(), descriptors)
}

/// Hundredths of a second that the appliance has computed.
fn computed(appliance: &Appliance) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", appliance.pid())).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split(' ').collect();
    // utime and stime: fields 14 and 15 of proc(5), the parenthesis ends the second.
    fields[12..14]
        .iter()
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum()
}

#[test]
fn who_dribbles_or_says_nothing_gives_way() {
    let appliance = Appliance::started_with("tcp_clients = 40\n");
    let server = appliance.ports.dns;
    let held: Vec<_> = (0..40).map(|n| client(server, n).unwrap()).collect();
    for client in held.iter().step_by(4) {
        assert!(is_answered(client), "there are places for forty");
    }
    assert!(
        !is_answered(&client(server, 99).unwrap()),
        "and for no more"
    );
    let (octets, mut next) = (question(RecordType::MX), 0);
    let mut left: Vec<(usize, &TcpStream)> = held.iter().enumerate().collect();
    wait_for("the end of the dribblers", || {
        // A half of them sends octet by octet for ever, a quarter broken messages, the rest nothing.
        next = (next + 1) % octets.len();
        for &(number, mut client) in &left {
            let _ = match number % 4 {
                0 | 1 => client.write(&octets[next..=next]),
                2 => client.write(&[0, 1, 7]),
                _ => Ok(0),
            };
        }
        dns::serial(server, "et.example.org");
        left.retain(|(_, client)| !is_closed(client));
        left.is_empty().then_some(())
    });
    others_are_answered(&appliance);
}

#[test]
fn who_never_reads_pins_little_and_not_for_ever() {
    let appliance = Appliance::started();
    let server = appliance.ports.dns;
    others_are_answered(&appliance);
    let (before, _) = holds(&appliance);
    let queries = question(RecordType::DNSKEY).repeat(1000);
    let mut held: Vec<_> = (0..100).map(|n| client(server, n).unwrap()).collect();
    for client in &mut held {
        // Until its own answers stand in the way of its queries.
        client.set_nonblocking(true).unwrap();
        while client.write(&queries).is_ok() {}
    }
    others_are_answered(&appliance);
    let (during, _) = holds(&appliance);
    let more = during.saturating_sub(before);
    assert!(more < 64 * 1024, "{more} KiB for a hundred clients");
    wait_for("the end of those who never read", || {
        // Writing shows that the connection is broken; reading would make room for more answers.
        held.retain_mut(|client| match client.write(&queries) {
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            Ok(_) => true,
        });
        held.is_empty().then_some(())
    });
    others_are_answered(&appliance);
}

/// Something that a client does before it is gone.
type Prank = fn(&mut TcpStream) -> io::Result<()>;

const PRANKS: [Prank; 7] = [
    |_| Ok(()),
    |client| client.write_all(&[0xff, 0xff, 1, 2, 3]),
    |client| client.write_all(&[0, 40, 1, 2, 3]),
    |client| client.write_all(&[0; 4096]),
    |client| client.write_all(&question(RecordType::DNSKEY).repeat(200)),
    |client| {
        client.write_all(&question(RecordType::MX))?;
        client.shutdown(Shutdown::Write)?;
        // Who closes its half is answered all the same.
        let mut answer = Vec::new();
        client.read_to_end(&mut answer)?;
        assert!(answer.len() > 12);
        Ok(())
    },
    |client| client.write_all(&[0x16, 3, 1, 0, 200].repeat(100)),
];

#[test]
fn thousands_of_broken_connections_leave_nothing_behind() {
    let appliance = Appliance::started();
    let play = |rounds: u16| {
        for round in 0..rounds {
            for (number, prank) in PRANKS.iter().enumerate() {
                let network = round.wrapping_mul(7) + u16::try_from(number).unwrap();
                let mut client = client(appliance.ports.dns, network).unwrap();
                // The server may have closed already, which is its right.
                let _ = prank(&mut client);
            }
        }
        others_are_answered(&appliance);
    };
    let settled = |most: usize| {
        wait_for("the descriptors of those who are gone", || {
            let (memory, descriptors) = holds(&appliance);
            (descriptors <= most).then_some(memory)
        })
    };
    // A few for what the appliance itself may be about.
    let most = holds(&appliance).1 + 8;
    play(20);
    let before = settled(most);
    play(500);
    let after = settled(most);
    let more = after.saturating_sub(before);
    assert!(more < 16 * 1024, "{more} KiB for 3500 connections");
}

/// The span in which computing is counted: hundredths of a second, of which a loop would take most.
const SPAN: u64 = 400;

#[test]
fn without_descriptors_it_neither_stops_nor_spins() {
    let mut appliance = Appliance::new();
    appliance.start_by(Command::new("prlimit").args([
        "--nofile=128:128",
        PROGRAM,
        "--config",
        "mailproof.toml",
        "serve",
    ]));
    let server = appliance.ports.dns;
    others_are_answered(&appliance);
    let mut held: Vec<_> = (0..200).map(|n| client(server, n).unwrap()).collect();
    wait_for("the end of the descriptors", || {
        let short = appliance
            .log()
            .contains("no DNS connection can be accepted");
        // Those who are served stay.
        for mut client in &held {
            let _ = client.write_all(&question(RecordType::SOA));
        }
        short.then_some(())
    });
    let before = computed(&appliance);
    for _ in 0..SPAN / 10 {
        std::thread::sleep(Duration::from_millis(100));
        dns::serial(server, "et.example.org");
    }
    let spent = computed(&appliance) - before;
    assert!(spent < SPAN / 2, "{spent} of {SPAN}");
    held.clear();
    others_are_answered(&appliance);
}
