//! From a place in a band to whole mmHg, by what is peculiar to a patient.
//!
//! The bands are those of AHA/ACC 2017, doi:10.1161/HYP.0000000000000065, whatever thresholds are in force: who changes these
//! is to see the same readings judged otherwise.

use crate::Category;
use crate::bands::Place;
use crate::draw::Draws;
use crate::number::floor;

/// What is peculiar to a patient's pressure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    lead: Lead,
    /// How far the patient's diastolic lies above or below others', in mmHg.
    diastolic: f64,
    /// How strongly the patient's pressure follows day and night.
    pub(crate) amplitude: f64,
}

/// Which side a patient's hypertension shows on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    Both,
    /// Isolated systolic: stiff arteries, most often of the old.
    Systolic,
    /// The diastolic is a band ahead of the systolic, most often of the young.
    Diastolic,
}

/// Whole mmHg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pressure {
    pub(crate) systolic: u16,
    pub(crate) diastolic: u16,
}

/// The edges of the systolic bands in mmHg: each category of [`Category::ALL`] reaches from one to below the next.
const SYSTOLIC: [f64; 7] = [74.0, 90.0, 120.0, 130.0, 140.0, 181.0, 216.0];

/// The same where the diastolic side decides from stage 1 on.
const SYSTOLIC_BEHIND: [f64; 7] = [74.0, 90.0, 120.0, 125.0, 134.0, 168.0, 200.0];

/// The least pulse pressure, in mmHg.
const LEAST_PULSE: f64 = 20.0;

impl Build {
    /// The build of a patient of this age in years, by random bits.
    pub(crate) fn new(age: f64, bits: u64) -> Self {
        const DIGITS: u32 = 12;
        let mut draws = Draws::new(bits);
        let lead = Lead::new(age, draws.unit(DIGITS));
        let of_age = 0.15 * (60.0 - age);
        let diastolic = of_age + 8.0 * (draws.unit(DIGITS) - 0.5);
        // One in five hardly dips at night.
        let dips = draws.unit(DIGITS) >= 0.2;
        let amplitude = if dips { 0.8 + 0.7 * draws.unit(DIGITS) } else { 0.15 };
        Self { lead, diastolic, amplitude }
    }

    /// The pressure at a place in a band; `error` is the diastolic side's own, in mmHg.
    pub(crate) fn pressure(&self, place: Place, error: f64) -> Pressure {
        let systolic = self.systolic(place);
        let (low, high) = self.diastolic_limits(place.category, systolic);
        let diastolic = within(low, high, self.usual_diastolic(place, systolic) + error);
        Pressure { systolic: floor(systolic), diastolic: floor(diastolic) }
    }

    fn systolic(&self, place: Place) -> f64 {
        let edges = if self.lead == Lead::Diastolic { &SYSTOLIC_BEHIND } else { &SYSTOLIC };
        let band = place.category as usize;
        let (low, high) = (edges[band], edges[band + 1]);
        let systolic = low + (high - low) * bent(place);
        // A sum may be rounded up to the edge, which belongs to the next band.
        systolic.min(high - 0.01)
    }

    fn usual_diastolic(&self, place: Place, systolic: f64) -> f64 {
        if self.lead == Lead::Diastolic && place.category >= Category::Elevated {
            let (low, high) = self.diastolic_limits(place.category, systolic);
            return low + (high - low) * (0.15 + 0.7 * place.height);
        }
        let (at_120, slope) = if self.lead == Lead::Systolic { (70.0, 0.2) } else { (76.0, 0.45) };
        at_120 + slope * (systolic - 120.0) + self.diastolic
    }

    /// From and below which diastolic a reading of this systolic belongs to the category, and is one that is met.
    fn diastolic_limits(&self, category: Category, systolic: f64) -> (f64, f64) {
        let is_ahead = self.lead == Lead::Diastolic;
        match category {
            Category::Hypotension => (40.0, systolic - LEAST_PULSE),
            Category::Normal => (60.0, 80.0_f64.min(systolic - LEAST_PULSE)),
            Category::Elevated => (if is_ahead { 70.0 } else { 60.0 }, 80.0),
            Category::Stage1 if is_ahead => (80.0, 90.0),
            Category::Stage1 => (60.0, 90.0),
            Category::Stage2 if is_ahead => (90.0, 121.0),
            Category::Stage2 => (62.0, 116.0),
            Category::Crisis if is_ahead => (121.0, 136.0),
            Category::Crisis => (64.0, 131.0),
        }
    }
}

impl Lead {
    /// By age in years and a number in [0, 1).
    fn new(age: f64, draw: f64) -> Self {
        let (systolic, diastolic) = match age {
            age if age < 55.0 => (0.05, 0.3),
            age if age < 65.0 => (0.15, 0.1),
            _ => (0.35, 0.03),
        };
        match draw {
            draw if draw < systolic => Self::Systolic,
            draw if draw < systolic + diastolic => Self::Diastolic,
            _ => Self::Both,
        }
    }
}

/// The height in a band as its readings are spread: the further off from what is usual, the fewer.
fn bent(place: Place) -> f64 {
    let towards_high = match place.category {
        Category::Hypotension => 0.5,
        Category::Normal => 0.4,
        Category::Elevated | Category::Stage1 => 0.0,
        Category::Stage2 | Category::Crisis => -0.5,
    };
    place.height * (1.0 + towards_high * (1.0 - place.height))
}

/// A number between both limits, the lower one included: the same near their middle, and never many at an end.
fn within(low: f64, high: f64, number: f64) -> f64 {
    let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
    let off = (number - middle) / half;
    let squeezed = middle + half * off / (1.0 + off * off).sqrt();
    squeezed.clamp(low, high - 0.01)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEIGHTS: u32 = 400;

    /// From the lowest reading to the highest.
    fn places() -> impl Iterator<Item = Place> {
        Category::ALL.into_iter().flat_map(|category| {
            (0..=HEIGHTS)
                .map(move |height| Place { category, height: f64::from(height) / f64::from(HEIGHTS) })
        })
    }

    fn builds() -> impl Iterator<Item = Build> {
        let bits = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (0..200)
            .flat_map(move |number| [20.0, 40.0, 60.0, 70.0, 95.0].map(|age| Build::new(age, bits(number))))
    }

    /// The table of AHA/ACC 2017.
    const fn category(pressure: Pressure) -> Category {
        match (pressure.systolic, pressure.diastolic) {
            (181.., _) | (_, 121..) => Category::Crisis,
            (140.., _) | (_, 90..) => Category::Stage2,
            (130.., _) | (_, 80..) => Category::Stage1,
            (120.., _) => Category::Elevated,
            (..90, _) | (_, ..60) => Category::Hypotension,
            _ => Category::Normal,
        }
    }

    #[test]
    fn a_pressure_is_of_its_category_whoever_has_it() {
        for build in builds() {
            for place in places() {
                for error in [-4.0, 0.0, 4.0] {
                    let pressure = build.pressure(place, error);
                    assert_eq!(category(pressure), place.category, "{build:?} {place:?} {pressure:?}");
                    assert!(pressure.diastolic + 20 <= pressure.systolic, "{build:?} {place:?} {pressure:?}");
                }
            }
        }
    }

    #[test]
    fn the_systolic_rises_from_74_without_a_step() {
        for build in builds() {
            let systolic: Vec<u16> = places().map(|place| build.pressure(place, 0.0).systolic).collect();
            assert!(systolic.windows(2).all(|pair| pair[1] - pair[0] <= 1), "{build:?}: {systolic:?}");
            assert_eq!(systolic.first(), Some(&74));
            let most = if build.lead == Lead::Diastolic { 199 } else { 215 };
            assert_eq!(systolic.last(), Some(&most));
        }
    }
}
