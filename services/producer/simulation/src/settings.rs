//! What a ward is asked to be like.

use crate::Locale;

/// What a ward is asked to be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many patients are measured. 0: nobody is.
    pub patients: u32,
    /// Start of the random numbers: another seed is another ward.
    pub seed: u32,
    /// Language of the names.
    pub locale: Locale,
    /// How the readings are shared among the categories.
    pub mix: Mix,
    /// Readings before the first live one.
    pub history: History,
    /// Live observations a second, the whole ward's. Where it is not above 0, none is ever due.
    pub rate_per_second: f64,
}

/// Weights of the readings' categories, relative to each other. One that is negative or no finite number counts as 0; where
/// all are 0, every reading is normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Weight of normal readings.
    pub normal: f64,
    /// Weight of elevated readings.
    pub elevated: f64,
    /// Weight of stage 1 hypertension.
    pub stage1: f64,
    /// Weight of stage 2 hypertension.
    pub stage2: f64,
    /// Weight of hypertensive crises.
    pub crisis: f64,
    /// Weight of hypotension.
    pub hypotension: f64,
}

/// Readings before the first live one, in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// How many days back they begin. 0: none.
    pub days: u32,
    /// How many of them each patient has on each of those days.
    pub readings_per_day: u32,
}
