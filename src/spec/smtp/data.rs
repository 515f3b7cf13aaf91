//! Message data (RFC 5321 4.1.1.4 and 4.5.2): a machine over bytes that ends on CRLF `.` CRLF and on nothing else.
//!
//! Started in the state behind a CRLF, so that an empty message ends like any other. It unstuffs dots, notes what is
//! wrong, and counts octets beyond the limit without keeping them.

use super::line::{Flaw, Flaws};

/// What came between DATA and the final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The content, without stuffed dots and the final dot; empty when it was larger than the limit.
    pub content: Vec<u8>,
    /// Octets of the content, kept or not.
    pub size: u64,
    /// What is wrong with it.
    pub flaws: Flaws,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Behind a CRLF, where a dot is special.
    LineStart,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind a dot and CR at the start of a line.
    DotCr,
    /// Within a line.
    Text,
    /// Behind a CR within a line.
    Cr,
}

/// Reads the data of one message.
#[derive(Clone, Debug)]
pub struct DataReader {
    state: State,
    limit: usize,
    text_line: usize,
    line: usize,
    message: Message,
}

impl DataReader {
    /// A reader that keeps at most `limit` octets and notes lines longer than `text_line` octets, CRLF included.
    #[must_use]
    pub const fn new(limit: usize, text_line: usize) -> Self {
        Self {
            state: State::LineStart,
            limit,
            text_line,
            line: 0,
            message: Message {
                content: Vec::new(),
                size: 0,
                flaws: Flaws::none(),
            },
        }
    }

    /// Takes bytes up to the end of the message. Returns how many were taken, and the message once it is whole.
    pub fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Message>) {
        let mut index = 0;
        while let Some(byte) = bytes.get(index) {
            index += 1;
            if self.octet(*byte) {
                return (index, Some(self.finish()));
            }
            if self.state == State::Text {
                let plain = bytes[index..]
                    .iter()
                    .take_while(|byte| !matches!(byte, b'\r' | b'\n' | 0))
                    .count();
                self.keep(&bytes[index..index + plain]);
                index += plain;
            }
        }
        (bytes.len(), None)
    }

    /// One step of the machine; `true` at the end of the message.
    fn octet(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (State::LineStart, b'.') => State::Dot,
            (State::Dot, b'\r') => State::DotCr,
            (State::DotCr, b'\n') => return true,
            (State::Cr, b'\n') => {
                self.keep(b"\r\n");
                self.line = 0;
                State::LineStart
            }
            (before, byte) => {
                if matches!(before, State::Cr | State::DotCr) {
                    self.message.flaws.add(Flaw::BareCr);
                    self.keep(b"\r");
                }
                self.text(byte)
            }
        };
        false
    }

    fn text(&mut self, byte: u8) -> State {
        match byte {
            b'\r' => return State::Cr,
            b'\n' => self.message.flaws.add(Flaw::BareLf),
            0 => self.message.flaws.add(Flaw::Nul),
            _ => {}
        }
        self.keep(&[byte]);
        State::Text
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.line += bytes.len();
        if self.line > self.text_line {
            self.message.flaws.add(Flaw::LongLine);
        }
        self.message.size += bytes.len() as u64;
        if self.message.size <= self.limit as u64 {
            self.message.content.extend_from_slice(bytes);
        } else {
            self.message.content = Vec::new();
        }
    }

    fn finish(&mut self) -> Message {
        Message {
            content: std::mem::take(&mut self.message.content),
            ..self.message
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, the content they carry if they end, the flaws.
    type Row = (
        &'static [u8],
        Option<&'static [u8]>,
        &'static [&'static str],
    );

    fn read(bytes: &[u8], chunk: usize) -> Option<(Message, usize)> {
        let mut reader = DataReader::new(20, 10);
        let mut taken = 0;
        for piece in bytes.chunks(chunk) {
            let (used, message) = reader.feed(piece);
            taken += used;
            if let Some(message) = message {
                return Some((message, taken));
            }
        }
        None
    }

    #[test]
    fn the_end_is_a_dot_between_two_crlf_and_nothing_else() {
        let rows: [Row; 17] = [
            (b".\r\n", Some(b""), &[]),
            (b"a\r\n.\r\n", Some(b"a\r\n"), &[]),
            (b"..a\r\n.\r\n", Some(b".a\r\n"), &[]),
            (b"...\r\n.\r\n", Some(b"..\r\n"), &[]),
            (b".a\r\n.\r\n", Some(b"a\r\n"), &[]),
            (b"a.\r\n.\r\n", Some(b"a.\r\n"), &[]),
            (b"a\n.\n", None, &[]),
            (b"a\n.\r\n", None, &[]),
            (b"a\r\n.\n", None, &[]),
            (b"a\r.\r", None, &[]),
            (b"a\r\n.\r\r\n", None, &[]),
            (b"a\r.\r\n", None, &[]),
            (b"a\n.\r\n\r\n.\r\n", Some(b"a\n.\r\n\r\n"), &["bare-lf"]),
            (b"a\r\n.\r\r\n.\r\n", Some(b"a\r\n\r\r\n"), &["bare-cr"]),
            (b"a\r\r\n.\r\n", Some(b"a\r\r\n"), &["bare-cr"]),
            (b"a\0b\r\n.\r\n", Some(b"a\0b\r\n"), &["nul"]),
            (
                b"0123456789\r\n.\r\n",
                Some(b"0123456789\r\n"),
                &["long-line"],
            ),
        ];
        for (bytes, content, flaws) in rows {
            for chunk in 1..=bytes.len() {
                let message = read(bytes, chunk);
                let found = message.as_ref().map(|(m, _)| m.content.as_slice());
                assert_eq!(found, content, "{bytes:?} by {chunk}");
                let Some((message, taken)) = message else {
                    continue;
                };
                assert_eq!(taken, bytes.len());
                let noted: Vec<_> = message.flaws.iter().map(Flaw::code).collect();
                assert_eq!(noted, flaws, "{bytes:?} by {chunk}");
                assert_eq!(message.size, message.content.len() as u64);
            }
        }
    }

    #[test]
    fn what_is_too_large_is_counted_and_dropped() {
        let bytes = [b"01234567\r\n".repeat(3), b".\r\n".to_vec()].concat();
        for chunk in 1..=bytes.len() {
            let (message, _) = read(&bytes, chunk).unwrap();
            assert_eq!((message.size, message.content.len()), (30, 0));
        }
    }

    #[test]
    fn bytes_behind_the_end_are_left() {
        let (taken, message) = DataReader::new(20, 10).feed(b"a\r\n.\r\nQUIT\r\n");
        assert_eq!((taken, message.is_some()), (6, true));
    }
}
