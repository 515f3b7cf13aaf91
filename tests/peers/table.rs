//! The README's table of the senders: what was seen, written by the run that saw it.

use super::senders::{Outcome, Sender, senders};
use std::fmt::Write as _;
use std::fs;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const HEAD: &str = "\
| sender | setting | verdict on a shared address | verdict with own addresses | attempts (shared/own) |
|---|---|---|---|---|
";
/// The lines around the table.
const MARKS: [&str; 2] = [
    "<!-- written by the tests -->\n",
    "<!-- end of what they write -->\n",
];

/// The attempts that a sender's two tests took.
pub type Attempts = [u64; 2];

/// The table of these attempts, one pair a sender.
pub fn table(attempts: &[Attempts]) -> String {
    let mut table = HEAD.to_owned();
    for (sender, [shared, own]) in senders().zip(attempts) {
        writeln!(table, "{} {shared}/{own} |", fixed(sender)).unwrap();
    }
    table
}

/// Writes it into the README where that is wished.
pub fn keep(table: &str) {
    if wished() {
        let text = fs::read_to_string(README).unwrap();
        let [before, _, after] = parts(&text);
        let [start, end] = MARKS;
        fs::write(README, format!("{before}{start}{table}{end}{after}")).unwrap();
    }
}

fn wished() -> bool {
    std::env::var("MAILPROOF_GOLDEN").is_ok_and(|wish| wish == "write")
}

/// What stands before, between and after the marks.
fn parts(text: &str) -> [&str; 3] {
    let [start, end] = MARKS;
    let (before, rest) = text.split_once(start).expect("the table's first mark");
    let (table, after) = rest.split_once(end).expect("the table's last mark");
    [before, table, after]
}

/// All of a row but the attempts, which differ from run to run.
fn fixed(sender: &Sender) -> String {
    let (product, _) = sender.mta.product();
    let quoted = |settings: &str| -> String {
        let lines = settings.lines().map(|line| format!("`{}`", line.trim()));
        lines.collect::<Vec<_>>().join(", ")
    };
    let mut settings = match sender.mta.settings() {
        "" => "as Debian has it".to_owned(),
        settings => quoted(settings),
    };
    if !sender.resolver.is_empty() {
        write!(settings, "; its Unbound: {}", quoted(sender.resolver)).unwrap();
    }
    let (shared, own) = (verdict(&sender.shared), verdict(&sender.own));
    format!("| {product} | {settings} | {shared} | {own} |")
}

fn verdict(outcome: &Outcome) -> String {
    match outcome.verdict {
        [policy] => (*policy).to_owned(),
        candidates => format!("undetermined: {}", candidates.join(" or ")),
    }
}

#[test]
fn the_readme_says_of_the_senders_what_the_rows_say() {
    if wished() {
        return;
    }
    let text = fs::read_to_string(README).unwrap();
    let [_, table, _] = parts(&text);
    let rows = table.strip_prefix(HEAD).expect("the table's head");
    let mut found = Vec::new();
    for row in rows.lines() {
        let (fixed, attempts) = row.trim_end_matches(" |").rsplit_once(' ').unwrap();
        let numbers = attempts.split('/').map(str::parse::<u64>);
        assert_eq!(numbers.filter(Result::is_ok).count(), 2, "{row}");
        found.push(fixed.to_owned());
    }
    let expected: Vec<_> = senders().map(fixed).collect();
    assert_eq!(found, expected, "MAILPROOF_GOLDEN=write make test-peers");
}
