//! Waiting mails as they are kept: one octet that says the version, then postcard.

use super::queue::Item;
use crate::base::{Mailbox, TestId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The form written now.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct V1 {
    to: String,
    message: Vec<u8>,
    /// Milliseconds since 1970.
    queued: i64,
    /// Milliseconds since 1970.
    next: i64,
    attempts: u32,
    trouble: String,
}

/// The bytes to keep under the test's id.
pub(super) fn encode(item: &Item) -> Vec<u8> {
    let record = V1 {
        to: item.to.to_string(),
        message: item.message.to_vec(),
        queued: item.queued.as_millisecond(),
        next: item.next.as_millisecond(),
        attempts: item.attempts,
        trouble: item.trouble.clone(),
    };
    // Only a failing writer or an unsized sequence could make this fail; a vector and these fields are neither.
    postcard::to_extend(&record, vec![VERSION]).unwrap_or_default()
}

/// The mail kept under this key.
///
/// # Errors
/// Why it cannot be read: a newer program wrote it, or it is damaged.
pub(super) fn decode(key: &str, bytes: &[u8]) -> Result<Item, String> {
    let record: V1 = match bytes {
        [VERSION, rest @ ..] => postcard::from_bytes(rest).map_err(|error| error.to_string()),
        [version, ..] => Err(format!(
            "version {version}, and up to {VERSION} can be read"
        )),
        [] => Err("empty".to_owned()),
    }?;
    let time = |value| Timestamp::from_millisecond(value).map_err(|error| error.to_string());
    Ok(Item {
        test: key.parse::<TestId>()?,
        to: Mailbox::parse(&record.to).map_err(|error| error.to_string())?,
        message: Arc::from(record.message),
        queued: time(record.queued)?,
        next: time(record.next)?,
        attempts: record.attempts,
        trouble: record.trouble,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        Item {
            test: TestId::from_bits([3; 10]),
            to: "jim@example.net".parse().unwrap(),
            message: Arc::from(&b"Subject: x\r\n\r\n\xff"[..]),
            queued: "2026-11-23T22:51:04.5Z".parse().unwrap(),
            next: "2026-11-23T22:52:04.5Z".parse().unwrap(),
            attempts: 3,
            trouble: "später".to_owned(),
        }
    }

    #[test]
    fn mails_are_read_as_they_were_kept() {
        let item = item();
        assert_eq!(decode(item.test.as_str(), &encode(&item)), Ok(item));
    }

    /// A mail written by the first version; it must be read for ever.
    #[test]
    fn the_first_version_is_read() {
        let written = b"\x01\x05j@x.y\x02hi\x02\x04\x01\x03why";
        let read = decode("0000000000000000", written).unwrap();
        assert_eq!((&*read.message, read.attempts), (&b"hi"[..], 1));
        assert_eq!(read.to.to_string(), "j@x.y");
        assert_eq!(
            (read.queued.as_millisecond(), read.next.as_millisecond()),
            (1, 2)
        );
        assert_eq!(read.trouble, "why");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let good = encode(&item());
        for (key, bytes, why) in [
            ("x", &good[..], "not a test id"),
            ("0000000000000000", &good[..9], "end of buffer"),
            ("0000000000000000", &[7], "version 7"),
            ("0000000000000000", &[], "empty"),
        ] {
            let error = decode(key, bytes).unwrap_err();
            assert!(error.to_lowercase().contains(why), "{error}");
        }
    }
}
