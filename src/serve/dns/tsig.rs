//! Signed queries and their responses (RFC 8945). Keys, clock and messages are handed in.
//!
//! Nothing here decides what a signed query may ask for.

use super::question::HEADER;
use hickory_proto::ProtoError;
use hickory_proto::rr::rdata::tsig::{
    TSIG, TsigAlgorithm, TsigError, make_tsig_record, signed_bitmessage_to_buf,
};
use hickory_proto::rr::{DNSClass, Name, TSigner};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};
use std::fmt;

/// How far the clock of who reads a response may be off, in seconds (RFC 8945 10).
const FUDGE: u16 = 300;
/// Octets of a truncated MAC at least (RFC 8945 5.2.2.1), unless half of the whole is more.
const LEAST_MAC: usize = 10;

/// A key whose holder may fetch our zones.
#[derive(Clone)]
pub struct TransferKey(pub TSigner);

/// Without the secret.
impl fmt::Debug for TransferKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransferKey({})", self.0.signer_name())
    }
}

/// How the messages that answer one signed query are signed.
#[derive(Clone)]
pub(super) struct Session {
    name: Name,
    algorithm: TsigAlgorithm,
    /// `None`: the key or the MAC was wrong, so that the response has an empty MAC (RFC 8945 5.3.2).
    signer: Option<TSigner>,
    /// Of the query, then of each message as it is signed.
    mac: Vec<u8>,
    first: bool,
    fault: Option<TsigError>,
    /// When the query was signed, in seconds.
    time: u64,
}

impl Session {
    /// Whether the query is from who holds the key, just now and as it was sent.
    pub(super) const fn is_valid(&self) -> bool {
        self.fault.is_none()
    }

    /// Appends TSIG to a message, behind the messages signed before (RFC 8945 5.3.1).
    ///
    /// # Errors
    /// When it cannot be encoded; the message is of no use then.
    pub(super) fn sign(&mut self, message: &mut Vec<u8>, now: u64) -> Result<(), ProtoError> {
        let short = || ProtoError::from("a message without a header");
        let (id, additional) = match *message.as_slice() {
            [a, b, .., _, _] if message.len() >= HEADER => (
                u16::from_be_bytes([a, b]),
                u16::from_be_bytes([message[10], message[11]]),
            ),
            _ => return Err(short()),
        };
        let late = self.fault == Some(TsigError::BadTime);
        let (time, other) = if late {
            // Six octets of our time (RFC 8945 5.2.3).
            (self.time, now.to_be_bytes()[2..].to_vec())
        } else {
            (now, Vec::new())
        };
        let algorithm = self.algorithm.clone();
        let stub = TSIG::new(algorithm, time, FUDGE, Vec::new(), id, self.fault, other);
        if let Some(signer) = &self.signer {
            let signed = if self.first {
                signer.encode_response_tbs(&self.mac, message, &stub)?
            } else {
                let length = u16::try_from(self.mac.len()).unwrap_or_default();
                let mut signed = [&length.to_be_bytes(), &self.mac[..], message].concat();
                signed.extend(&time.to_be_bytes()[2..]);
                signed.extend(FUDGE.to_be_bytes());
                signed
            };
            self.mac = signer
                .sign(&signed)
                .map_err(|error| ProtoError::from(error.to_string()))?;
        }
        self.first = false;
        let record = make_tsig_record(self.name.clone(), stub.set_mac(self.mac.clone()));
        let mut octets = Vec::new();
        record.emit(&mut BinEncoder::new(&mut octets))?;
        message.extend(octets);
        message[10..HEADER].copy_from_slice(&(additional + 1).to_be_bytes());
        Ok(())
    }
}

/// Looks at the TSIG record of a query (RFC 8945 5.2): the query without it, and how to sign what answers it, which is
/// NOTAUTH where it is not valid. `None` when it is malformed.
pub(super) fn check(query: &[u8], keys: &[TransferKey], now: u64) -> Option<(Vec<u8>, Session)> {
    let (mut signed, record) = signed_bitmessage_to_buf(query, None, true).ok()?;
    // The library forgets the bit that has no meaning yet.
    signed.get_mut(2..4)?.copy_from_slice(query.get(2..4)?);
    if record.dns_class != DNSClass::ANY || record.ttl != 0 {
        return None;
    }
    let tsig = record.data;
    let mut variables = Vec::new();
    tsig.emit_tsig_for_mac(&mut BinEncoder::new(&mut variables), &record.name)
        .ok()?;
    let mut bare = signed
        .get(..signed.len().checked_sub(variables.len())?)?
        .to_vec();
    bare.get_mut(..2)?.copy_from_slice(query.get(..2)?);
    let mut session = Session {
        name: record.name,
        algorithm: tsig.algorithm,
        signer: None,
        mac: Vec::new(),
        first: true,
        fault: Some(TsigError::BadKey),
        time: tsig.time,
    };
    let same = |algorithm: &TsigAlgorithm| algorithm.to_name() == session.algorithm.to_name();
    let known = keys
        .iter()
        .map(|key| &key.0)
        .find(|signer| *signer.signer_name() == session.name && same(signer.algorithm()));
    let Some(signer) = known else {
        return Some((bare, session));
    };
    let whole = signer.sign(&signed).ok()?;
    let least = LEAST_MAC.max(whole.len() / 2);
    if !(least..=whole.len()).contains(&tsig.mac.len()) {
        return None;
    }
    // Every octet is looked at, so that the time that it takes tells nothing.
    let different = whole
        .iter()
        .zip(&tsig.mac)
        .fold(0, |all, (a, b)| all | a ^ b);
    if different != 0 {
        session.fault = Some(TsigError::BadSig);
        return Some((bare, session));
    }
    session.fault = if now.abs_diff(tsig.time) > u64::from(tsig.fudge) {
        Some(TsigError::BadTime)
    } else {
        (tsig.mac.len() < whole.len()).then_some(TsigError::BadTrunc)
    };
    session.mac = tsig.mac;
    session.signer = Some(signer.clone());
    Some((bare, session))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use hickory_proto::op::{Message, MessageType, OpCode, Query};
    use hickory_proto::rr::{Record, RecordType};

    pub(in super::super) const NOW: u64 = 1_800_000_000;

    pub(in super::super) fn key(name: &str, algorithm: TsigAlgorithm) -> TransferKey {
        let name = Name::from_ascii(name).unwrap();
        TransferKey(TSigner::new(vec![7; 32], algorithm, name, 300).unwrap())
    }

    fn query() -> Message {
        let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
        let name = Name::from_ascii("et.lab.").unwrap();
        message.add_query(Query::query(name, RecordType::AXFR));
        message
    }

    /// The query signed, with this done to its TSIG record before it is encoded.
    fn signed(key: &TransferKey, time: u64, change: impl Fn(&mut Record<TSIG>)) -> Vec<u8> {
        let mut message = query();
        let (mut record, _) = key.0.sign_message(&message, time).unwrap();
        change(&mut record);
        message.set_signature(record);
        message.to_vec().unwrap()
    }

    /// What is asked with which key, how many seconds from now it was signed, what is done to the signature, and the
    /// fault that is found; `None` for what is malformed.
    type Row = (
        &'static str,
        usize,
        i64,
        fn(&mut Record<TSIG>),
        Option<Option<TsigError>>,
    );

    /// Keys: three of ours, and two that are not.
    const KEYS: [(&str, TsigAlgorithm); 5] = [
        ("a.example.", TsigAlgorithm::HmacSha256),
        ("b.example.", TsigAlgorithm::HmacSha384),
        ("c.example.", TsigAlgorithm::HmacSha512),
        ("d.example.", TsigAlgorithm::HmacSha256),
        ("a.example.", TsigAlgorithm::HmacSha512),
    ];

    const BAD_TIME: Option<Option<TsigError>> = Some(Some(TsigError::BadTime));
    const BAD_KEY: Option<Option<TsigError>> = Some(Some(TsigError::BadKey));
    const BAD_SIG: Option<Option<TsigError>> = Some(Some(TsigError::BadSig));
    const BAD_TRUNC: Option<Option<TsigError>> = Some(Some(TsigError::BadTrunc));

    fn upper(tsig: &mut Record<TSIG>) {
        tsig.name = Name::from_ascii("A.Example.").unwrap();
        tsig.data.algorithm = TsigAlgorithm::Unknown(Name::from_ascii("HMAC-SHA256").unwrap());
    }

    const ROWS: &[Row] = &[
        ("sha256", 0, 0, |_| {}, Some(None)),
        ("sha384", 1, 0, |_| {}, Some(None)),
        ("sha512", 2, 0, |_| {}, Some(None)),
        ("early", 0, -300, |_| {}, Some(None)),
        ("late", 0, 300, |_| {}, Some(None)),
        ("too early", 0, -301, |_| {}, BAD_TIME),
        (
            "at the beginning of time",
            0,
            1 - NOW as i64,
            |_| {},
            BAD_TIME,
        ),
        ("another name", 3, 0, |_| {}, BAD_KEY),
        ("another algorithm", 4, 0, |_| {}, BAD_KEY),
        (
            "no algorithm of ours",
            0,
            0,
            |tsig| tsig.data.algorithm = TsigAlgorithm::HmacMd5,
            BAD_KEY,
        ),
        ("upper case", 0, 0, upper, Some(None)),
        ("another MAC", 0, 0, |tsig| tsig.data.mac[31] ^= 1, BAD_SIG),
        (
            "truncated",
            0,
            0,
            |tsig| tsig.data.mac.truncate(16),
            BAD_TRUNC,
        ),
        (
            "truncated too far",
            0,
            0,
            |tsig| tsig.data.mac.truncate(15),
            None,
        ),
        ("too long", 0, 0, |tsig| tsig.data.mac.push(0), None),
    ];

    #[test]
    fn each_fault_has_its_error_and_only_who_holds_the_key_gets_a_mac() {
        let keys = KEYS.map(|(name, algorithm)| key(name, algorithm));
        for (what, number, later, change, expected) in ROWS {
            let time = NOW.checked_add_signed(*later).unwrap();
            let query = signed(&keys[*number], time, change);
            let checked = check(&query, &keys[..3], NOW);
            let fault = checked.as_ref().map(|(_, session)| session.fault);
            assert_eq!(fault, *expected, "{what}");
            let Some((bare, mut session)) = checked else {
                continue;
            };
            assert_eq!(bare, self::query().to_vec().unwrap(), "{what}");
            let mut response = bare;
            response[2] |= 0x80;
            session.sign(&mut response, NOW).unwrap();
            let response = Message::from_vec(&response).unwrap();
            let tsig = &response.signature().unwrap().data;
            assert_eq!(tsig.error, session.fault, "{what}");
            let anonymous = matches!(session.fault, Some(TsigError::BadKey | TsigError::BadSig));
            assert_eq!(tsig.mac.is_empty(), anonymous, "{what}");
            let late = session.fault == Some(TsigError::BadTime);
            let (time, other) = if late { (time, 6) } else { (NOW, 0) };
            assert_eq!((tsig.time, tsig.other.len()), (time, other), "{what}");
        }
    }

    #[test]
    fn every_message_is_signed_behind_the_one_before() {
        let keys = [key("a.example.", TsigAlgorithm::HmacSha256)];
        let (record, verifier) = keys[0].0.sign_message(&query(), NOW).unwrap();
        let (mut message, mut verifier) = (query(), verifier.unwrap());
        message.set_signature(record);
        let (bare, mut session) = check(&message.to_vec().unwrap(), &keys, NOW).unwrap();
        for later in [0, 1, 2, 100] {
            let mut response = bare.clone();
            response[2] |= 0x80;
            session.sign(&mut response, NOW + later).unwrap();
            assert!(verifier.verify(&response).is_ok(), "{later} seconds later");
            let mut other = response.clone();
            other[5] ^= 1;
            assert!(verifier.verify(&other).is_err());
        }
    }

    #[test]
    fn what_is_cut_off_or_not_signed_is_malformed() {
        let keys = [key("a.example.", TsigAlgorithm::HmacSha256)];
        let whole = signed(&keys[0], NOW, |_| {});
        for length in 0..whole.len() {
            assert!(check(&whole[..length], &keys, NOW).is_none(), "{length}");
        }
        assert!(check(&query().to_vec().unwrap(), &keys, NOW).is_none());
    }
}
