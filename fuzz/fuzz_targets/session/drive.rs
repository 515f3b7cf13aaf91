//! Drives the machine as the listener does, with ports that say what the scene wants.

use crate::scene::{ADDRESS, BASE, CLIENT, Pieces, Scene};
use crate::watch::Watch;
use mailproof::base::ports::{
    Decision, Greeting, Kept, NotTaken, Recipient, RelayReply, Unavailable,
};
use mailproof::base::{
    Certificate, ClientHello, Close, Connection, ConnectionId, Domain, Language, Mailbox,
    MessageFacts, Server, TestId, Timestamp, Tls,
};
use mailproof::serve::smtp::session::{Answer, Offer, Output, Question, Session};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// Outputs of one session that nobody reaches who goes on at all.
const OUTPUTS: usize = 100_000;

/// What came of a session.
pub struct Run {
    pub said: Vec<u8>,
    pub asked: Vec<Question>,
    pub record: Connection,
}

struct Driver<'a> {
    answers: std::slice::Iter<'a, u8>,
    session: Session,
    watch: Watch,
    asked: Vec<Question>,
    ids: u64,
}

pub fn run(scene: &Scene<'_>, pieces: &mut Pieces) -> Run {
    let session = Session::new(
        scene.settings.clone(),
        ConnectionId(1),
        CLIENT,
        ADDRESS,
        NOW,
    );
    let mut driver = Driver {
        answers: scene.answers.iter(),
        session,
        watch: Watch::default(),
        asked: Vec::new(),
        ids: 1,
    };
    let close = driver.serve(pieces);
    let record = driver.session.finish(close, NOW);
    driver.watch.record(&record);
    assert_eq!(record.id, ConnectionId(driver.ids));
    Run {
        said: driver.watch.into_said(),
        asked: driver.asked,
        record,
    }
}

impl Driver<'_> {
    fn serve(&mut self, pieces: &mut Pieces) -> Close {
        for _ in 0..OUTPUTS {
            match self.session.next(NOW) {
                Output::Write(bytes) => self.watch.wrote(&bytes),
                Output::Read(_) => match pieces.front_mut() {
                    None => return self.leave(),
                    Some(part) => match part.pop_front() {
                        Some(piece) => self.session.receive(&piece),
                        None => drop(pieces.pop_front()),
                    },
                },
                Output::Ask(question) => self.ask(question),
                Output::Room => {
                    let found = self.octet() != 0xfa;
                    self.watch.made_room(found);
                    self.session.room(found, NOW);
                }
                Output::StartTls(bytes) => {
                    let before = pieces.pop_front().unwrap_or_default();
                    before.iter().for_each(|piece| self.session.receive(piece));
                    self.watch.wrote(&bytes);
                    if let Some(close) = self.shake_hands() {
                        return close;
                    }
                }
                Output::Close => return Close::Fin,
            }
        }
        panic!("a session without end");
    }

    /// The client has nothing more to send: it goes, or falls silent.
    fn leave(&mut self) -> Close {
        if self.octet().is_multiple_of(2) {
            return Close::Fin;
        }
        self.session.stop(Close::Timeout);
        self.watch.stopped();
        while let Output::Write(bytes) = self.session.next(NOW) {
            self.watch.wrote(&bytes);
        }
        assert_eq!(self.session.next(NOW), Output::Close);
        Close::Reset
    }

    fn octet(&mut self) -> u8 {
        self.answers.next().copied().unwrap_or_default()
    }

    fn ask(&mut self, question: Question) {
        let octet = self.octet();
        self.watch.asked(&question);
        self.asked.push(question.clone());
        match octet {
            0xf8 => {
                self.session.stop(Close::Shutdown);
                self.watch.stopped();
            }
            0xf9 => {
                self.session.answer(wrong(&question), NOW);
                self.watch.stopped();
            }
            _ => {
                let answer = self.answer(&question, octet);
                self.watch.answered(&question, &answer);
                self.session.answer(answer, NOW);
            }
        }
    }

    fn answer(&mut self, question: &Question, octet: u8) -> Answer {
        match question {
            Question::Greet(_) => Answer::Greeting(Greeting {
                ptr: (octet & 4 != 0).then(|| Domain::parse("out.example.net").unwrap()),
                starttls: octet & 1 == 0,
                without_sni: match octet & 2 {
                    0 => Certificate::SelfSigned,
                    _ => Certificate::Host(Server::Seven),
                },
            }),
            Question::Renew(_) => {
                self.ids += 1;
                Answer::Renewed(ConnectionId(self.ids))
            }
            Question::Recipient(address) => Answer::Recipient(match octet % 5 {
                0 => usual(address),
                1 => Recipient::Unknown,
                2 => Recipient::Foreign,
                3 if octet & 0x40 != 0 => Recipient::Reports,
                3 => Recipient::Operator,
                _ => Recipient::Test(Language::German),
            }),
            Question::Known(_) => Answer::Known(octet & 1 != 0),
            Question::Commit(_) => Answer::Decided(match octet % 3 {
                0 => Ok(Decision::Later),
                1 => Ok(Decision::Accept(TestId::from_bits([octet; 10]))),
                _ => Err(Unavailable),
            }),
            Question::Refuse(_) => Answer::Noted(match octet & 1 {
                0 => Ok(()),
                _ => Err(Unavailable),
            }),
            Question::Judge(_, message) => Answer::Judged(Box::new(MessageFacts {
                message_id: Some(format!("{}@example.net", message.len())),
                ..MessageFacts::default()
            })),
            Question::Relay(..) => Answer::Relayed(relayed(octet)),
            Question::Report(..) => Answer::Reported(reported(octet)),
        }
    }

    /// A handshake, or as much of one as comes about; says how the client went.
    fn shake_hands(&mut self) -> Option<Close> {
        let octet = self.octet();
        let names = [
            "mx06.et.example.org",
            "mx03.et.example.org",
            "MX04.Et.example.org.",
            "ut.example.org",
            "elsewhere.example",
            "\u{fffd}",
        ];
        let name = names
            .get(usize::from(octet >> 3))
            .map(|name| (*name).to_owned());
        let offer = Offer {
            sni: name.or_else(|| (octet & 0x80 != 0).then(|| "x".repeat(1000))),
            hello: ClientHello::default(),
        };
        let (offer, certificate, done) = match octet & 7 {
            0 | 1 => (Some(offer), true, true),
            2 => (None, false, false),
            3 => (Some(offer), false, false),
            4 => (Some(offer), true, false),
            _ => (None, true, true),
        };
        let wanted = self.session.hello(offer);
        self.session.presented(certificate.then_some(wanted));
        if !done {
            return Some(Close::Broken);
        }
        self.session.secured(Tls {
            version: "1.3".to_owned(),
            cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
        });
        self.watch.secured();
        None
    }
}

/// Where mail for this address goes when the desk is of sound mind.
fn usual(address: &Mailbox) -> Recipient {
    let domain = address.domain.as_str();
    if domain != format!("et.{BASE}") && domain != format!("ut.{BASE}") {
        return Recipient::Foreign;
    }
    match address.local.to_ascii_lowercase().as_str() {
        "en" => Recipient::Test(Language::English),
        "de" => Recipient::Test(Language::German),
        "postmaster" | "abuse" => Recipient::Operator,
        "tlsrpt" => Recipient::Reports,
        _ => Recipient::Unknown,
    }
}

/// An answer to another question.
fn wrong(question: &Question) -> Answer {
    match question {
        Question::Known(_) => Answer::Renewed(ConnectionId(u64::MAX)),
        _ => Answer::Known(true),
    }
}

/// What becomes of a report.
fn reported(octet: u8) -> Result<Kept, NotTaken> {
    match octet & 7 {
        0 => Ok(Kept::New),
        1 => Ok(Kept::Before),
        2 => Err(NotTaken::Unfit(relayed(octet).text)),
        3 => Err(NotTaken::TooLarge),
        4 => Err(NotTaken::Unproven("nobody signed it")),
        5 => Err(NotTaken::Unclear),
        6 => Err(NotTaken::TooMany),
        _ => Err(NotTaken::Unavailable),
    }
}

/// What other people's servers say.
fn relayed(octet: u8) -> RelayReply {
    const CODES: [u16; 8] = [250, 451, 550, 354, 0, 999, 200, 421];
    const TEXTS: [&str; 7] = [
        "2.0.0 Ok",
        "",
        "Ok\r\n250 forged",
        "5.7.1 no",
        "2.0",
        "\u{fc}\u{2028}\0",
        "9999.9.9",
    ];
    let text = match TEXTS.get(usize::from(octet >> 3)) {
        Some(text) => (*text).to_owned(),
        None => "\u{e9}x".repeat(usize::from(octet) * 3),
    };
    RelayReply {
        code: CODES[usize::from(octet & 7)],
        text,
    }
}
