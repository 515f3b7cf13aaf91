//! TLSRPT records (RFC 8460 3): where reports about TLS may be sent.

/// Why there is no record that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is none.
    Absent,
    /// There are several, so none counts.
    Several(usize),
    /// `rua` is missing, or an address in it is neither `mailto:` nor `https:`.
    Address,
}

/// Checks that there is exactly one record among the texts at `_smtp._tls.DOMAIN`, and that it names where to send
/// reports.
///
/// # Errors
/// When there is no record, more than one, or it names nothing that can be used.
pub fn read<T: AsRef<str>>(texts: &[T]) -> Result<(), Fault> {
    let mut records = texts.iter().filter_map(|text| {
        let (version, fields) = text.as_ref().split_once(';').unwrap_or((text.as_ref(), ""));
        (version.trim_end() == "v=TLSRPTv1").then_some(fields)
    });
    let fields = records.next().ok_or(Fault::Absent)?;
    match records.count() {
        0 if names_addresses(fields) => Ok(()),
        0 => Err(Fault::Address),
        more => Err(Fault::Several(more + 1)),
    }
}

fn names_addresses(fields: &str) -> bool {
    let mut fields = fields.split(';').filter_map(|field| field.split_once('='));
    let addresses = fields.find(|(name, _)| name.trim() == "rua");
    addresses.is_some_and(|(_, addresses)| {
        addresses.split(',').all(|address| {
            let address = address.trim();
            ["mailto:", "https:"].iter().any(|scheme| {
                address
                    .get(..scheme.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                    && address.len() > scheme.len()
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_record_with_addresses_counts() {
        for (texts, read_as) in [
            (&["v=TLSRPTv1; rua=mailto:a@b.example"][..], Ok(())),
            (
                &["v=TLSRPTv1;rua=https://b.example/x, MAILTO:a@b.example;"],
                Ok(()),
            ),
            (&["v=TLSRPTv1; rua=ftp://b.example/"], Err(Fault::Address)),
            (&["v=TLSRPTv1; rua=mailto:"], Err(Fault::Address)),
            (
                &["v=TLSRPTv1; rua=mailto:a@b.example,x"],
                Err(Fault::Address),
            ),
            (&["v=TLSRPTv1"], Err(Fault::Address)),
            (&["v=TLSRPTv2; rua=mailto:a@b.example"], Err(Fault::Absent)),
            (
                &[
                    "v=TLSRPTv1; rua=mailto:a@b.example",
                    "v=TLSRPTv1; rua=mailto:c@b.example",
                ],
                Err(Fault::Several(2)),
            ),
            (&["v=spf1 -all"], Err(Fault::Absent)),
            (&[], Err(Fault::Absent)),
        ] {
            assert_eq!(read(texts), read_as, "{texts:?}");
        }
    }
}
