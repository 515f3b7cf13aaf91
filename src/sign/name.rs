//! Domain names in wire form, as the signer, the encoder and the answering side handle them.

use hickory_proto::rr::Name;
use std::fmt;

/// Octets of a name at most, length octets included (RFC 1035 2.3.4).
const NAME: usize = 255;
/// Labels of a name at most.
const LABELS: usize = 127;

/// A name in wire form: uncompressed, lower case, the root label included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WireName(Box<[u8]>);

impl WireName {
    /// The wire form of a fully qualified name.
    pub(super) fn of(name: &Name) -> Self {
        let mut wire = Vec::with_capacity(name.len() + 1);
        for label in name.iter() {
            wire.push(label.len().try_into().unwrap_or(u8::MAX));
            wire.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        wire.push(0);
        Self(wire.into())
    }

    /// The name that begins at `rdata` and is not compressed, with the octets behind it.
    pub(super) fn split(rdata: &[u8]) -> Option<(Self, &[u8])> {
        let mut at = 0;
        loop {
            let length = usize::from(*rdata.get(at)?);
            at += length + 1;
            if length == 0 {
                let (name, rest) = rdata.split_at_checked(at)?;
                return Some((Self(name.to_ascii_lowercase().into()), rest));
            }
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name without its first label; the root has none.
    pub(super) fn parent(&self) -> Option<Self> {
        let first = usize::from(*self.0.first()?);
        (first > 0).then(|| Self(self.0[first + 1..].into()))
    }

    /// `*` before this name; `None` when that is too long.
    pub(super) fn wildcard(&self) -> Option<Self> {
        let wire = [b"\x01*", &*self.0].concat();
        (wire.len() <= NAME).then(|| Self(wire.into()))
    }

    pub(super) fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// The labels, the root's not counted.
    pub(super) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first().filter(|(length, _)| **length > 0)?;
            let (label, behind) = behind.split_at(usize::from(*length));
            rest = behind;
            Some(label)
        })
    }

    /// The octets before `ancestor`, or `None` when this name is not `ancestor` or below it.
    pub(super) fn before(&self, ancestor: &Self) -> Option<&[u8]> {
        let mut at = self.0.len().checked_sub(ancestor.0.len())?;
        if self.0[at..] != *ancestor.0 {
            return None;
        }
        // The octets agree; they must begin with a label's length and not inside one.
        let end = at;
        at = 0;
        while at < end {
            at += usize::from(self.0[at]) + 1;
        }
        (at == end).then(|| &self.0[..end])
    }

    /// The place of this name in the canonical order of the zone `apex` (RFC 4034 6.1), for names within it.
    pub(super) fn place(&self, apex: &Self) -> Place {
        let labels: Vec<_> = self.labels().collect();
        let own = labels.len().saturating_sub(apex.labels().count());
        let mut place = Place(Vec::with_capacity(self.0.len()));
        for label in labels[..own].iter().rev() {
            place.descend(label);
        }
        place
    }
}

impl fmt::Display for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for label in self.labels() {
            write!(f, "{}.", label.escape_ascii())?;
        }
        if self.0.len() == 1 {
            f.write_str(".")?;
        }
        Ok(())
    }
}

/// A name below an apex as octets whose plain order is the canonical one: labels from the apex down, each ended by 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(Vec<u8>);

impl Place {
    /// Goes down by one label, lower case.
    pub(super) fn descend(&mut self, label: &[u8]) {
        for byte in label {
            match byte {
                0 => self.0.extend([1, 1]),
                1 => self.0.extend([1, 2]),
                other => self.0.push(*other),
            }
        }
        self.0.push(0);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The name of a question, lower case, with its label boundaries. It is filled anew for each question and never
/// allocates.
#[derive(Clone, Debug)]
pub struct QueryName {
    wire: [u8; NAME],
    length: usize,
    starts: [u8; LABELS + 1],
    labels: usize,
}

impl Default for QueryName {
    /// The root.
    fn default() -> Self {
        Self {
            wire: [0; NAME],
            length: 1,
            starts: [0; LABELS + 1],
            labels: 0,
        }
    }
}

impl QueryName {
    /// Reads the uncompressed name at the start of `message` and returns its length there, 1 to 255 octets.
    /// `None` when there is no whole name, or it is compressed or too long; this name is then of no use.
    pub fn read(&mut self, message: &[u8]) -> Option<usize> {
        let (mut at, mut labels) = (0, 0);
        loop {
            let length = *message.get(at)?;
            // 255 octets hold 127 labels at most, so `starts` has room for every one and the root.
            *self.starts.get_mut(labels)? = u8::try_from(at).ok()?;
            let end = at + 1 + usize::from(length);
            if length > 63 || end > NAME {
                return None;
            }
            let label = message.get(at..end)?;
            self.wire[at..end].copy_from_slice(label);
            self.wire[at + 1..end].make_ascii_lowercase();
            at = end;
            if length == 0 {
                self.length = at;
                self.labels = labels;
                return Some(at);
            }
            labels += 1;
        }
    }

    /// The whole name in wire form, lower case.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.wire[..self.length]
    }

    /// The labels, first one first, the root's not counted.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.labels).map(|index| self.label(index))
    }

    /// How many labels there are, the root's not counted.
    pub(super) const fn count(&self) -> usize {
        self.labels
    }

    /// The name without its first `skipped` labels.
    pub(super) fn suffix(&self, skipped: usize) -> &[u8] {
        let start = usize::from(self.starts[skipped.min(self.labels)]);
        &self.wire[start..self.length]
    }

    fn label(&self, index: usize) -> &[u8] {
        let start = usize::from(self.starts[index]) + 1;
        &self.wire[start..usize::from(self.starts[index + 1])]
    }

    /// Puts the place of `suffix(skipped)` below an apex of `apex` labels into `place`.
    pub(super) fn place(&self, skipped: usize, apex: usize, place: &mut Place) {
        place.clear();
        for index in (skipped..self.labels.saturating_sub(apex)).rev() {
            place.descend(self.label(index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(name: &str) -> WireName {
        WireName::of(&Name::from_ascii(name).unwrap())
    }

    #[test]
    fn places_follow_the_example_of_rfc_4034_6_1() {
        let names: [&[u8]; 11] = [
            b"\x07example\0",
            b"\x01a\x07example\0",
            b"\x08yljkjljk\x01a\x07example\0",
            b"\x01Z\x01a\x07example\0",
            b"\x04zABC\x01a\x07EXAMPLE\0",
            b"\x01z\x07example\0",
            b"\x01\x00\x01z\x07example\0",
            b"\x01\x01\x01z\x07example\0",
            b"\x02\x01a\x01z\x07example\0",
            b"\x01*\x01z\x07example\0",
            b"\x01\xc8\x01z\x07example\0",
        ];
        for apex in [".", "example."] {
            let places: Vec<_> = names
                .iter()
                .map(|name| WireName::split(name).unwrap().0.place(&wire(apex)))
                .collect();
            assert!(places.is_sorted(), "{places:?}");
        }
    }

    #[test]
    fn a_name_is_cut_at_label_boundaries_only() {
        for (name, ancestor, before) in [
            ("mx.et.lab.", "et.lab.", Some(&b"\x02mx"[..])),
            ("et.lab.", "et.lab.", Some(b"")),
            ("et.lab.", ".", Some(b"\x02et\x03lab")),
            ("bet.lab.", "et.lab.", None),
            ("lab.", "et.lab.", None),
        ] {
            assert_eq!(wire(name).before(&wire(ancestor)), before, "{name}");
        }
        // The octets of the ancestor inside a label make it no ancestor.
        let (inside, _) = WireName::split(b"\x08x\x02et\x03lab\0").unwrap();
        assert_eq!(inside.before(&wire("et.lab.")), None);
    }

    #[test]
    fn question_names_are_read_whole_or_not_at_all() {
        let mut name = QueryName::default();
        let long = [[1, b'a']; 127].concat();
        for (message, read) in [
            (&b"\x02Et\x03LAB\0rest"[..], Some(8)),
            (b"\0", Some(1)),
            (&[&*long, &[0]].concat(), Some(255)),
            (&[&*long, &[1, b'a', 0]].concat(), None),
            (b"\x02et\xc0\x0c", None),
            (b"\x40", None),
            (b"\x05et", None),
            (b"\x02et", None),
            (b"", None),
        ] {
            assert_eq!(name.read(message), read, "{message:?}");
        }
        name.read(b"\x02Et\x03LAB\0").unwrap();
        assert_eq!(name.as_bytes(), b"\x02et\x03lab\0");
        assert_eq!(name.suffix(1), b"\x03lab\0");
        assert_eq!(name.suffix(2), b"\0");
        let mut place = Place::default();
        name.place(0, 0, &mut place);
        assert_eq!(place, wire("et.lab.").place(&wire(".")));
        name.place(0, 1, &mut place);
        assert_eq!(place, wire("et.lab.").place(&wire("lab.")));
    }
}
