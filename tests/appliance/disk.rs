//! A full disk: what cannot be noted down is put off, and all goes on once there is room.

use crate::appliance::{Appliance, PROGRAM};
use crate::dns;
use mailproof::base::{Event, Timestamp};
use mailproof::journal::Journal;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

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

    let filler = appliance.state.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    // A commit that failed may leave a little room, so it is full when it says so twice.
    let mut again = 0;
    let refused = (1..MANY).find(|number| {
        let is_refused = || offered(&appliance, *number) == "452 4.3.1";
        is_refused() && {
            again += 1;
            is_refused()
        }
    });
    let refused = refused.expect("the disk does not fill");
    assert_eq!(sent(&appliance), "452 4.3.1");
    dns::serial(appliance.ports.dns, "et.example.org");
    assert_eq!(appliance.json(&["status"])["running"], true);

    fs::remove_file(&filler).unwrap();
    drop(file);
    assert_eq!(offered(&appliance, refused + 1), "451 4.7.0");
    assert_eq!(sent(&appliance), "451 4.7.1");
    let last = appliance.test_of(&sender(0));
    assert_eq!(last["connections"].as_array().unwrap().len(), 4);
    appliance.stop();

    // What happened while the disk was full was kept for later.
    let journal = format!("/proc/self/fd/{}/journal.redb", disk.as_raw_fd());
    let (journal, _) = Journal::open(Path::new(&journal), Timestamp::now()).unwrap();
    let (mut tests, mut ended) = (0, BTreeSet::new());
    let count = |event| match event {
        Event::Opened { .. } => tests += 1,
        Event::Connection(record) => assert!(record.ended.is_none() || ended.insert(record.id)),
        _ => {}
    };
    journal.replay(count).unwrap();
    assert_eq!(tests, refused + 2);
    assert_eq!(ended.len(), tests + again + 3, "some came twice");
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

/// A shell that may mount what nobody else sees.
fn apart(script: &str) -> Command {
    let mut command = Command::new("unshare");
    let user = Command::new("id").arg("-u").output().unwrap();
    command.arg("--mount");
    if user.stdout != b"0\n" {
        command.arg("--map-root-user");
    }
    command.args(["sh", "-c", script, PROGRAM]);
    command
}

fn sender(number: usize) -> String {
    format!("jim{number}@sender.example")
}

/// The code of the reply to DATA in the window, for a mail of this sender.
fn offered(appliance: &Appliance, number: usize) -> String {
    let name = format!("out{number}.sender.example");
    let mut client = appliance.client();
    client.converse(&[(&format!("EHLO {name}"), "250")]);
    let from = format!("MAIL FROM:<{}>", sender(number));
    client.converse(&[(&from, "250"), ("RCPT TO:<en@et.example.org>", "250")]);
    let reply = client.say("DATA");
    client.quit();
    reply[..9].to_owned()
}

/// The code of the reply to a message of the first sender inside TLS.
fn sent(appliance: &Appliance) -> String {
    let mut client = appliance.secured("out0.sender.example", "mx06.et.example.org");
    client.converse(&[
        ("EHLO out0.sender.example", "250"),
        ("MAIL FROM:<jim0@sender.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
        ("DATA", "354"),
    ]);
    let reply = client.say("Subject: x\r\n\r\nx\r\n.");
    client.quit();
    reply[..9].to_owned()
}
