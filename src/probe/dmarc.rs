//! DMARC records as far as the inbound check reads them (RFC 7489 6.3): what is asked of receivers.

/// What is asked for a message that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    None,
    /// That it be suspected.
    Quarantine,
    /// That it be refused.
    Reject,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dmarc {
    /// `p`: for the domain itself.
    pub domain: Wish,
    /// `sp`: for the domains below it; `p` where it is missing.
    pub below: Wish,
    /// Whether reports are asked for (`rua`).
    pub reports: bool,
}

/// Why there is no record that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is none.
    Absent,
    /// There are several, so none counts (RFC 7489 6.6.3).
    Several(usize),
    /// A value is not allowed; which.
    Syntax(&'static str),
}

/// Reads the record among the texts at `_dmarc.DOMAIN`.
///
/// # Errors
/// When there is no record, more than one, or its policy cannot be understood.
pub fn read<T: AsRef<str>>(texts: &[T]) -> Result<Dmarc, Fault> {
    let mut records = texts.iter().filter_map(|text| {
        let (version, rest) = text.as_ref().split_once(';').unwrap_or((text.as_ref(), ""));
        let (tag, value) = version.split_once('=')?;
        (tag.trim() == "v" && value.trim() == "DMARC1").then_some(rest)
    });
    let record = records.next().ok_or(Fault::Absent)?;
    match records.count() {
        0 => tags(record),
        more => Err(Fault::Several(more + 1)),
    }
}

fn tags(record: &str) -> Result<Dmarc, Fault> {
    let tag = |wanted: &str| {
        let mut tags = record.split(';').filter_map(|tag| tag.split_once('='));
        tags.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let reports = tag("rua").is_some_and(|value| !value.is_empty());
    let domain = match tag("p").map(wish) {
        Some(Some(wish)) => wish,
        // RFC 7489 6.6.3: with reports asked for, as if it were none.
        _ if reports => Wish::None,
        _ => return Err(Fault::Syntax("p must be none, quarantine or reject")),
    };
    let below = match tag("sp").map(wish) {
        None => domain,
        Some(Some(wish)) => wish,
        Some(None) if reports => Wish::None,
        Some(None) => return Err(Fault::Syntax("sp must be none, quarantine or reject")),
    };
    Ok(Dmarc {
        domain,
        below,
        reports,
    })
}

fn wish(value: &str) -> Option<Wish> {
    let among = [
        ("none", Wish::None),
        ("quarantine", Wish::Quarantine),
        ("reject", Wish::Reject),
    ];
    among
        .into_iter()
        .find(|(name, _)| value.eq_ignore_ascii_case(name))
        .map(|(_, wish)| wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read() {
        use Wish::{None, Quarantine, Reject};
        let asks = |domain, below, reports| {
            Ok(Dmarc {
                domain,
                below,
                reports,
            })
        };
        for (texts, read_as) in [
            (&["v=DMARC1; p=reject"][..], asks(Reject, Reject, false)),
            (
                &["v=DMARC1;p=Quarantine;sp=none;rua=mailto:a@b.example"],
                asks(Quarantine, None, true),
            ),
            (&["v = DMARC1 ; p = none"], asks(None, None, false)),
            (
                &["v=DMARC1; rua=mailto:a@b.example"],
                asks(None, None, true),
            ),
            (
                &["v=spf1 -all", "v=DMARC1; p=reject"],
                asks(Reject, Reject, false),
            ),
            (&["v=dmarc1; p=reject"], Err(Fault::Absent)),
            (&["p=reject; v=DMARC1"], Err(Fault::Absent)),
            (
                &["v=DMARC1"],
                Err(Fault::Syntax("p must be none, quarantine or reject")),
            ),
            (
                &["v=DMARC1; p=reject", "v=DMARC1; p=none"],
                Err(Fault::Several(2)),
            ),
            (&[], Err(Fault::Absent)),
        ] {
            assert_eq!(read(texts), read_as, "{texts:?}");
        }
    }
}
