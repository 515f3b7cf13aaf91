//! Why an answer is bogus, as far as the answer itself shows it: in words, for people. Decides nothing.

use super::validate::signs;
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, Record, RecordType, SerialNumber};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why the answer about this name is bogus.
pub(super) fn bogus(message: &Message, name: &Name, kind: RecordType) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    // Dates in signatures are modulo 2^32 (RFC 4034 3.1.5).
    let now = SerialNumber::new((now & 0xffff_ffff) as u32);
    let (section, what) = if message.answers.is_empty() {
        (&message.authorities, "the denial of")
    } else {
        (&message.answers, "the answer to")
    };
    let why = explain(section, now);
    format!("DNSSEC: {what} {name} {kind} {why}")
}

/// What is wrong with the signatures of these records.
fn explain(records: &[Record], now: SerialNumber) -> &'static str {
    let mut inputs = records.iter().filter_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input()),
        _ => None,
    });
    if !records.iter().any(|record| signs(record).is_some()) {
        return "has no signature, though its zone is signed";
    }
    let expired = |input: &hickory_proto::dnssec::rdata::sig::SigInput| input.sig_expiration < now;
    if inputs.clone().any(expired) {
        return "has an expired signature";
    }
    if inputs.any(|input| input.sig_inception > now) {
        return "has a signature that is not yet valid";
    }
    "does not fit its signature, or its zone's keys do not fit the parent's DS records"
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::dnssec::Algorithm;
    use hickory_proto::dnssec::rdata::{RRSIG, sig::SigInput};
    use hickory_proto::rr::rdata::A;

    #[test]
    fn the_dates_of_the_signatures_tell() {
        let name = Name::from_ascii("mx.example.").unwrap();
        for (dates, expected) in [
            (None, "no signature"),
            (Some((100, 900)), "expired"),
            (Some((2000, 3000)), "not yet valid"),
            (Some((100, 2000)), "does not fit"),
        ] {
            let address = RData::A(A::new(192, 0, 2, 1));
            let mut records = vec![Record::from_rdata(name.clone(), 60, address)];
            if let Some((inception, expiration)) = dates {
                let input = SigInput {
                    type_covered: RecordType::A,
                    algorithm: Algorithm::ECDSAP256SHA256,
                    num_labels: 2,
                    original_ttl: 60,
                    sig_expiration: SerialNumber::new(expiration),
                    sig_inception: SerialNumber::new(inception),
                    key_tag: 1,
                    signer_name: name.clone(),
                };
                let signature = RRSIG::from_sig(input, vec![0; 64]);
                let data = RData::DNSSEC(DNSSECRData::RRSIG(signature));
                records.push(Record::from_rdata(name.clone(), 60, data));
            }
            let found = explain(&records, SerialNumber::new(1000));
            assert!(found.contains(expected), "{found}");
        }
    }
}
