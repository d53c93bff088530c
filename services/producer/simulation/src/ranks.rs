//! The rank of a reading among all that the ward could have at that time: what the mix is cut by.
//!
//! At marks of time the ward's severities are counted on a grid and blurred by what measurement adds, which gives the share of
//! readings below any severity. Between two marks both shares are mixed. So the mix holds at any time and not
//! only on average. A ward too small for this is counted over several hours.

use crate::episode::{RANGE, Severities};
use crate::number::{cell, real};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// More patients are not looked at: these tell how the others are spread.
const MOST_COUNTED: u32 = 20_000;

/// From this size on, a ward's patients at one time are enough to be cut into categories.
const ENOUGH: u32 = 24;

/// Distance of the grid's points, in severity.
const GRID: f64 = 0.005;

/// Points of the grid over which each of three blurs goes; odd, to have a middle.
const BLUR: u8 = 15;

/// The width of each of the three equal draws that make up the error of a measurement, in severity.
pub(crate) const ERROR_WIDTH: f64 = BLUR as f64 * GRID;

/// Points of the grid, which ends beyond what measurement adds to the highest severity.
const POINTS: u16 = 600;

/// Where the grid begins.
const LOWEST: f64 = RANGE.0 - 2.0 * ERROR_WIDTH;

/// The share of readings below each point of the grid.
type Below = Vec<f64>;

/// Ranks in a ward of a given size.
#[derive(Clone, Debug)]
pub(crate) struct Ranks {
    severities: Severities,
    patients: u32,
    pace: Pace,
    /// The last two that were counted, each with its step, by whether that is even or odd.
    kept: [Option<(i64, Below)>; 2],
}

/// How often a ward is counted anew.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Milliseconds from step to step.
    step: i64,
    /// Times within a step that are counted together; 1: that of its beginning.
    times: i64,
}

impl Pace {
    fn of(patients: u32) -> Self {
        if patients < ENOUGH {
            let hours = i64::from(ENOUGH.div_ceil(patients.max(1)));
            return Self { step: hours * HOUR_MS, times: 6 * hours };
        }
        // A few patients who get worse within a step are many in a small ward.
        let minutes = i64::from(patients / 16).clamp(10, 60);
        Self { step: minutes * MINUTE_MS, times: 1 }
    }
}

impl Ranks {
    pub(crate) fn new(severities: Severities, patients: u32) -> Self {
        Self {
            severities,
            patients: patients.min(MOST_COUNTED),
            pace: Pace::of(patients),
            kept: [const { None }; 2],
        }
    }

    /// The share of the ward's readings at this time, in milliseconds since 1970, that are below this severity.
    pub(crate) fn rank(&mut self, severity: f64, ms: i64) -> f64 {
        let step = ms.div_euclid(self.pace.step);
        let now = below(self.counted(step), severity);
        if self.pace.times > 1 {
            return now;
        }
        let since = real(ms.rem_euclid(self.pace.step)) / real(self.pace.step);
        let next = below(self.counted(step + 1), severity);
        now + (next - now) * since
    }

    fn counted(&mut self, step: i64) -> &Below {
        let slot = usize::from(step % 2 != 0);
        let kept = self.kept[slot].take().filter(|(of, _)| *of == step);
        let kept = kept.unwrap_or_else(|| (step, self.count(step)));
        &self.kept[slot].insert(kept).1
    }

    fn count(&self, step: i64) -> Below {
        let each = 1.0 / (f64::from(self.patients) * real(self.pace.times));
        let apart = self.pace.step / self.pace.times;
        let middle = if self.pace.times > 1 { apart / 2 } else { 0 };
        let mut mass = vec![0.0; usize::from(POINTS)];
        for time in 0..self.pace.times {
            let ms = step * self.pace.step + time * apart + middle;
            for patient in 0..self.patients {
                put(&mut mass, self.severities.at(patient, ms), each);
            }
        }
        for _ in 0..3 {
            blur(&mut mass);
        }
        summed(mass)
    }
}

/// Shares a mass between the two points of the grid that its place lies between.
fn put(mass: &mut [f64], severity: f64, each: f64) {
    let (point, beyond) = on_grid(severity);
    mass[point] += each * (1.0 - beyond);
    mass[point + 1] += each * beyond;
}

/// The point at or below, which is not the last, and how far it is to the next one, in [0, 1).
fn on_grid(severity: f64) -> (usize, f64) {
    const LAST: f64 = (POINTS - 2) as f64;
    let at = ((severity - LOWEST) / GRID).clamp(0.0, LAST);
    (cell(at), at - at.floor())
}

/// Spreads the mass of each point evenly over [`BLUR`] points around it.
fn blur(mass: &mut [f64]) {
    let original = mass.to_vec();
    let mut window = 0.0;
    let (whole, half) = (usize::from(BLUR), usize::from(BLUR / 2));
    for end in 0..mass.len() + half {
        window += original.get(end).copied().unwrap_or_default();
        if end >= whole {
            window -= original[end - whole];
        }
        if end >= half {
            mass[end - half] = window / f64::from(BLUR);
        }
    }
}

/// The mass below each point, half its own included.
fn summed(mut mass: Vec<f64>) -> Below {
    let mut below = 0.0;
    for point in &mut mass {
        let own = *point;
        *point = below + own / 2.0;
        below += own;
    }
    mass
}

fn below(shares: &Below, severity: f64) -> f64 {
    let (point, beyond) = on_grid(severity);
    shares[point] + (shares[point + 1] - shares[point]) * beyond
}
