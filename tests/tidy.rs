//! The rules of the house that the compiler does not know: who may import whom, who may touch what, how long a file may be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it fails and says so"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and what of ours it may import (ARCHITECTURE.md).
const IMPORTS: &[(&str, &str)] = &[
    ("base", ""),
    ("spec", "base"),
    ("cases", "base spec"),
    ("config", "base spec cases"),
    ("keys", "base config"),
    ("certs", "base config cases"),
    ("zone", "base spec config cases keys certs"),
    ("sign", "base keys zone"),
    ("serve", "base spec cases certs sign"),
    ("dial", "base spec"),
    ("journal", "base"),
    ("infer", "base spec cases"),
    ("probe", "base spec dial"),
    ("desk", "base spec cases infer"),
    ("report", "base spec cases infer probe"),
    ("mail", "base spec config keys dial journal report"),
    (
        "app",
        "base spec cases config keys certs zone sign serve dial journal infer probe desk report mail",
    ),
    ("cli", "app config base"),
];

/// A word, and the modules that may use it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("redb::", &["journal"]),
    ("hickory_server", &["serve/dns"]),
    ("instant_acme", &["certs"]),
    ("mail_parser", &["spec"]),
    ("TcpListener", &["serve"]),
    ("UnixListener", &["serve"]),
    ("UdpSocket", &["serve", "dial"]),
    ("TcpStream", &["serve", "dial"]),
    ("UnixStream", &["serve", "dial"]),
    ("Timestamp::now", &["app"]),
    // The validating library reads the clock by itself; the reason that we word for it reads the same one.
    ("SystemTime::now", &["app", "dial/resolver/reason"]),
    ("SystemRandom", &["app", "keys", "certs", "mail"]),
];

/// Modules that decide and do no I/O.
const PURE: &[&str] = &[
    "base", "spec", "cases", "zone", "sign", "infer", "desk", "report",
];

const LONGEST_FILE: usize = 500;

struct Source {
    /// Relative to `src`, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Lines of code before the unit tests, with their numbers; comments are left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .enumerate()
            .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }

    fn is_in(&self, place: &str) -> bool {
        self.path == format!("{place}.rs") || self.path.starts_with(&format!("{place}/"))
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source {
                    path: path
                        .strip_prefix(&root)
                        .unwrap()
                        .to_string_lossy()
                        .replace('\\', "/"),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    assert!(found.len() > 10, "the sources were not found");
    found
}

fn check(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The names of ours that a line refers to: `crate::name` and `crate::{name::.., name}`.
fn referred(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let word = |text: &str| -> String {
            text.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                for part in list.split_inclusive(['{', '}', ',']) {
                    if depth == 0 {
                        names.push(word(part.trim_start()));
                    }
                    depth += part.matches('{').count();
                    depth = depth.saturating_sub(part.matches('}').count());
                }
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table: BTreeMap<&str, Vec<&str>> = IMPORTS
        .iter()
        .map(|(module, allowed)| (*module, allowed.split(' ').collect()))
        .collect();
    let mut faults = Vec::new();
    for source in sources() {
        let module = source.module();
        if module == "lib" || module == "main" || source.is_test() {
            continue;
        }
        let Some(allowed) = table.get(module) else {
            faults.push(format!(
                "src/{}: module {module} is not in the table",
                source.path
            ));
            continue;
        };
        // An import list over several lines is read as one.
        let code: String = source
            .code()
            .map(|(_, line)| line.trim())
            .collect::<Vec<_>>()
            .join(" ");
        for name in referred(&code.replace("crate::{ ", "crate::{")) {
            if name != module
                && table.contains_key(name.as_str())
                && !allowed.contains(&name.as_str())
            {
                faults.push(format!(
                    "src/{}: {module} may not import {name}",
                    source.path
                ));
            }
        }
    }
    check(&faults);
}

#[test]
fn words_are_used_only_where_they_belong() {
    let mut faults = Vec::new();
    for source in sources() {
        if source.is_test() {
            continue;
        }
        for (number, line) in source.code() {
            for (word, places) in ONLY_IN {
                if line.contains(word) && !places.iter().any(|place| source.is_in(place)) {
                    faults.push(format!(
                        "src/{}:{number}: {word} belongs in {}",
                        source.path,
                        places.join(", ")
                    ));
                }
            }
        }
    }
    check(&faults);
}

#[test]
fn the_siblings_of_serve_never_meet() {
    let siblings = ["dns", "smtp", "web", "control"];
    let mut faults = Vec::new();
    for source in sources() {
        let Some(own) = siblings
            .iter()
            .find(|name| source.is_in(&format!("serve/{name}")))
        else {
            continue;
        };
        for (number, line) in source.code() {
            for other in siblings.iter().filter(|name| *name != own) {
                if line.contains(&format!("serve::{other}")) {
                    faults.push(format!(
                        "src/{}:{number}: {own} may not use {other}",
                        source.path
                    ));
                }
            }
        }
    }
    check(&faults);
}

#[test]
fn pure_modules_neither_wait_nor_touch_the_world() {
    let mut faults = Vec::new();
    for source in sources() {
        if !PURE.contains(&source.module()) || source.is_in("base/file") {
            continue;
        }
        for (number, line) in source.code() {
            for word in ["async ", ".await", "std::fs", "tokio::", "std::env"] {
                // The reader of master files is handed a path to name in errors, not to open.
                if line.contains(word) {
                    faults.push(format!(
                        "src/{}:{number}: {} in a pure module",
                        source.path,
                        word.trim()
                    ));
                }
            }
        }
    }
    check(&faults);
}

#[test]
fn hosts_are_spelled_in_the_case_table_only() {
    let mut faults = Vec::new();
    for source in sources() {
        if source.is_in("cases") || source.is_test() {
            continue;
        }
        for (number, line) in source.code() {
            for host in 3..=6 {
                if line.contains(&format!("mx0{host}")) {
                    faults.push(format!(
                        "src/{}:{number}: mx0{host} is spelled outside the case table",
                        source.path
                    ));
                }
            }
        }
    }
    check(&faults);
}

#[test]
fn files_are_short() {
    let faults: Vec<_> = sources()
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(source, lines)| {
            format!(
                "src/{}: {lines} lines; {LONGEST_FILE} are allowed",
                source.path
            )
        })
        .collect();
    check(&faults);
}

#[test]
fn ring_is_the_only_crypto_provider() {
    let lock =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    for banned in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls"] {
        assert!(
            !lock.contains(&format!("name = \"{banned}\"")),
            "{banned} is in Cargo.lock"
        );
    }
}

#[test]
fn the_fuzz_targets_are_built_with_the_same_crates() {
    let packages = |path: &str| -> BTreeSet<String> {
        let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let packages = lock.split("[[package]]\n").skip(1);
        let head = |package: &str| package.lines().take(2).collect::<Vec<_>>().join(", ");
        packages.map(head).collect()
    };
    let fuzz = packages("fuzz/Cargo.lock");
    let missing: Vec<_> = packages("Cargo.lock").difference(&fuzz).cloned().collect();
    assert!(
        missing.is_empty(),
        "fuzz/Cargo.lock lags behind; copy Cargo.lock there and run `cargo metadata` in fuzz: {missing:?}"
    );
}
