//! Which queries are evidence, and how they are noted.

use super::answer::Asked;
use crate::base::{Domain, Query, QueryId, Timestamp};
use crate::sign::QueryName;
use hickory_proto::rr::RecordType;
use std::net::IpAddr;

/// Whether a query tells how a sender protects its mail: MX, TLSA, the TXT records of MTA-STS and TLSRPT, and what a
/// validating resolver asks for (DNSKEY, DS).
pub(super) fn is_evidence(name: &QueryName, asked: Asked) -> bool {
    match RecordType::from(asked.rtype) {
        RecordType::MX | RecordType::TLSA | RecordType::DNSKEY | RecordType::DS => true,
        RecordType::TXT => names_policy(name),
        _ => false,
    }
}

/// The note of a query that is evidence; `None` when its name is none that a zone of ours can have. Its id is for the
/// desk to give.
pub(super) fn note(
    name: &QueryName,
    asked: Asked,
    client: IpAddr,
    time: Timestamp,
) -> Option<Query> {
    let labels: Vec<_> = name
        .labels()
        .map(std::str::from_utf8)
        .collect::<Result<_, _>>()
        .ok()?;
    // A label that holds a dot is no name of ours either.
    if labels.iter().any(|label| label.contains('.')) {
        return None;
    }
    Some(Query {
        id: QueryId(0),
        time,
        resolver: client.to_canonical(),
        name: Domain::parse(&labels.join(".")).ok()?,
        rrtype: RecordType::from(asked.rtype).to_string(),
        dnssec_ok: asked.dnssec_ok,
        checking_disabled: asked.checking_disabled,
    })
}

/// Whether a name is that of an MTA-STS (RFC 8461 3.1) or TLSRPT record (RFC 8460 3).
fn names_policy(name: &QueryName) -> bool {
    let mut labels = name.labels();
    match labels.next() {
        Some(b"_mta-sts") => true,
        Some(b"_smtp") => labels.next() == Some(b"_tls"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_evidence_is_noted() {
        for (wire, rtype, noted) in [
            (&b"\x02ET\x03lab\0"[..], 15, Some(("et.lab", "MX"))),
            (
                b"\x03_25\x04_tcp\x02mx\x02et\x03lab\0",
                52,
                Some(("_25._tcp.mx.et.lab", "TLSA")),
            ),
            (
                b"\x08_mta-sts\x02et\x03lab\0",
                16,
                Some(("_mta-sts.et.lab", "TXT")),
            ),
            (
                b"\x05_smtp\x04_tls\x02et\x03lab\0",
                16,
                Some(("_smtp._tls.et.lab", "TXT")),
            ),
            (b"\x05_smtp\x04_tcp\x02et\x03lab\0", 16, None),
            (b"\x02et\x03lab\0", 16, None),
            (b"\x02et\x03lab\0", 48, Some(("et.lab", "DNSKEY"))),
            (b"\x02et\x03lab\0", 43, Some(("et.lab", "DS"))),
            (b"\x02et\x03lab\0", 1, None),
            // No names at all.
            (b"\0", 48, None),
            (b"\x02\xff\xfe\x03lab\0", 15, None),
            (b"\x03a.b\x03lab\0", 15, None),
        ] {
            let mut name = QueryName::default();
            name.read(wire).unwrap();
            let asked = Asked {
                rtype,
                dnssec_ok: true,
                checking_disabled: false,
            };
            let client = "::ffff:192.0.2.1".parse().unwrap();
            let query = is_evidence(&name, asked)
                .then(|| note(&name, asked, client, Timestamp::UNIX_EPOCH))
                .flatten();
            let found = query
                .as_ref()
                .map(|query| (query.name.as_str(), query.rrtype.as_str()));
            assert_eq!(found, noted, "{wire:?}");
            if let Some(query) = query {
                assert_eq!(query.resolver.to_string(), "192.0.2.1");
            }
        }
    }
}
