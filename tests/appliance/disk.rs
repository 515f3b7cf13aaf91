//! A full disk: what cannot be noted down is put off, and all goes on once there is room.

use crate::appliance::{Appliance, apart, wait_for};
use crate::client::Client;
use crate::dns;
use mailproof::base::{Event, Timestamp};
use mailproof::journal::{Erasure, Journal};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Mounts a small file system that vanishes with the process.
const MOUNT: &str = "mount -t tmpfs -o size=8m,mode=0700 tmpfs disk";
/// What the process becomes then.
const SERVE: &str = "exec \"$0\" --config mailproof.toml serve";
/// Mails until the journal's file has used up the room that it has already.
const MANY: usize = 2000;

#[test]
fn a_full_disk_puts_mail_off_until_there_is_room() {
    let mut appliance = Appliance::new();
    let disk = start(&mut appliance);
    assert_eq!(offered(&appliance, 0), "451 4.7.0");
    appliance.wait_for_window();
    assert_eq!(sent(&appliance), "451 4.7.1");
    // One whose message would be taken now.
    let (mut ready, attempts) = ready(&appliance);

    let filler = appliance.state.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    // A commit that failed may leave a little room, so it is full when it says so twice; after a failure it rests.
    let mut again = 0;
    let refused = (1..MANY).find(|number| {
        let is_refused = || offered(&appliance, *number) == "452 4.3.1";
        is_refused() && {
            again += 1;
            std::thread::sleep(REST);
            is_refused()
        }
    });
    let refused = refused.expect("the disk does not fill");
    assert_eq!(sent(&appliance), "452 4.3.1");
    let reply = ready.say(MESSAGE);
    assert!(reply.starts_with("452 4.3.1 "), "{reply}");
    ready.quit();
    dns::serial(appliance.ports.dns, "et.example.org");
    let status = appliance.json(&["status"]);
    assert_eq!(status["running"], true);
    let journal = status["journal"].as_str().unwrap();
    assert!(
        journal.contains("mail is put off") && journal.contains("No space left"),
        "{journal}"
    );
    assert_eq!(
        appliance.json(&["tests", "list"]).as_array().unwrap().len(),
        refused + 2
    );

    fs::remove_file(&filler).unwrap();
    drop(file);
    // By itself, though no mail comes.
    wait_for("a journal that is written again", || {
        (appliance.json(&["status"])["journal"] == "ok").then_some(())
    });
    let mut client = plain(&appliance);
    client.converse(&[("DATA", "354"), (MESSAGE, "250 2.0.0")]);
    client.quit();
    assert_eq!(offered(&appliance, refused + 1), "451 4.7.1");
    assert_eq!(sent(&appliance), "451 4.7.1");
    let last = appliance.test_of(&sender(0));
    assert_eq!(last["connections"].as_array().unwrap().len(), 4);
    appliance.stop();

    // What happened while the disk was full was kept for later.
    let path = PathBuf::from(format!("/proc/self/fd/{}/journal.redb", disk.as_raw_fd()));
    let (journal, _) = Journal::open(&path, Timestamp::now()).unwrap();
    let (mut tests, mut ended) = (0, BTreeSet::new());
    let count = |event| match event {
        Event::Opened { .. } => tests += 1,
        Event::Connection(record) => assert!(record.ended.is_none() || ended.insert(record.id)),
        _ => {}
    };
    journal.replay(count).unwrap();
    assert_eq!(tests, refused + 3);
    // Of the first sender three more; of the one that was ready all attempts and the last, instead of one.
    let more = again + 3 + attempts;
    assert_eq!(ended.len(), tests + more, "some came twice");
    what_is_erased_leaves_the_file_when_there_is_room(journal, &path);
}

/// The copy that replaces a file with something erased in it needs room.
fn what_is_erased_leaves_the_file_when_there_is_room(journal: Journal, path: &Path) {
    let is_first = |event: &Event| {
        let Event::Connection(record) = event else {
            return false;
        };
        let from = record.from.as_ref().and_then(Option::as_ref);
        from.is_some_and(|from| from.to_string() == sender(0))
    };
    let erasure = Erasure {
        found: journal.find(is_first).unwrap(),
        holds: Box::new(is_first),
        removes: Vec::new(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(journal.erase(erasure)), Ok(4));
    drop(journal);
    let left = || {
        let (journal, _) = Journal::open(path, Timestamp::now()).unwrap();
        let mut left = 0;
        journal.replay(|_| left += 1).unwrap();
        let file = fs::read(path).unwrap();
        let name = sender(0);
        (
            left,
            file.windows(name.len()).any(|part| part == name.as_bytes()),
        )
    };
    let filler = path.with_file_name("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let (full, is_there) = left();
    assert!(is_there, "the file stays in use as it is");
    fs::remove_file(&filler).unwrap();
    drop(file);
    assert_eq!(left(), (full, false));
    let names = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name());
    assert!(!names.any(|name| name == ".journal.redb.new"));
}

const MESSAGE: &str = "Subject: x\r\n\r\nx\r\n.";
/// Longer than the appliance rests after a failure.
const REST: Duration = Duration::from_millis(1500);

/// A session of a sender that never starts TLS, up to its recipient.
fn plain(appliance: &Appliance) -> Client {
    let mut client = appliance.client();
    client.converse(&[
        ("EHLO plain.sender.example", "250"),
        ("MAIL FROM:<plain@sender.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
    ]);
    client
}

/// Such a session in which a message would be taken now, and in which attempt.
fn ready(appliance: &Appliance) -> (Client, usize) {
    for attempt in 1..10 {
        let mut client = plain(appliance);
        let reply = client.say("DATA");
        if reply.starts_with("354") {
            return (client, attempt);
        }
        assert!(reply.starts_with("451"), "{reply}");
        client.quit();
        // Longer than the gap between attempts as well.
        appliance.wait_for_window();
    }
    panic!("no message would be taken");
}

/// Starts it with its state on a small file system, which lives as long as what is returned.
fn start(appliance: &mut Appliance) -> File {
    let disk = appliance.path("disk");
    fs::create_dir(&disk).unwrap();
    appliance.configure("mailproof.toml", &appliance.ports, "disk");
    let mounted = apart(MOUNT).current_dir(appliance.path(".")).output();
    let mounted = mounted.unwrap();
    assert!(
        mounted.status.success(),
        "no small file system can be mounted here, run `sudo make test`: {}",
        String::from_utf8_lossy(&mounted.stderr)
    );
    appliance.start_by(&mut apart(&format!("{MOUNT} && {SERVE}")));
    // Only the process itself sees the file system.
    let seen = format!("/proc/{}/root{}", appliance.pid(), disk.display());
    appliance.state = PathBuf::from(seen);
    File::open(&appliance.state).unwrap()
}

fn sender(number: usize) -> String {
    format!("jim{number}@sender.example")
}

/// The code of the reply to DATA in clear text, for a mail of this sender.
fn offered(appliance: &Appliance, number: usize) -> String {
    let mut client = appliance.client();
    client.converse(&[("EHLO out.sender.example", "250")]);
    let from = format!("MAIL FROM:<{}>", sender(number));
    client.converse(&[(&from, "250"), ("RCPT TO:<en@et.example.org>", "250")]);
    let reply = client.say("DATA");
    client.quit();
    reply[..9].to_owned()
}

/// The code of the reply to a message of the first sender inside TLS.
fn sent(appliance: &Appliance) -> String {
    let mut client = appliance.secured("out.sender.example", "mx06.et.example.org");
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        ("MAIL FROM:<jim0@sender.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
    ]);
    // Its message need not come again once its facts are known.
    let mut reply = client.say("DATA");
    if reply.starts_with("354") {
        reply = client.say(MESSAGE);
    }
    client.quit();
    reply[..9].to_owned()
}
