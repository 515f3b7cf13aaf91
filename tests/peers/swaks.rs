//! swaks, and the dialogues that it is to have with the appliance.

use super::lab::{Host, wait_for};
use std::time::Duration;

/// A dialogue of `swaks.txt`, where the form is explained.
pub struct Dialogue {
    pub name: &'static str,
    /// From the host whose reverse name is not confirmed.
    pub stray: bool,
    pub runs: Vec<Run>,
    pub records: Vec<&'static str>,
}

pub struct Run {
    /// Once STARTTLS is offered.
    pub offered: bool,
    arguments: Vec<&'static str>,
    pub expected: Vec<&'static str>,
}

impl Dialogue {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for line in include_str!("swaks.txt").lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix("@ ") {
                let (name, host) = name.split_once(' ').unwrap_or((name, ""));
                all.push(Self {
                    name,
                    stray: host == "stray",
                    runs: Vec::new(),
                    records: Vec::new(),
                });
                continue;
            }
            let dialogue = all.last_mut().expect("a name before anything else");
            match line.split_at(2) {
                (kind @ ("$ " | "+ "), arguments) => dialogue.runs.push(Run {
                    offered: kind == "+ ",
                    arguments: arguments.split(' ').collect(),
                    expected: Vec::new(),
                }),
                ("= ", record) => dialogue.records.push(record),
                _ => {
                    let run = dialogue.runs.last_mut().expect("a run before its lines");
                    run.expected.push(line.trim_start());
                }
            }
        }
        for Self {
            name,
            runs,
            records,
            ..
        } in &all
        {
            let tells = runs.iter().all(|run| !run.expected.is_empty());
            assert!(
                tells && !runs.is_empty() && !records.is_empty(),
                "{name} expects nothing"
            );
        }
        all
    }

    /// The envelope sender.
    pub fn sender(&self) -> String {
        let mut words = self.runs.iter().flat_map(|run| &run.arguments);
        match words.find(|word| **word == "--from") {
            Some(_) => (*words.next().expect("a sender")).to_owned(),
            None => format!("jim@{}.lab", self.name),
        }
    }

    /// Says EHLO and leaves, so that a window begins.
    pub fn knock(&self, host: &Host) {
        ehlo(host, &format!("{}.lab", self.name));
    }

    /// The transcript of this run.
    pub fn run(&self, host: &Host, run: &Run) -> String {
        let sender = self.sender();
        let mut arguments = run.arguments.clone();
        if !arguments.contains(&"--from") {
            arguments.extend(["--from", &sender]);
        }
        swaks(host, &format!("{}.lab", self.name), &arguments)
    }
}

/// Waits until all windows that have begun are over: that of somebody who comes now is the last one. Whoever is to be tested
/// must not look for himself, for the look would be an attempt.
pub fn outlast_windows(host: &Host, number: usize) {
    let name = format!("last{number}.lab");
    wait_for("STARTTLS", Duration::from_secs(60), || {
        ehlo(host, &name).contains("STARTTLS").then_some(())
    });
}

fn ehlo(host: &Host, name: &str) -> String {
    swaks(host, name, &["--quit-after", "EHLO"])
}

/// The transcript, whatever came of it.
fn swaks(host: &Host, name: &str, arguments: &[&str]) -> String {
    let mut all = vec!["--server", "et.mp.lab", "--helo", name];
    all.extend(arguments);
    let output = host.run("swaks", &all);
    let both = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}
