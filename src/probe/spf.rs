//! SPF records as far as the inbound check reads them (RFC 7208): how the last word on strangers is spoken.
//!
//! Evaluates nothing for a sender; that is for `dial::judge`.

/// What the texts of a domain say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spf {
    /// There is no record.
    Absent,
    /// There are several, which is an error (RFC 7208 4.5).
    Several(usize),
    /// The last word: `all` with its qualifier `+`, `-`, `~` or `?` (RFC 7208 5.1).
    All(char),
    /// The record of this name counts instead (RFC 7208 6.1); as written, macros may be in it.
    Redirect(String),
    /// Nothing is said of those who are not named (RFC 7208 4.7).
    Open,
}

/// Reads the record among the texts.
#[must_use]
pub fn read<T: AsRef<str>>(texts: &[T]) -> Spf {
    let mut records = texts.iter().filter_map(|text| {
        let (version, terms) = text.as_ref().split_once(' ').unwrap_or((text.as_ref(), ""));
        version.eq_ignore_ascii_case("v=spf1").then_some(terms)
    });
    let Some(terms) = records.next() else {
        return Spf::Absent;
    };
    match records.count() {
        0 => last_word(terms),
        more => Spf::Several(more + 1),
    }
}

fn last_word(terms: &str) -> Spf {
    let terms = || terms.split(' ').map(str::to_ascii_lowercase);
    let all = terms().find_map(|term| match term.strip_suffix("all")? {
        "" | "+" => Some('+'),
        "-" => Some('-'),
        "~" => Some('~'),
        "?" => Some('?'),
        _ => None,
    });
    if let Some(qualifier) = all {
        return Spf::All(qualifier);
    }
    terms()
        .find_map(|term| Some(Spf::Redirect(term.strip_prefix("redirect=")?.to_owned())))
        .unwrap_or(Spf::Open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_found() {
        let redirect = |name: &str| Spf::Redirect(name.to_owned());
        for (texts, spf) in [
            (&["v=spf1 mx -all"][..], Spf::All('-')),
            (&["V=SPF1 a:mail.example ~ALL"], Spf::All('~')),
            (&["v=spf1 all"], Spf::All('+')),
            (&["v=spf1 ?all -all"], Spf::All('?')),
            // RFC 7208 6.1: redirect is ignored when all is present, wherever.
            (&["v=spf1 redirect=other.example -all"], Spf::All('-')),
            (
                &["v=spf1 redirect=_spf.d.example"],
                redirect("_spf.d.example"),
            ),
            (&["v=spf1 include:install"], Spf::Open),
            (&["v=spf1"], Spf::Open),
            (&["v=spf10 -all"], Spf::Absent),
            (&["v=STSv1; id=1", "v=spf1 -all"], Spf::All('-')),
            (&["v=spf1 -all", "v=spf1 mx -all"], Spf::Several(2)),
            (&[], Spf::Absent),
        ] {
            assert_eq!(read(texts), spf, "{texts:?}");
        }
    }
}
