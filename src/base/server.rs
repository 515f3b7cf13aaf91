//! The seven virtual servers, by number only; `cases` says what each of them is.

use serde::{Deserialize, Serialize};

/// A row of the case table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Server {
    /// `et` before TLS is offered.
    One,
    /// `et` in TLS without SNI.
    Two,
    /// `et`, self-signed, invalid TLSA, not in the MTA-STS policy.
    Three,
    /// `et`, self-signed, valid TLSA.
    Four,
    /// `et`, CA-issued, invalid TLSA.
    Five,
    /// `et`, CA-issued, valid TLSA.
    Six,
    /// `ut`, CA-issued, neither TLSA nor MTA-STS policy.
    Seven,
}

impl Server {
    /// Every server, by number.
    pub const ALL: [Self; 7] = [
        Self::One,
        Self::Two,
        Self::Three,
        Self::Four,
        Self::Five,
        Self::Six,
        Self::Seven,
    ];

    /// The number in the table, 1 to 7.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl From<Server> for u8 {
    fn from(server: Server) -> Self {
        server.number()
    }
}

impl TryFrom<u8> for Server {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::ALL
            .into_iter()
            .find(|server| server.number() == number)
            .ok_or_else(|| format!("server {number} does not exist; there are 1 to 7"))
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number())
    }
}
