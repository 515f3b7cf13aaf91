//! Figures of several runs.

/// The least, the middle and the most of them.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<_> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len().checked_sub(1)? / 2;
        // Of an even number of figures, the mean of the two in the middle.
        let median = f64::midpoint(figures[middle], figures[figures.len() / 2]);
        Some(Self {
            least: *figures.first()?,
            median,
            most: *figures.last()?,
        })
    }

    /// With so many digits behind the point.
    pub fn text(self, digits: usize) -> String {
        let Self {
            least,
            median,
            most,
        } = self;
        format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
    }
}
