//! Every wrong configuration stops `serve` with one clear error, and leaves nothing behind.
//!
//! One directory a case under `tests/bad-configs/`: `mailproof.toml` with whatever files it needs, and `expected`, the
//! error as printed, with `PORT` for a port that is in use. `leaves` names what a case may leave behind: what is made at
//! the first start and used at the next.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it fails and says so"
)]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

#[test]
fn each_is_refused_with_its_error() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-configs");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut seen = 0;
    for case in fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        check(&case, &port);
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} cases were found");
}

fn check(case: &Path, port: &str) {
    let home = tempfile::tempdir().unwrap();
    copy(case, home.path(), port);
    let before = names(home.path());
    let run = |command: &str| {
        Command::new(env!("CARGO_BIN_EXE_mailproof"))
            .args(["--config", "mailproof.toml", command])
            .current_dir(home.path())
            .output()
            .unwrap()
    };
    let output = run("serve");
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = fs::read_to_string(case.join("expected"))
        .unwrap()
        .replace("PORT", port);
    assert_eq!(error, expected, "{}", case.display());
    assert_eq!(output.status.code(), Some(2), "{}", case.display());
    // A reading command says the same of the configuration and of the zone files, which it needs as well.
    if error.contains(".toml") || error.contains(".zone") {
        let output = run("ds");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        assert_eq!(output.status.code(), Some(2), "{}", case.display());
    }
    let leaves = fs::read_to_string(case.join("leaves")).unwrap_or_default();
    let mut left = names(home.path());
    left.retain(|name| !leaves.split_whitespace().any(|made| made == name));
    assert_eq!(left, before, "{} left files behind", case.display());
}

fn copy(from: &Path, to: &Path, port: &str) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target, port);
        } else if entry.file_name() != "expected" && entry.file_name() != "leaves" {
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(target, text.replace("PORT", port)).unwrap();
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
