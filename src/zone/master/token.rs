//! A master file cut into entries of tokens: comments, quotes and parentheses are gone (RFC 1035 5.1).

use super::MasterError;

/// A word of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The word without quotes, escapes still in it.
    pub text: String,
    /// Whether it stood in quotes.
    pub quoted: bool,
}

/// The words of a line, or of several where parentheses join them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of its first line, from 1.
    pub number: usize,
    /// Whether it begins with a blank: its owner is that of the entry before.
    pub indented: bool,
    /// Its words; at least one.
    pub tokens: Vec<Token>,
}

/// Cuts the text.
pub(super) fn lines(file: &str, text: &str) -> Result<Vec<Line>, MasterError> {
    let mut cutter = Cutter {
        file,
        number: 1,
        first: 1,
        indented: false,
        open: None,
        tokens: Vec::new(),
        lines: Vec::new(),
    };
    for line in text.lines() {
        cutter.line(line)?;
        cutter.number += 1;
    }
    if let Some(number) = cutter.open {
        return Err(MasterError::new(
            file,
            number,
            "the parenthesis is never closed",
        ));
    }
    Ok(cutter.lines)
}

struct Cutter<'a> {
    file: &'a str,
    number: usize,
    first: usize,
    indented: bool,
    /// The line of the open parenthesis.
    open: Option<usize>,
    tokens: Vec<Token>,
    lines: Vec<Line>,
}

impl Cutter<'_> {
    fn line(&mut self, line: &str) -> Result<(), MasterError> {
        if self.open.is_none() {
            self.first = self.number;
            self.indented = line.starts_with([' ', '\t']);
        }
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            match character {
                ' ' | '\t' => rest = &rest[1..],
                ';' => break,
                '"' => rest = self.quoted(&rest[1..])?,
                '(' if self.open.is_some() => {
                    return Err(self.wrong("a parenthesis inside a parenthesis"));
                }
                '(' => {
                    self.open = Some(self.number);
                    rest = &rest[1..];
                }
                ')' => {
                    if self.open.take().is_none() {
                        return Err(self.wrong("the parenthesis was never opened"));
                    }
                    rest = &rest[1..];
                }
                _ => rest = self.word(rest)?,
            }
        }
        if self.open.is_none() && !self.tokens.is_empty() {
            self.lines.push(Line {
                number: self.first,
                indented: self.indented,
                tokens: std::mem::take(&mut self.tokens),
            });
        }
        Ok(())
    }

    /// Takes the string up to its closing quote; returns what follows.
    fn quoted<'t>(&mut self, text: &'t str) -> Result<&'t str, MasterError> {
        let end = self
            .end(text, |character| character == '"')?
            .ok_or_else(|| self.wrong("the quote is never closed on its line"))?;
        self.push(&text[..end], true);
        Ok(&text[end + 1..])
    }

    fn word<'t>(&mut self, text: &'t str) -> Result<&'t str, MasterError> {
        let end = self
            .end(text, |character| " \t;()\"".contains(character))?
            .unwrap_or(text.len());
        self.push(&text[..end], false);
        Ok(&text[end..])
    }

    /// Where the first such character stands that is not escaped.
    fn end(&self, text: &str, stop: impl Fn(char) -> bool) -> Result<Option<usize>, MasterError> {
        let mut escaped = false;
        for (place, character) in text.char_indices() {
            if !escaped && stop(character) {
                return Ok(Some(place));
            }
            if !character.is_ascii() || (character.is_ascii_control() && character != '\t') {
                return Err(self.wrong("only printable ASCII is allowed here; others as \\DDD"));
            }
            escaped = !escaped && character == '\\';
        }
        Ok(None)
    }

    fn push(&mut self, text: &str, quoted: bool) {
        self.tokens.push(Token {
            text: text.to_owned(),
            quoted,
        });
    }

    fn wrong(&self, what: &str) -> MasterError {
        MasterError::new(self.file, self.number, what)
    }
}
