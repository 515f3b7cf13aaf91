//! What the connections say, one fact a list of connections; which of them speaks against whom is not known here.

use super::{Plaintext, PlaintextByZone, ServerState};
use crate::base::{Certificate, Close, Contact, Server, Status, Transport, Via, Zone};
use std::collections::BTreeMap;

/// A certificate as a sender meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    /// Self-signed, without SNI: server 2, or 2 or 7 where no recipient was named.
    Unnamed,
    /// Issued by a CA for `ut`, without SNI: shown at `et` after a refusal.
    UnnamedIssued,
    /// Server 3.
    Three,
    /// Server 4.
    Four,
    /// Server 5.
    Five,
    /// Server 6.
    Six,
    /// Server 7 with the certificate of `ut`.
    Ut,
    /// Server 7 with the self-signed certificate, without SNI.
    UtSelfSigned,
}

impl Spot {
    /// Every spot; the column of a hypothesis is its place here.
    pub(super) const ALL: [Self; 8] = [
        Self::Unnamed,
        Self::UnnamedIssued,
        Self::Three,
        Self::Four,
        Self::Five,
        Self::Six,
        Self::Ut,
        Self::UtSelfSigned,
    ];

    /// Those at `et` whose certificate neither chains to a root nor, for a sender without DANE, means anything.
    pub(super) const UNTRUSTED: [Self; 3] = [Self::Unnamed, Self::Three, Self::Four];

    /// Where a connection in TLS stood.
    fn of(contact: &Contact) -> Option<Self> {
        let self_signed = !matches!(contact.connection.certificate, Some(Certificate::Host(_)));
        Some(match contact.connection.server? {
            Server::One | Server::Two if self_signed => Self::Unnamed,
            Server::One | Server::Two => Self::UnnamedIssued,
            Server::Three => Self::Three,
            Server::Four => Self::Four,
            Server::Five => Self::Five,
            Server::Six => Self::Six,
            Server::Seven if contact.connection.certificate == Some(Certificate::SelfSigned) => {
                Self::UtSelfSigned
            }
            Server::Seven => Self::Ut,
        })
    }

    /// The MX host of `et` that stands there.
    pub(super) const fn server(self) -> Option<Server> {
        match self {
            Self::Three => Some(Server::Three),
            Self::Four => Some(Server::Four),
            Self::Five => Some(Server::Five),
            Self::Six => Some(Server::Six),
            Self::Unnamed | Self::UnnamedIssued | Self::Ut | Self::UtSelfSigned => None,
        }
    }

    /// The server met there, as the number shown to people.
    pub(super) const fn number(self) -> Server {
        match self {
            Self::Unnamed | Self::UnnamedIssued => Server::Two,
            Self::Three => Server::Three,
            Self::Four => Server::Four,
            Self::Five => Server::Five,
            Self::Six => Server::Six,
            Self::Ut | Self::UtSelfSigned => Server::Seven,
        }
    }

    /// The spot of an MX host of `et`.
    pub(super) const fn host(server: Server) -> Option<Self> {
        match server {
            Server::Three => Some(Self::Three),
            Server::Four => Some(Self::Four),
            Server::Five => Some(Self::Five),
            Server::Six => Some(Self::Six),
            Server::One | Server::Two | Server::Seven => None,
        }
    }
}

/// What a number of connections say, each list in the order of time.
#[derive(Default)]
pub(super) struct Facts<'a> {
    /// MAIL in clear text at `et` while STARTTLS was withheld.
    pub clear_et: Vec<&'a Contact>,
    /// The same at `ut`.
    pub clear_ut: Vec<&'a Contact>,
    /// MAIL in clear text at `et` although STARTTLS was offered.
    pub offered_et: Vec<&'a Contact>,
    /// The same at `ut`.
    pub offered_ut: Vec<&'a Contact>,
    /// A clean end before MAIL at `et` while STARTTLS was withheld, and no clear text there.
    pub left_et: Vec<&'a Contact>,
    /// The same at `ut`.
    pub left_ut: Vec<&'a Contact>,
    /// STARTTLS was used.
    pub starttls: Vec<&'a Contact>,
    /// TLS at `et` on a shared address without a name of ours.
    pub unnamed_et: Vec<&'a Contact>,
    /// TLS at a host of `et` with an address of its own, without SNI.
    pub nameless_et: Vec<&'a Contact>,
    /// Anything at all at `ut`.
    pub at_ut: Vec<&'a Contact>,
    /// Uses of STARTTLS that may have been meant for either domain.
    pub untold: Vec<&'a Contact>,
    took: BTreeMap<Spot, Vec<&'a Contact>>,
    refused: BTreeMap<Spot, Vec<&'a Contact>>,
}

impl<'a> Facts<'a> {
    /// What `contacts` say of a message to the domains `addressed` (both, where none is known).
    pub(super) fn of(contacts: &[&'a Contact], addressed: &[Zone]) -> Self {
        let mut facts = Self::default();
        let mut left = Vec::new();
        for contact in contacts {
            let connection = &contact.connection;
            if used_tls(contact) {
                facts.starttls.push(contact);
            }
            if connection.in_clear() {
                facts.clear(contact);
            } else if connection.accepted() {
                facts.note(contact, true);
            } else if connection.refused() {
                facts.note(contact, false);
            } else if left_the_window(contact) {
                left.push(*contact);
            }
            match connection.zone {
                Some(Zone::Ut) => facts.at_ut.push(contact),
                None if used_tls(contact) => facts.untold.push(contact),
                _ => {}
            }
        }
        facts.leave(&left, addressed);
        facts.name(contacts);
        facts
    }

    /// The connections that took the certificate at this spot.
    pub(super) fn took(&self, spot: Spot) -> &[&'a Contact] {
        self.took.get(&spot).map_or(&[], Vec::as_slice)
    }

    /// The connections that refused the certificate at this spot, taken later or not.
    pub(super) fn refused(&self, spot: Spot) -> &[&'a Contact] {
        self.refused.get(&spot).map_or(&[], Vec::as_slice)
    }

    /// Whether the certificate was refused and never taken: the weakest behaviour counts.
    pub(super) fn only_refused(&self, spot: Spot) -> bool {
        self.took(spot).is_empty() && !self.refused(spot).is_empty()
    }

    /// What is known of an MX host of `et` by its answers.
    pub(super) fn state(&self, server: Server) -> ServerState {
        match Spot::host(server) {
            Some(spot) if !self.took(spot).is_empty() => ServerState::Accepted,
            Some(spot) if !self.refused(spot).is_empty() => ServerState::Refused,
            _ => ServerState::Open,
        }
    }

    /// Whether 7 took mail, in TLS or in clear text although STARTTLS was offered, or was refused.
    pub(super) fn ut_answered(&self) -> bool {
        let met = |spot| !self.took(spot).is_empty() || !self.refused(spot).is_empty();
        met(Spot::Ut) || met(Spot::UtSelfSigned) || !self.offered_ut.is_empty()
    }

    /// What became of clear text.
    pub(super) fn plaintext(&self) -> PlaintextByZone {
        let state = |sent: bool, left: bool| match (sent, left) {
            (true, _) => Plaintext::Sent,
            (_, true) => Plaintext::Refused,
            _ => Plaintext::Unseen,
        };
        let [et, ut] = [
            !self.clear_et.is_empty() || !self.offered_et.is_empty(),
            !self.clear_ut.is_empty() || !self.offered_ut.is_empty(),
        ];
        PlaintextByZone {
            et: state(et, !self.left_et.is_empty()),
            ut: state(ut, !self.left_ut.is_empty()),
        }
    }

    /// Whether certificates were taken that no check lets pass: a self-signed one without a name, 3, or both 4 and 5.
    pub(super) fn unauthenticated(&self) -> bool {
        let took = |spot| !self.took(spot).is_empty();
        took(Spot::Unnamed) || took(Spot::Three) || (took(Spot::Four) && took(Spot::Five))
    }

    fn clear(&mut self, contact: &'a Contact) {
        let ut = contact.connection.zone == Some(Zone::Ut);
        match (contact.connection.starttls_offered, ut) {
            (false, false) => &mut self.clear_et,
            (false, true) => &mut self.clear_ut,
            (true, false) => &mut self.offered_et,
            (true, true) => &mut self.offered_ut,
        }
        .push(contact);
    }

    fn note(&mut self, contact: &'a Contact, taken: bool) {
        let list = if taken {
            &mut self.took
        } else {
            &mut self.refused
        };
        if let Some(spot) = Spot::of(contact) {
            list.entry(spot).or_default().push(contact);
        }
    }

    /// A session that ended before any recipient shows its domain only at an address of its own. Elsewhere it counts
    /// for `et` if that was written to: no sender is known to protect `ut` better, where less is published.
    fn leave(&mut self, left: &[&'a Contact], addressed: &[Zone]) {
        let only_ut = addressed == [Zone::Ut];
        for contact in left {
            match contact.connection.zone {
                Some(Zone::Ut) => self.left_ut.push(contact),
                None if only_ut => self.left_ut.push(contact),
                _ => self.left_et.push(contact),
            }
        }
        let sent = self.plaintext();
        if sent.et == Plaintext::Sent {
            self.left_et.clear();
        }
        if sent.ut == Plaintext::Sent {
            self.left_ut.clear();
        }
    }

    /// Without a name and a recipient nothing tells `et` from `ut`, but for one case: who takes the certificate of
    /// `ut` at `ut` and refuses the same one elsewhere was at `et`.
    fn name(&mut self, contacts: &[&'a Contact]) {
        let takes_ut_unnamed =
            (self.took(Spot::Ut).iter()).any(|contact| contact.connection.via.is_none());
        for contact in contacts {
            let connection = &contact.connection;
            let unnamed = matches!(connection.server, Some(Server::One | Server::Two))
                && used_tls(contact)
                && connection.via.is_none();
            let refused_name = connection.refused()
                && matches!(connection.certificate, Some(Certificate::Host(_)))
                && takes_ut_unnamed;
            if unnamed && (connection.zone == Some(Zone::Et) || refused_name) {
                self.unnamed_et.push(contact);
            }
            let own = connection.via == Some(Via::Address) && connection.zone == Some(Zone::Et);
            if own && connection.status >= Status::TlsStarted && connection.sni.is_none() {
                self.nameless_et.push(contact);
            }
        }
    }
}

/// Whether the client went as far as a TLS handshake.
pub(super) fn used_tls(contact: &Contact) -> bool {
    let connection = &contact.connection;
    connection.transport == Transport::Encrypted
        || connection.hello.is_some()
        || connection.tls.is_some()
        || (Status::SniSeen..=Status::TlsStarted).contains(&connection.status)
        || matches!(
            connection.close,
            Some(Close::Incompatible(_) | Close::Broken | Close::Alert(_))
        )
}

/// Whether a session without STARTTLS was ended by the client, in order, before MAIL.
fn left_the_window(contact: &Contact) -> bool {
    let connection = &contact.connection;
    connection.ehlo.is_some()
        && !connection.starttls_offered
        && !used_tls(contact)
        && connection.from.is_none()
        && !connection.mail_refused()
        && connection.status < Status::Mail
        && matches!(connection.close, Some(Close::Quit | Close::Fin))
}
