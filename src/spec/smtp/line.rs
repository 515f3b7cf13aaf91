//! From bytes to command lines (RFC 5321 2.3.8): only CRLF ends a line; everything else is noted.
//!
//! Holds one unfinished line, never more than the limit given; the rest of a longer one is counted and dropped.

/// What is wrong with a line or with message data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A line feed without a carriage return before it.
    BareLf,
    /// A carriage return without a line feed behind it.
    BareCr,
    /// A line longer than allowed.
    LongLine,
    /// A NUL.
    Nul,
    /// An octet beyond ASCII.
    EightBit,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 5] = [
        Self::BareLf,
        Self::BareCr,
        Self::LongLine,
        Self::Nul,
        Self::EightBit,
    ];

    /// The name under which it is noted.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BareLf => "bare-lf",
            Self::BareCr => "bare-cr",
            Self::LongLine => "long-line",
            Self::Nul => "nul",
            Self::EightBit => "eight-bit",
        }
    }
}

/// A set of flaws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws(u8);

impl Flaws {
    /// No flaws.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// Notes a flaw.
    pub const fn add(&mut self, flaw: Flaw) {
        self.0 |= 1 << flaw as u8;
    }

    /// Whether the flaw was noted.
    #[must_use]
    pub const fn has(self, flaw: Flaw) -> bool {
        self.0 & (1 << flaw as u8) != 0
    }

    /// The flaws noted.
    pub fn iter(self) -> impl Iterator<Item = Flaw> {
        Flaw::ALL.into_iter().filter(move |flaw| self.has(*flaw))
    }
}

/// A line without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The octets before CRLF, at most those that were allowed.
    pub octets: Vec<u8>,
    /// What is wrong with it.
    pub flaws: Flaws,
}

impl Line {
    /// The text, when the line may be understood at all: ended by CRLF, not too long, without NUL or a bare CR, and UTF-8.
    ///
    /// # Errors
    /// The flaw that forbids it.
    pub fn text(&self) -> Result<&str, Flaw> {
        let fatal = [Flaw::LongLine, Flaw::BareLf, Flaw::BareCr, Flaw::Nul];
        match fatal.into_iter().find(|flaw| self.flaws.has(*flaw)) {
            Some(flaw) => Err(flaw),
            None => std::str::from_utf8(&self.octets).map_err(|_| Flaw::EightBit),
        }
    }
}

/// Cuts a stream of bytes into lines.
#[derive(Clone, Debug)]
pub struct LineReader {
    limit: usize,
    line: Line,
    after_cr: bool,
}

impl LineReader {
    /// A reader of lines of at most `limit` octets, CRLF included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Line::default(),
            after_cr: false,
        }
    }

    /// Takes bytes up to the end of a line. Returns how many were taken, and the line once it is whole.
    pub fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Line>) {
        for (index, byte) in bytes.iter().enumerate() {
            if let Some(line) = self.octet(*byte) {
                return (index + 1, Some(line));
            }
        }
        (bytes.len(), None)
    }

    /// Whether part of a line has come.
    #[must_use]
    pub fn is_inside_line(&self) -> bool {
        self.after_cr || !self.line.octets.is_empty()
    }

    fn octet(&mut self, byte: u8) -> Option<Line> {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        if byte == b'\n' {
            if !after_cr {
                self.line.flaws.add(Flaw::BareLf);
            }
            return Some(std::mem::take(&mut self.line));
        }
        if after_cr {
            self.line.flaws.add(Flaw::BareCr);
            self.keep(b'\r');
        }
        match byte {
            b'\r' => return None,
            0 => self.line.flaws.add(Flaw::Nul),
            128.. => self.line.flaws.add(Flaw::EightBit),
            _ => {}
        }
        self.keep(byte);
        None
    }

    fn keep(&mut self, byte: u8) {
        if self.line.octets.len() + 2 < self.limit {
            self.line.octets.push(byte);
        } else {
            self.line.flaws.add(Flaw::LongLine);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line and its flaws.
    type Cut = (&'static [u8], &'static [&'static str]);

    fn lines(bytes: &[u8], chunk: usize) -> Vec<(Vec<u8>, Vec<&'static str>)> {
        let mut reader = LineReader::new(12);
        let mut found = Vec::new();
        for mut piece in bytes.chunks(chunk) {
            while !piece.is_empty() {
                let (taken, line) = reader.feed(piece);
                piece = &piece[taken..];
                found.extend(line.map(|l| (l.octets, l.flaws.iter().map(Flaw::code).collect())));
            }
        }
        found
    }

    #[test]
    fn only_crlf_ends_a_line_without_a_flaw() {
        let rows: [(&[u8], &[Cut]); 8] = [
            (b"NOOP\r\nQUIT\r\n", &[(b"NOOP", &[]), (b"QUIT", &[])]),
            (b"\r\n", &[(b"", &[])]),
            (b"NOOP\n", &[(b"NOOP", &["bare-lf"])]),
            (b"NO\rOP\r\n", &[(b"NO\rOP", &["bare-cr"])]),
            (b"NOOP\r\r\n", &[(b"NOOP\r", &["bare-cr"])]),
            (b"N\0OP\r\n", &[(b"N\0OP", &["nul"])]),
            (b"N\xffOP\r\n", &[(b"N\xffOP", &["eight-bit"])]),
            (
                b"0123456789\r\n0123456789a\r\nx",
                &[(b"0123456789", &[]), (b"0123456789", &["long-line"])],
            ),
        ];
        for (bytes, expected) in rows {
            let expected: Vec<_> = expected
                .iter()
                .map(|(octets, flaws)| (octets.to_vec(), flaws.to_vec()))
                .collect();
            for chunk in 1..=bytes.len() {
                assert_eq!(lines(bytes, chunk), expected, "{bytes:?} by {chunk}");
            }
        }
    }

    #[test]
    fn a_flawed_line_has_no_text() {
        for (bytes, text) in [
            (&b"NOOP\r\n"[..], Ok("NOOP")),
            (b"NOOP\n", Err(Flaw::BareLf)),
            (b"\xc3\xbc\r\n", Ok("ü")),
            (b"\xff\r\n", Err(Flaw::EightBit)),
        ] {
            let (_, line) = LineReader::new(100).feed(bytes);
            assert_eq!(line.unwrap().text(), text);
        }
    }
}
