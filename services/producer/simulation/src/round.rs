//! Rounds in which every patient is measured once, in an order of their own.

use crate::draw::{Purpose, below, bits};

/// The rounds of a ward of a given size, of which the last one used is kept.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    seed: u32,
    purpose: Purpose,
    patients: u32,
    kept: Option<(u64, Vec<u32>)>,
}

impl Rounds {
    pub(crate) const fn new(seed: u32, purpose: Purpose, patients: u32) -> Self {
        Self { seed, purpose, patients, kept: None }
    }

    /// Who is measured at this turn, counted from 0; nobody in an empty ward.
    pub(crate) fn patient(&mut self, turn: u64) -> Option<u32> {
        let round = turn.checked_div(u64::from(self.patients))?;
        let place = usize::try_from(turn % u64::from(self.patients)).ok()?;
        let kept = self.kept.take().filter(|(of, _)| *of == round);
        let (_, order) = self.kept.insert(kept.unwrap_or_else(|| (round, self.shuffled(round))));
        order.get(place).copied()
    }

    fn shuffled(&self, round: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.patients).collect();
        let mut unsettled = order.as_mut_slice();
        for count in (1..=self.patients).rev() {
            let chosen = below(bits(self.seed, self.purpose, round, u64::from(count)), count);
            let last = unsettled.len() - 1;
            unsettled.swap(chosen as usize, last);
            unsettled = &mut unsettled[..last];
        }
        order
    }
}
