//! Random numbers by name: the same key gives the same bits, in any order and on any machine.

use siphasher::sip::SipHasher13;

use crate::number::real;

/// What a draw is for: draws for different ends are independent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Where the ward's severities begin.
    Severity = 1,
    /// Sex and name of a patient.
    Identity = 2,
    /// Age of a patient.
    Age = 3,
    /// What is peculiar to a patient's pressure.
    Build = 4,
    /// An episode of a patient in a window of time.
    Episode = 5,
    /// The error of a measurement.
    Noise = 6,
    /// The error of a measurement, the diastolic side's own.
    Diastolic = 7,
    /// The order of a round of the history.
    HistoryRound = 8,
    /// The order of a live round.
    LiveRound = 9,
}

/// 64 random bits for this seed, purpose and pair of numbers.
pub(crate) fn bits(seed: u32, purpose: Purpose, first: u64, second: u64) -> u64 {
    let mut message = [0; 16];
    message[..8].copy_from_slice(&first.to_le_bytes());
    message[8..].copy_from_slice(&second.to_le_bytes());
    SipHasher13::new_with_keys(u64::from(seed), purpose as u64).hash(&message)
}

/// One of `0..bound` by random bits.
pub(crate) fn below(bits: u64, bound: u32) -> u32 {
    let scaled = (u128::from(bits) * u128::from(bound)) >> 64;
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

/// A number in [0, 1) by random bits.
pub(crate) fn unit(bits: u64) -> f64 {
    const DIGITS: u32 = 53;
    real((bits >> (u64::BITS - DIGITS)).cast_signed()) / real(1 << DIGITS)
}

/// Several coarse numbers from the same 64 bits.
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The next number in [0, 1), of as many binary digits as asked for.
    pub(crate) fn unit(&mut self, digits: u32) -> f64 {
        let taken = self.0 & ((1 << digits) - 1);
        self.0 >>= digits;
        real(taken.cast_signed()) / real(1 << digits)
    }
}
