//! What came of all plays, in lines.

use crate::appliance::Addresses;
use crate::behaviour::BEHAVIOURS;
use crate::manner::{MANNERS, SCHEDULES};
use crate::play::{Ending, Play};
use std::fmt;

/// Plays counted together.
#[derive(Default)]
struct Count {
    right: usize,
    undetermined: usize,
    wrong: usize,
    attempts: Vec<usize>,
    /// Seconds.
    times: Vec<i64>,
}

impl Count {
    fn of<'a>(endings: impl Iterator<Item = &'a Ending>) -> Self {
        let mut count = Self::default();
        for ending in endings {
            match (ending.right, ending.policy) {
                (true, _) => count.right += 1,
                (false, None) => count.undetermined += 1,
                (false, Some(_)) => count.wrong += 1,
            }
            count.attempts.push(ending.attempts);
            count.times.push(ending.time);
        }
        count.attempts.sort_unstable();
        count.times.sort_unstable();
        count
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = |place: usize| self.attempts.get(place).copied().unwrap_or_default();
        let minutes = |place: usize| self.times.get(place).copied().unwrap_or_default() / 60;
        let (middle, last) = (self.times.len() / 2, self.times.len().saturating_sub(1));
        write!(
            f,
            "{:>6} right {:>5} undetermined {:>3} wrong, attempts {:>2} ({:>3}), minutes {:>3} ({:>4})",
            self.right,
            self.undetermined,
            self.wrong,
            attempts(middle),
            attempts(last),
            minutes(middle),
            minutes(last)
        )
    }
}

/// What came of all plays.
pub struct Table<'a>(&'a [(Play, Ending)]);

impl<'a> Table<'a> {
    pub const fn of(played: &'a [(Play, Ending)]) -> Self {
        Self(played)
    }

    fn count(&self, wanted: impl Fn(&Play) -> bool) -> Count {
        let chosen = self.0.iter().filter(|(what, _)| wanted(what));
        Count::of(chosen.map(|(_, ending)| ending))
    }

    fn told_apart(&self, wanted: impl Fn(&Play) -> bool) -> Count {
        let chosen = self
            .0
            .iter()
            .filter(|(what, ending)| ending.told_apart && wanted(what));
        Count::of(chosen.map(|(_, ending)| ending))
    }

    /// How many are right, and how many there are, of those on a shared address that the verdict can tell apart.
    pub fn told_apart_on_a_shared_address(&self) -> (usize, usize) {
        let count = self.told_apart(|what| what.addresses == Addresses::Shared);
        (count.right, count.times.len())
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "median (maximum) of attempts and of minutes to the verdict; * cannot be told from another behaviour"
        )?;
        for addresses in Addresses::ALL {
            writeln!(f, "\n{} addresses", addresses.name())?;
            for (place, behaviour) in BEHAVIOURS.iter().enumerate() {
                let here = |what: &Play| what.addresses == addresses && what.behaviour == place;
                let starred = match self.told_apart(here).times.is_empty() {
                    true => "*",
                    false => "",
                };
                let name = format!("{}{starred}", behaviour.name);
                writeln!(f, "{name:<40} {}", self.count(here))?;
            }
            let all = self.told_apart(|what| what.addresses == addresses);
            writeln!(f, "{:<40} {all}", "told apart")?;
        }
        writeln!(f, "\nof those told apart")?;
        for (place, manner) in MANNERS.iter().enumerate() {
            let count = self.told_apart(|what| what.manner == place);
            writeln!(f, "{:<40} {count}", manner.name)?;
        }
        for (place, schedule) in SCHEDULES.iter().enumerate() {
            let count = self.told_apart(|what| what.schedule == place);
            writeln!(f, "{:<40} {count}", schedule.name)?;
        }
        for (name, competes) in [("alone", false), ("among others", true)] {
            let count = self.told_apart(|what| what.competes == competes);
            writeln!(f, "{name:<40} {count}")?;
        }
        for keeps in [0, 300, 900, 3600] {
            let count = self.told_apart(|what| what.keeps == keeps);
            let name = format!("resolver that keeps {} minutes", keeps.max(60) / 60);
            writeln!(f, "{name:<40} {count}")?;
        }
        let count = self.told_apart(|_| true);
        writeln!(f, "{:<40} {count}", "told apart")?;
        writeln!(f, "{:<40} {}", "all", self.count(|_| true))?;
        writeln!(f, "\nundetermined though told apart")?;
        for (what, _) in self
            .0
            .iter()
            .filter(|(_, ending)| ending.told_apart && !ending.right)
        {
            writeln!(f, "SIMULATION_PLAY={} {what}", what.number)?;
        }
        Ok(())
    }
}
