//! How ill a patient is at a time: what is lasting, and episodes that build up over hours and pass.

use crate::draw::{Draws, Purpose, bits, unit};
use crate::number::real;

const HOUR_MS: i64 = 3_600_000;

/// In each window of this length a patient has one episode or none. No episode is longer, so that those of two windows are all
/// that matter at a time.
const WINDOW_MS: i64 = 16 * HOUR_MS;

/// Probability that a window has an episode of higher pressure.
const UP: f64 = 0.3;
/// Probability that a window has one of lower pressure.
const DOWN: f64 = 0.1;

/// The largest change an episode makes, on the scale on which lasting severities are spread over [0, 1].
const MOST: f64 = 0.55;

/// 2^64 divided by the golden ratio: its multiples fill a circle evenly, whatever their number.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The severities that occur, measurement left out.
pub(crate) const RANGE: (f64, f64) = (-MOST, 1.0 + 2.0 * MOST);

/// How ill each patient of a ward is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Severities {
    seed: u32,
    offset: u64,
}

impl Severities {
    pub(crate) fn new(seed: u32) -> Self {
        Self { seed, offset: bits(seed, Purpose::Severity, 0, 0) }
    }

    /// How ill the patient is at this time, in milliseconds since 1970: the lasting part in [0, 1), and the episodes.
    pub(crate) fn at(&self, patient: u32, ms: i64) -> f64 {
        let lasting = unit(self.offset.wrapping_add(u64::from(patient).wrapping_mul(GOLDEN)));
        let window = ms.div_euclid(WINDOW_MS);
        let since = real(ms.rem_euclid(WINDOW_MS));
        lasting
            + self.episode(patient, window, since)
            + self.episode(patient, window - 1, since + real(WINDOW_MS))
    }

    /// The change by the episode of a window, so many milliseconds after the window's beginning.
    fn episode(&self, patient: u32, window: i64, since: f64) -> f64 {
        const DIGITS: u32 = 12;
        let mut draws =
            Draws::new(bits(self.seed, Purpose::Episode, u64::from(patient), window.cast_unsigned()));
        let Some(size) = size(draws.unit(DIGITS)) else { return 0.0 };
        let since_begin = since - draws.unit(DIGITS) * real(WINDOW_MS);
        let hour = real(HOUR_MS);
        let rise = hour * (1.0 + 3.0 * draws.unit(DIGITS));
        let plateau = hour * (1.0 + 5.0 * draws.unit(DIGITS));
        let fall = hour * (1.5 + 4.5 * draws.unit(DIGITS));
        let risen = smooth(since_begin / rise);
        let fallen = smooth((since_begin - rise - plateau) / fall);
        size * (risen - fallen)
    }
}

/// How much an episode changes at its height; none where there is no episode. Small ones are the more frequent.
fn size(draw: f64) -> Option<f64> {
    let grown = |share: f64| 0.1 + (MOST - 0.1) * share * share;
    match draw {
        draw if draw < UP => Some(grown(draw / UP)),
        draw if draw < UP + DOWN => Some(-grown((draw - UP) / DOWN) / 2.0),
        _ => None,
    }
}

/// From 0 to 1 while the argument goes from 0 to 1, without a kink.
fn smooth(share: f64) -> f64 {
    let share = share.clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}
