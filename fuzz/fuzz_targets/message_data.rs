//! Message data: CRLF `.` CRLF ends it and nothing else does, for every cut; dots are unstuffed, flaws noted, and what is
//! too large is counted and dropped.
//!
//! Input: the limit, the longest line, the size of the pieces, then the bytes behind DATA.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailproof::spec::smtp::{DataReader, Flaw, Flaws, Message};

const END: &[u8] = b"\r\n.\r\n";

fuzz_target!(|input: &[u8]| {
    let [limit, longest, size, bytes @ ..] = input else {
        return;
    };
    let (limit, longest) = (usize::from(*limit), 2 + usize::from(*longest));
    let (taken, message) = read(limit, longest, bytes, bytes.len().max(1));
    let cut = read(limit, longest, bytes, 1 + usize::from(*size));
    assert_eq!((taken, &message), (cut.0, &cut.1));
    // The line end of DATA itself counts as the first one.
    let stream = [b"\r\n", bytes].concat();
    let end = stream.windows(END.len()).position(|five| five == END);
    assert_eq!(taken, end.map_or(bytes.len(), |end| end + END.len() - 2));
    let expected = end.map(|end| expected(&stream[..end + 2], limit, longest));
    assert_eq!(message, expected);
});

fn read(limit: usize, longest: usize, bytes: &[u8], size: usize) -> (usize, Option<Message>) {
    let mut reader = DataReader::new(limit, longest);
    let mut taken = 0;
    for piece in bytes.chunks(size) {
        let (used, message) = reader.feed(piece);
        taken += used;
        if message.is_some() {
            return (taken, message);
        }
        assert_eq!(used, piece.len());
    }
    (taken, None)
}

/// The message of these bytes, which begin and end with CRLF: the first one is DATA's.
fn expected(stream: &[u8], limit: usize, longest: usize) -> Message {
    let mut content = Vec::new();
    let mut flaws = Flaws::none();
    let mut line = 0;
    for index in 2..stream.len() {
        let byte = stream[index];
        let behind_line = &stream[index - 2..index] == b"\r\n";
        if behind_line {
            line = 0;
            if byte == b'.' {
                continue;
            }
        }
        content.push(byte);
        line += 1;
        let found = match byte {
            b'\n' if stream[index - 1] != b'\r' => Some(Flaw::BareLf),
            b'\r' if stream.get(index + 1) != Some(&b'\n') => Some(Flaw::BareCr),
            0 => Some(Flaw::Nul),
            _ => None,
        };
        found.into_iter().for_each(|flaw| flaws.add(flaw));
        if line > longest {
            flaws.add(Flaw::LongLine);
        }
    }
    let size = content.len() as u64;
    if content.len() > limit {
        content = Vec::new();
    }
    Message {
        content,
        size,
        flaws,
    }
}
