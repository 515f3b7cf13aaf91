//! Lines of a plain text that fit everywhere.

use super::sheet::Sheet;

/// Columns of a line (RFC 5322 2.1.1: should be at most 78).
pub(super) const WIDTH: usize = 78;

/// A text that grows line by line; no line is longer than [`WIDTH`].
#[derive(Default)]
pub(super) struct Lines(String);

impl Sheet for Lines {
    fn title(&mut self, text: &str) {
        self.paragraph(text);
        self.blank();
    }

    fn heading(&mut self, text: &str) {
        self.blank();
        self.paragraph(text);
        self.put(&"=".repeat(columns(text).min(WIDTH)));
        self.blank();
    }

    fn paragraph(&mut self, text: &str) {
        self.wrapped("", "", text);
    }

    fn point(&mut self, text: &str) {
        self.wrapped("- ", "  ", text);
    }

    fn inset(&mut self, text: &str) {
        self.wrapped("  ", "    ", text);
    }

    fn row(&mut self, label: &str, width: usize, text: &str) {
        let pad = width.saturating_sub(columns(label));
        let first = format!("  {label}:{} ", " ".repeat(pad));
        self.wrapped(&first, &" ".repeat(columns(&first)), text);
    }

    fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }
}

impl Lines {
    /// The text, without empty lines at its end.
    pub fn finish(mut self) -> String {
        self.0.truncate(self.0.trim_end().len());
        self.0.push('\n');
        self.0
    }

    fn put(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    /// Breaks at spaces; a word that fits no line is broken anywhere.
    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let room = WIDTH - columns(rest);
        let mut line = first.to_owned();
        let mut empty = true;
        for word in text
            .split_whitespace()
            .flat_map(|word| pieces(word, room.min(WIDTH - columns(first))))
        {
            if !empty && columns(&line) + 1 + columns(&word) > WIDTH {
                self.put(&line);
                rest.clone_into(&mut line);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(&word);
            empty = false;
        }
        self.put(&line);
    }
}

/// Columns of a text, one a character: the texts hold no wide ones, and names are ASCII.
fn columns(text: &str) -> usize {
    text.chars().count()
}

fn pieces(word: &str, room: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters
        .chunks(room.max(1))
        .map(|piece| piece.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_within_what_is_too_long() {
        let mut lines = Lines::default();
        lines.paragraph(&"abcdefghi ".repeat(9));
        lines.point(&"x".repeat(100));
        lines.row("Label", 10, &"word ".repeat(20));
        lines.inset("");
        let text = lines.finish();
        assert_eq!(
            text.lines().map(columns).collect::<Vec<_>>(),
            [69, 19, 78, 26, 78, 48],
            "{text}"
        );
        assert!(text.contains("\n  xxx"));
        assert!(text.ends_with("word\n"));
    }

    #[test]
    fn headings_stand_apart() {
        let mut lines = Lines::default();
        lines.heading("One");
        lines.blank();
        lines.heading("Two");
        assert_eq!(lines.finish(), "One\n===\n\nTwo\n===\n");
    }
}
