//! What the demo shows: a table that fills on a terminal, plain lines elsewhere.

use std::io::Write;

/// One sender's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its true policy.
    pub truth: String,
    /// Attempts made.
    pub attempts: u32,
    /// Connections seen of it.
    pub connections: usize,
    /// Where its test stands.
    pub state: String,
    /// The verdict, once there is one.
    pub verdict: Option<String>,
    /// Whether the result mail arrived.
    pub answered: bool,
}

impl Row {
    /// Whether the verdict is the truth, and was sent.
    pub fn is_right(&self) -> bool {
        self.answered && self.verdict.as_deref() == Some(&self.truth)
    }

    fn line(&self) -> String {
        let verdict = self.verdict.as_deref().unwrap_or("");
        let right = match &self.verdict {
            None => "",
            Some(verdict) if *verdict == self.truth => "right",
            Some(_) => "WRONG",
        };
        format!(
            "{:13} {:>8} {:>11}  {:9} {:13} {:6} {}",
            self.truth,
            self.attempts,
            self.connections,
            self.state,
            verdict,
            right,
            if self.answered { "arrived" } else { "" }
        )
    }
}

const HEAD: &str = "true policy   attempts connections  test      verdict              result mail";

/// Shows rows as they change.
pub struct Screen<'a, W: Write> {
    out: &'a mut W,
    terminal: bool,
    shown: Vec<Row>,
}

impl<'a, W: Write> Screen<'a, W> {
    /// A screen on this output.
    pub fn new(out: &'a mut W, terminal: bool) -> Self {
        Self {
            out,
            terminal,
            shown: Vec::new(),
        }
    }

    /// A line of its own.
    pub fn say(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    /// Shows the rows: on a terminal the whole table in its place, elsewhere what changed in state or verdict.
    pub fn update(&mut self, rows: &[Row]) {
        if self.terminal {
            if !self.shown.is_empty() {
                let _ = write!(self.out, "\x1b[{}A", self.shown.len() + 1);
            }
            let _ = writeln!(self.out, "\x1b[2K{HEAD}");
            for row in rows {
                let _ = writeln!(self.out, "\x1b[2K{}", row.line());
            }
        } else {
            if self.shown.is_empty() {
                let _ = writeln!(self.out, "{HEAD}");
            }
            for (index, row) in rows.iter().enumerate() {
                let before = self.shown.get(index);
                let news = before.is_none_or(|before| {
                    (&before.state, &before.verdict, before.answered)
                        != (&row.state, &row.verdict, row.answered)
                });
                if news && !row.state.is_empty() {
                    let _ = writeln!(self.out, "{}", row.line());
                }
            }
        }
        let _ = self.out.flush();
        self.shown = rows.to_vec();
    }

    /// The whole table once more, where it did not stay on the screen.
    pub fn finish(&mut self) {
        if !self.terminal {
            let _ = writeln!(self.out, "\n{HEAD}");
            for row in &self.shown {
                let _ = writeln!(self.out, "{}", row.line());
            }
        }
    }
}
