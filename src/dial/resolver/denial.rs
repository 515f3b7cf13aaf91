//! What hickory 0.26 does not find in denials. Pure; every signature has been checked before.
//!
//! It takes an answer from a wildcard one label above the name, in a zone with NSEC, for bogus. It takes a denial made
//! of unsigned records of any insecure zone for an insecure denial, and of signed NSEC records of any zone for a proof.

use hickory_proto::dnssec::Proof;
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Whether the records of this type at this name come from a wildcard of their zone, and a secure NSEC record shows
/// that nothing closer exists. The signatures are checked by the caller.
pub(super) fn expanded(message: &Message, name: &Name, kind: RecordType) -> bool {
    let signature = message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(signature))
                if record.name == *name
                    && record.proof == Proof::Secure
                    && [kind, RecordType::CNAME].contains(&signature.input().type_covered) =>
            {
                Some(signature.input())
            }
            _ => None,
        });
    let Some(signature) = signature.filter(|input| input.num_labels < name.num_labels()) else {
        return false;
    };
    // The name right below the wildcard's parent, on the way to ours: were it there, the wildcard would not apply.
    let closer = name.trim_to(usize::from(signature.num_labels) + 1);
    message.authorities.iter().any(|record| {
        let RData::DNSSEC(DNSSECRData::NSEC(nsec)) = &record.data else {
            return false;
        };
        record.proof == Proof::Secure
            && signature.signer_name.zone_of(&record.name)
            && covers(
                &record.name,
                nsec.next_domain_name(),
                &closer,
                &signature.signer_name,
            )
    })
}

/// Whether a denial is one of a zone that the name lies in: an insecure one shows a record of such a zone, the proofs
/// in a secure one are signed by such a zone (RFC 4035 5.4).
pub(super) fn concerns(message: &Message, name: &Name) -> bool {
    let authorities = &message.authorities;
    if authorities.is_empty() {
        return true;
    }
    let signed_above = |proof: &Record| {
        authorities.iter().any(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
                record.name == proof.name
                    && record.proof == Proof::Secure
                    && signature.input().type_covered == proof.record_type()
                    && signature.input().signer_name.zone_of(name)
            }
            _ => false,
        })
    };
    let proofs = authorities.iter().filter(|record| {
        let denial = [RecordType::NSEC, RecordType::NSEC3].contains(&record.record_type());
        denial && record.proof == Proof::Secure
    });
    let about = authorities
        .iter()
        .any(|record| record.name.zone_of(name) || record.proof == Proof::Secure);
    about && proofs.into_iter().all(signed_above)
}

/// Whether an NSEC record from `owner` to `next` shows that `name` and all below it do not exist.
fn covers(owner: &Name, next: &Name, name: &Name, zone: &Name) -> bool {
    let last = next == zone;
    owner < name && (last || name < next) && !name.zone_of(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::dnssec::Algorithm;
    use hickory_proto::dnssec::rdata::{NSEC, RRSIG, sig::SigInput};
    use hickory_proto::rr::SerialNumber;
    use hickory_proto::rr::rdata::SOA;

    #[test]
    fn a_gap_shows_that_a_name_and_all_below_it_are_absent() {
        let name = |text| Name::from_ascii(text).unwrap();
        for (owner, next, absent, covered) in [
            ("*.w.z.", "z.", "a.w.z.", true),
            ("*.w.z.", "x.z.", "a.w.z.", true),
            ("*.w.z.", "b.w.z.", "a.w.z.", true),
            ("*.w.z.", "b.w.z.", "c.w.z.", false),
            ("*.w.z.", "c.b.w.z.", "b.w.z.", false),
            ("a.w.z.", "z.", "a.w.z.", false),
        ] {
            let found = covers(&name(owner), &name(next), &name(absent), &name("z."));
            assert_eq!(found, covered, "{owner} {next} {absent}");
        }
    }

    #[test]
    fn a_denial_by_a_strange_zone_is_none() {
        let name = Name::from_ascii("_25._tcp.mx.victim.example.").unwrap();
        for (owner, fits) in [
            ("victim.example.", true),
            ("example.", true),
            ("insecure.example.", false),
            ("x._25._tcp.mx.victim.example.", false),
        ] {
            let zone = Name::from_ascii(owner).unwrap();
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 5);
            let mut record = Record::from_rdata(zone, 300, RData::SOA(soa));
            record.proof = Proof::Insecure;
            let mut message = Message::query();
            message.add_authority(record);
            assert_eq!(concerns(&message, &name), fits, "{owner}");
        }
    }

    #[test]
    fn a_proof_counts_only_when_a_zone_above_the_name_signed_it() {
        let name = |text| Name::from_ascii(text).unwrap();
        let target = name("mx.victim.example.");
        for (signer, fits) in [("victim.example.", true), ("evil.example.", false)] {
            let owner = name("a.").append_domain(&name(signer)).unwrap();
            let nsec = NSEC::new(name("zz.victim.example."), [RecordType::A]);
            let input = SigInput {
                type_covered: RecordType::NSEC,
                algorithm: Algorithm::ECDSAP256SHA256,
                num_labels: 3,
                original_ttl: 60,
                sig_expiration: SerialNumber::new(2),
                sig_inception: SerialNumber::new(1),
                key_tag: 1,
                signer_name: name(signer),
            };
            let signature = RRSIG::from_sig(input, vec![0; 64]);
            let mut message = Message::query();
            for data in [DNSSECRData::NSEC(nsec), DNSSECRData::RRSIG(signature)] {
                let mut record = Record::from_rdata(owner.clone(), 60, RData::DNSSEC(data));
                record.proof = Proof::Secure;
                message.add_authority(record);
            }
            assert_eq!(concerns(&message, &target), fits, "{signer}");
        }
    }
}
