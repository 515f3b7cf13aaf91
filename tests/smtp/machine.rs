//! Dialogues through the machine, at every cut of the bytes.

use crate::doubles::{Double, line, settings};
use crate::script::{self, Script, Step};
use mailproof::base::ports::{Clock, Desk, Judge, Relay, Reports};
use mailproof::base::{ClientHello, Close, Timestamp, Tls};
use mailproof::serve::smtp::TlsSet;
use mailproof::serve::smtp::session::{Answer, Offer, Output, Question, Session};
use std::collections::VecDeque;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The doubles are never waited for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a double waits"),
    }
}

fn answer(double: &Double, client: IpAddr, question: Question) -> Answer {
    match question {
        Question::Greet(name) => Answer::Greeting(at_once(double.greet(client, &name))),
        Question::Renew(record) => {
            double.closed(*record);
            Answer::Renewed(double.connected())
        }
        Question::Recipient(address) => Answer::Recipient(double.recipient(&address)),
        Question::Known(record) => Answer::Known(double.known(&record)),
        Question::Commit(record) => Answer::Decided(at_once(double.transacted(*record))),
        Question::Refuse(record) => Answer::Noted(at_once(double.refused(*record))),
        Question::Judge(envelope, message) => {
            Answer::Judged(Box::new(at_once(double.judge(&envelope, &message))))
        }
        Question::Relay(envelope, message) => {
            Answer::Relayed(at_once(double.relay(&envelope, &message)))
        }
        Question::Report(envelope, message) => {
            Answer::Reported(at_once(double.mailed(&envelope, &message)))
        }
    }
}

/// What the client does between two handshakes, its bytes cut into pieces.
struct Client {
    pieces: VecDeque<Vec<u8>>,
    /// The handshake behind these bytes.
    sni: Option<Option<String>>,
}

fn clients(script: &Script, cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) -> VecDeque<Client> {
    let mut all = VecDeque::new();
    let mut bytes = Vec::new();
    for step in &script.steps {
        match step {
            Step::Send(more) => bytes.extend_from_slice(more),
            Step::Tls(sni) => all.push_back(Client {
                pieces: cut(&std::mem::take(&mut bytes)).into(),
                sni: Some(sni.clone()),
            }),
            Step::Expect(_) | Step::Fin => {}
        }
    }
    all.push_back(Client {
        pieces: cut(&bytes).into(),
        sni: None,
    });
    all
}

/// Runs a dialogue; returns what the server said and what the desk was told.
fn run(script: &Script, cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) -> (String, Vec<String>) {
    let any: IpAddr = "127.0.0.1".parse().unwrap();
    let double = Double::new(script);
    let key = crate::tls::key("any.example");
    let tls = TlsSet::new([(mailproof::base::Certificate::SelfSigned, key)]).unwrap();
    let settings = settings(script, any, tls);
    let mut session = Session::new(settings, double.connected(), any, any, double.now());
    let mut clients = clients(script, cut);
    let mut said = Vec::new();
    let mut last = Close::Fin;
    loop {
        match session.next(NOW) {
            Output::Write(bytes) => said.extend(bytes),
            Output::Read(_) => match clients[0].pieces.pop_front() {
                Some(piece) => session.receive(&piece),
                None => break,
            },
            Output::Room => session.room(true, NOW),
            Output::Ask(question) => {
                let answer = answer(&double, any, question);
                session.answer(answer, NOW);
            }
            Output::StartTls(reply) => {
                let before = clients.pop_front().unwrap();
                before
                    .pieces
                    .iter()
                    .for_each(|piece| session.receive(piece));
                said.extend(reply);
                let Some(sni) = before.sni else { break };
                let hello = ClientHello::default();
                let wanted = session.hello(Some(Offer { sni, hello }));
                session.presented(Some(wanted));
                last = Close::CloseNotify;
                session.secured(Tls {
                    version: "1.3".to_owned(),
                    cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
                });
            }
            Output::Close => break,
        }
    }
    double.closed(session.finish(last, NOW));
    let told = double.told.lock().unwrap().clone();
    (String::from_utf8(said).unwrap(), told)
}

fn check(script: &Script, how: &str, cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) {
    let expected: String = script
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Expect(line) => Some(format!("{line}\r\n")),
            _ => None,
        })
        .collect();
    let (said, told) = run(script, cut);
    assert_eq!(said, expected, "{} {how}", script.name);
    assert_eq!(told, script.told, "{} {how}", script.name);
}

#[test]
fn dialogues_go_as_written_however_the_bytes_are_cut() {
    for script in script::all() {
        check(&script, "at once", &|bytes| vec![bytes.to_vec()]);
        let longest = script.steps.iter().map(|step| match step {
            Step::Send(bytes) => bytes.len(),
            _ => 0,
        });
        // Long messages are cut at fewer places, lest they take minutes.
        let total: usize = longest.sum();
        let step = 1 + total / 400;
        for at in (0..total).step_by(step) {
            check(&script, &format!("cut at {at}"), &|bytes| {
                let (head, tail) = bytes.split_at(at.min(bytes.len()));
                vec![head.to_vec(), tail.to_vec()]
            });
        }
        for size in [1, 2, 3, 5, 7, 64] {
            if total / size < 100_000 {
                check(&script, &format!("by {size}"), &|bytes| {
                    bytes.chunks(size).map(<[u8]>::to_vec).collect()
                });
            }
        }
    }
}

#[test]
fn our_own_endings_say_421_and_are_recorded() {
    let script = &script::all()[0];
    for (close, code) in [
        (Close::Shutdown, "421 4.3.2 "),
        (Close::Timeout, "421 4.4.2 "),
        (Close::Limit, "421 4.7.0 "),
    ] {
        let any: IpAddr = "127.0.0.1".parse().unwrap();
        let double = Double::new(script);
        let settings = settings(script, any, TlsSet::default());
        let mut session = Session::new(settings, double.connected(), any, any, NOW);
        session.next(NOW);
        session.stop(close.clone());
        let Output::Write(bytes) = session.next(NOW) else {
            panic!("no farewell")
        };
        assert!(bytes.starts_with(code.as_bytes()));
        assert_eq!(session.next(NOW), Output::Close);
        let record = session.finish(Close::Reset, NOW);
        assert!(line(&record).ends_with(&format!("close {close}")));
    }
}

#[test]
fn of_a_long_hello_as_much_is_noted_as_a_record_holds() {
    let any: IpAddr = "127.0.0.1".parse().unwrap();
    for (more, odd) in [(0, false), (1, true), (7000, true)] {
        let list = |most: usize| (0..most + more).map(|n| n as u16).collect::<Vec<_>>();
        let double = Double::new(&script::all()[0]);
        let settings = settings(&script::all()[0], any, TlsSet::default());
        let mut session = Session::new(settings, double.connected(), any, any, NOW);
        let hello = ClientHello {
            versions: list(16),
            suites: list(64),
            groups: list(32),
            signatures: list(64),
        };
        session.hello(Some(Offer { sni: None, hello }));
        let record = session.finish(Close::Fin, NOW);
        let noted = record.hello.unwrap();
        let lists = [noted.versions, noted.suites, noted.groups, noted.signatures];
        assert_eq!(lists.each_ref().map(Vec::len), [16, 64, 32, 64]);
        assert!(lists.iter().all(|list| list.starts_with(&[0, 1, 2])));
        assert_eq!(record.oddities == ["long-hello"], odd, "{more}");
    }
}

/// Numbers that look random and are the same in every run.
fn numbers(seed: u64) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(seed), |n| {
        Some(
            n.wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407),
        )
    })
    .skip(1)
    .map(|n| usize::try_from(n >> 33).unwrap())
}

#[test]
fn whatever_comes_gets_well_formed_replies_and_one_record() {
    const PIECES: [&[u8]; 21] = [
        b"EHLO a\r\n",
        b"HELO b\r\n",
        b"MAIL FROM:<jim@example.net>\r\n",
        b"MAIL FROM:<>\r\n",
        b"RCPT TO:<en@et.example.org>\r\n",
        b"RCPT TO:<de@ut.example.org>\r\n",
        b"RCPT TO:<postmaster>\r\n",
        b"RCPT TO:<tlsrpt@et.example.org>\r\n",
        b"DATA\r\n",
        b".\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b".",
        b"x\0\xff",
        b"STARTTLS\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"QUIT",
        b"<>\"\\",
        b"VRFY :\r\n",
    ];
    let kinds = script::all();
    for seed in 0..2000 {
        let mut random = numbers(seed);
        let mut bytes = Vec::new();
        for _ in 0..random.next().unwrap() % 60 {
            bytes.extend_from_slice(PIECES[random.next().unwrap() % PIECES.len()]);
        }
        let mut script = kinds[random.next().unwrap() % kinds.len()].clone();
        script.steps = vec![Step::Send(bytes.clone())];
        let (said, told) = run(&script, &|bytes| vec![bytes.to_vec()]);
        let size = 1 + random.next().unwrap() % 7;
        let cut = run(&script, &|bytes| {
            bytes.chunks(size).map(<[u8]>::to_vec).collect()
        });
        assert_eq!(cut, (said.clone(), told.clone()), "{bytes:?} by {size}");
        for reply in said.split_terminator("\r\n") {
            let (code, rest) = reply.split_at(3);
            assert!(("200".."600").contains(&code), "{reply}");
            assert!(rest.starts_with([' ', '-']) && rest.len() > 1, "{reply}");
        }
        let closed = |entry: &&String| entry.starts_with("closed ");
        let open = told
            .iter()
            .filter(closed)
            .filter(|entry| !entry.ends_with("continued"));
        assert_eq!(open.count(), 1, "{told:?}");
    }
}
