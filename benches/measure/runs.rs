//! What came of all runs.

use super::spread::Spread;

/// The runs of all servers, in the order of their turns.
pub struct Runs<Kind, Run>(Vec<(Kind, Vec<Run>)>);

impl<Kind, Run> Default for Runs<Kind, Run> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Kind: Copy + PartialEq, Run> Runs<Kind, Run> {
    pub fn add(&mut self, kind: Kind, run: Run) {
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, runs)) => runs.push(run),
            None => self.0.push((kind, vec![run])),
        }
    }

    pub fn kinds(&self) -> impl Iterator<Item = (Kind, &[Run])> {
        self.0.iter().map(|(kind, runs)| (*kind, runs.as_slice()))
    }

    pub fn of(&self, kind: Kind) -> &[Run] {
        let runs = self.kinds().find(|(known, _)| *known == kind);
        runs.map_or(&[], |(_, runs)| runs)
    }

    /// A figure of one server divided by that of another, turn by turn, for the machine may be busier in one turn than in
    /// the next. `None` when one of them never ran.
    pub fn ratio(&self, of: Kind, to: Kind, figure: fn(&Run) -> f64) -> Option<Spread> {
        let pairs = self.of(of).iter().zip(self.of(to));
        Spread::of(pairs.map(|(of, to)| figure(of) / figure(to)))
    }
}
