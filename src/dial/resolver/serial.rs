//! Which version of a zone one name server has, by its own word.

use super::cache::Cache;
use super::exchange::{Exchange, Question, Wish};
use crate::base::{Domain, limits};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use tokio::time::timeout;

/// Datagrams that may go unanswered.
const TRIES: u32 = 2;

/// Asks a name server for the serial of a zone of its own: over UDP, and over TCP where the answer is cut short, within
/// `limits::LOOKUP_TIMEOUT`. It is connected as written, from `source` where that can reach it.
///
/// # Errors
/// What it says or does instead, in words that follow "the name server 192.0.2.53"; the caller may ask again.
pub async fn serial(
    server: SocketAddr,
    source: Option<IpAddr>,
    zone: &Domain,
) -> Result<u32, String> {
    let owner = Name::from_ascii(format!("{zone}.")).map_err(|error| error.to_string())?;
    let exchange = Exchange::new(vec![server], source, Cache::new(0));
    let question = Question::new(&owner, RecordType::SOA, Wish::Authoritative);
    let silent = || "does not answer".to_owned();
    let ask = async {
        let mut why = silent();
        for _ in 0..TRIES {
            match exchange.ask_one(server, &question).await {
                Ok(message) => return read(&message, &owner),
                Err(error) if error.kind() == ErrorKind::TimedOut => why = silent(),
                Err(error) => why = format!("cannot be asked: {error}"),
            }
        }
        Err(why)
    };
    timeout(limits::LOOKUP_TIMEOUT, ask)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// The serial in an answer.
fn read(message: &Message, owner: &Name) -> Result<u32, String> {
    let code = message.metadata.response_code;
    if code != ResponseCode::NoError {
        let code = format!("{code:?}").to_ascii_uppercase();
        return Err(format!("answers {code} for {owner}"));
    }
    if !message.metadata.authoritative {
        return Err(format!("is not authoritative for {owner}"));
    }
    let serial = message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa) if record.name == *owner => Some(soa.serial),
            _ => None,
        });
    serial.ok_or_else(|| format!("has no zone {owner}"))
}
