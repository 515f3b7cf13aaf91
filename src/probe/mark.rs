//! Marks put together: one certain failure outweighs what is unknown, and what is unknown outweighs the rest.

use super::inbound::Mark;
use crate::base::Security;

impl Mark {
    /// Whether something holds.
    #[must_use]
    pub const fn of(holds: bool) -> Self {
        if holds { Self::Pass } else { Self::Fail }
    }

    /// Whether something must be secure and is; bogus is certain, no answer is not.
    #[must_use]
    pub const fn secure(security: Security) -> Self {
        match security {
            Security::Secure => Self::Pass,
            Security::Insecure | Security::Bogus => Self::Fail,
            Security::Unknown => Self::Unknown,
        }
    }

    /// All of them; not applicable ones do not count, and of none at all it is not applicable.
    #[must_use]
    pub fn all(marks: impl IntoIterator<Item = Self>) -> Self {
        let rank = |mark: &Self| match mark {
            Self::NotApplicable => 0,
            Self::Pass => 1,
            Self::Unknown => 2,
            Self::Fail => 3,
        };
        let weakest = marks.into_iter().max_by_key(rank);
        weakest.unwrap_or(Self::NotApplicable)
    }

    /// One or the other.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Pass, _) | (_, Self::Pass) => Self::Pass,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Fail, _) | (_, Self::Fail) => Self::Fail,
            (Self::NotApplicable, Self::NotApplicable) => Self::NotApplicable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mark::{self, Fail, NotApplicable, Pass, Unknown};

    #[test]
    fn a_failure_is_certain_and_the_unknown_is_no_failure() {
        for (marks, all) in [
            (&[][..], NotApplicable),
            (&[NotApplicable], NotApplicable),
            (&[NotApplicable, Pass], Pass),
            (&[Pass, Unknown, Pass], Unknown),
            (&[Unknown, Fail, Pass], Fail),
        ] {
            assert_eq!(Mark::all(marks.iter().copied()), all, "{marks:?}");
        }
        for (one, other, either) in [
            (Pass, Fail, Pass),
            (Unknown, Pass, Pass),
            (Fail, Unknown, Unknown),
            (Fail, NotApplicable, Fail),
            (NotApplicable, NotApplicable, NotApplicable),
        ] {
            assert_eq!(one.or(other), either);
            assert_eq!(other.or(one), either);
        }
    }
}
