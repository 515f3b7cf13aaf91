//! Dialogues as text.
//!
//! ```text
//! # a remark
//! @ key value      what the ports say, see `doubles`
//! C: line          the client sends a line, ended by CRLF
//! C= bytes         the client sends bytes as they are, with \r \n \0 \xHH
//! C*N line         the client sends the line N times
//! S: line          the server's reply
//! TLS name         both shake hands, with this SNI; `-` is none
//! FIN              the client closes the connection
//! D: entry         what the desk and the relay were told, in order, over the whole dialogue
//! ```

use std::fs;
use std::path::Path;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Send(Vec<u8>),
    Expect(String),
    Tls(Option<String>),
    Fin,
}

#[derive(Clone, Debug)]
pub struct Script {
    pub name: String,
    pub setup: Vec<(String, String)>,
    pub steps: Vec<Step>,
    pub told: Vec<String>,
}

/// Every dialogue, by name.
pub fn all() -> Vec<Script> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues"))
}

/// Every dialogue of this folder, by name.
pub fn read(folder: &Path) -> Vec<Script> {
    let mut scripts: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            parse(name, &fs::read_to_string(path).unwrap())
        })
        .collect();
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!scripts.is_empty());
    scripts
}

fn parse(name: String, text: &str) -> Script {
    let mut script = Script {
        name,
        setup: Vec::new(),
        steps: Vec::new(),
        told: Vec::new(),
    };
    for line in text.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "" | "#" => {}
            "@" => {
                let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
                script.setup.push((key.to_owned(), value.to_owned()));
            }
            "C:" => script.send(format!("{rest}\r\n").into_bytes()),
            "C=" => script.send(unescape(rest)),
            "S:" => script.steps.push(Step::Expect(rest.to_owned())),
            "TLS" => {
                let sni = (rest != "-").then(|| rest.to_owned());
                script.steps.push(Step::Tls(sni));
            }
            "FIN" => script.steps.push(Step::Fin),
            "D:" => script.told.push(rest.to_owned()),
            repeated => {
                let times = repeated.strip_prefix("C*").map(str::parse::<usize>);
                let Some(Ok(times)) = times else {
                    panic!("{}: {line:?} is no step", script.name);
                };
                script.send(format!("{rest}\r\n").repeat(times).into_bytes());
            }
        }
    }
    script
}

impl Script {
    fn send(&mut self, bytes: Vec<u8>) {
        match self.steps.last_mut() {
            Some(Step::Send(before)) => before.extend(bytes),
            _ => self.steps.push(Step::Send(bytes)),
        }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (kind, behind) = escape.split_at(1);
        rest = behind;
        bytes.push(match kind {
            "r" => b'\r',
            "n" => b'\n',
            "0" => 0,
            "x" => {
                let (digits, behind) = behind.split_at(2);
                rest = behind;
                u8::from_str_radix(digits, 16).unwrap()
            }
            other => panic!("\\{other} is no escape"),
        });
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
