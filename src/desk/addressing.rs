//! Whose mail an address takes in, and which test a transaction belongs to by its envelope.

use super::{Settings, token};
use crate::base::ports::Recipient;
use crate::base::{Connection, Language, Mailbox, Zone};

/// Local parts that RFC 2142 gives to the operator.
const OPERATOR: [&str; 2] = ["postmaster", "abuse"];
/// The local part at `et` that takes TLS reports (RFC 8460 3).
const REPORTS: &str = "tlsrpt";

/// What a test is known by: one of each is open at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The envelope sender; its domain is case-folded.
    Sender(Mailbox),
    /// The token written to.
    Token(String),
}

/// The envelope of a test's transaction.
pub(super) struct Envelope {
    pub key: Key,
    pub sender: Mailbox,
    pub language: Language,
    pub token: Option<String>,
}

impl Envelope {
    /// The envelope, when the connection offers mail of a named sender to a test.
    pub(super) fn of(connection: &Connection, settings: &Settings) -> Option<Self> {
        let sender = connection.from.clone()??;
        let (language, token) =
            connection
                .to
                .iter()
                .find_map(|address| match place(address, settings) {
                    Place::Test(language, token) => Some((language, token)),
                    _ => None,
                })?;
        Some(Self {
            key: match &token {
                Some(token) => Key::Token(token.clone()),
                None => Key::Sender(sender.clone()),
            },
            sender,
            language,
            token,
        })
    }
}

/// Where mail for an address goes, with the token written to.
enum Place {
    Test(Language, Option<String>),
    Operator,
    Reports,
    Unknown,
    Foreign,
}

/// The test domain that an address lies in.
pub(super) fn zone(address: &Mailbox, settings: &Settings) -> Option<Zone> {
    let label = address
        .domain
        .as_str()
        .strip_suffix(settings.base_domain.as_str())?
        .strip_suffix('.')?;
    Zone::ALL.into_iter().find(|zone| zone.label() == label)
}

fn place(address: &Mailbox, settings: &Settings) -> Place {
    let Some(zone) = zone(address, settings) else {
        return Place::Foreign;
    };
    let local = address.local.to_ascii_lowercase();
    let (name, token) = match local.split_once('+') {
        Some((name, token)) => (name, Some(token)),
        None => (local.as_str(), None),
    };
    let language = Language::ALL
        .into_iter()
        .find(|language| language.tag() == name);
    match (language, token) {
        (Some(language), None) => Place::Test(language, None),
        (Some(language), Some(token)) => match token::check(token, &settings.token_key) {
            Some(token) => Place::Test(language, Some(token)),
            None => Place::Unknown,
        },
        _ if OPERATOR.contains(&local.as_str()) => Place::Operator,
        _ if local == settings.reply_from.to_ascii_lowercase() => Place::Operator,
        _ if local == REPORTS && zone == Zone::Et => Place::Reports,
        _ => Place::Unknown,
    }
}

/// Where mail for this address goes.
pub(super) fn recipient(address: &Mailbox, settings: &Settings) -> Recipient {
    match place(address, settings) {
        Place::Test(language, _) => Recipient::Test(language),
        Place::Operator => Recipient::Operator,
        Place::Reports => Recipient::Reports,
        Place::Unknown => Recipient::Unknown,
        Place::Foreign => Recipient::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::settings;
    use super::*;
    use Recipient::{Foreign, Operator, Reports, Test, Unknown};

    #[test]
    fn an_address_goes_where_its_local_part_says() {
        let settings = settings();
        let token = token::mint(9, &settings.token_key);
        let foreign = token::mint(9, &[1; 32]);
        for (address, recipient) in [
            ("en@et.example.org", Test(Language::English)),
            ("DE@UT.example.org", Test(Language::German)),
            (
                &format!("de+{token}@ut.example.org"),
                Test(Language::German),
            ),
            (
                &format!("en+{}@et.example.org", token.to_uppercase()),
                Test(Language::English),
            ),
            (&format!("en+{foreign}@et.example.org"), Unknown),
            ("en+@et.example.org", Unknown),
            ("fr@et.example.org", Unknown),
            ("postmaster+x@et.example.org", Unknown),
            ("Postmaster@ut.example.org", Operator),
            ("abuse@et.example.org", Operator),
            ("emailtest@et.example.org", Operator),
            ("TLSRPT@et.example.org", Reports),
            ("tlsrpt+1@et.example.org", Unknown),
            ("tlsrpt@ut.example.org", Unknown),
            ("anyone@mailbox.example", Foreign),
            ("en@example.org", Foreign),
            ("en@mx03.et.example.org", Foreign),
            ("en@et.example.net", Foreign),
            ("en@xet.example.org", Foreign),
        ] {
            let address = Mailbox::parse(address).unwrap();
            assert_eq!(
                super::recipient(&address, &settings),
                recipient,
                "{address}"
            );
        }
    }
}
