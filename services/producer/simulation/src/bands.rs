//! From a rank in the ward to a category: how the mix is met.

use serde::{Deserialize, Serialize};

use crate::Mix;
use crate::number::Exact;

/// What a reading is meant to be under the bands of AHA/ACC 2017, from the lowest pressure to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Systolic < 90 or diastolic < 60 mmHg.
    Hypotension,
    /// None of the others.
    Normal,
    /// Systolic 120-129 and diastolic < 80 mmHg.
    Elevated,
    /// Systolic 130-139 or diastolic 80-89 mmHg.
    Stage1,
    /// Systolic 140-180 or diastolic 90-120 mmHg.
    Stage2,
    /// Systolic > 180 or diastolic > 120 mmHg.
    Crisis,
}

impl Category {
    /// Every category, from the lowest pressure to the highest.
    pub const ALL: [Self; 6] =
        [Self::Hypotension, Self::Normal, Self::Elevated, Self::Stage1, Self::Stage2, Self::Crisis];
}

/// The share of each category, in the order of [`Category::ALL`]; together 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Shares([Exact; 6]);

/// A place in a category's band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) category: Category,
    /// How far up the band, in [0, 1].
    pub(crate) height: f64,
}

impl Shares {
    pub(crate) fn new(mix: Mix) -> Self {
        let weights = [mix.hypotension, mix.normal, mix.elevated, mix.stage1, mix.stage2, mix.crisis];
        let weights = weights.map(|weight| if weight.is_finite() { weight.max(0.0) } else { 0.0 });
        let largest = weights.into_iter().fold(0.0, f64::max);
        if largest <= 0.0 {
            return Self([0.0, 1.0, 0.0, 0.0, 0.0, 0.0].map(Exact));
        }
        // Divided first: the sum of huge weights would be infinite.
        let scaled = weights.map(|weight| weight / largest);
        let sum: f64 = scaled.iter().sum();
        Self(scaled.map(|weight| Exact(weight / sum)))
    }

    /// Where the reading lies that is at this rank of all readings, in [0, 1].
    pub(crate) fn place(&self, rank: f64) -> Place {
        let mut below = 0.0;
        let mut place = Place { category: Category::Normal, height: 0.5 };
        for (category, Exact(share)) in Category::ALL.into_iter().zip(self.0) {
            if share > 0.0 {
                place = Place { category, height: ((rank - below) / share).clamp(0.0, 1.0) };
                below += share;
                if rank < below {
                    return place;
                }
            }
        }
        place
    }
}
