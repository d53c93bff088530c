//! The ward on its way through time.

use jiff::Timestamp;

use crate::bands::Shares;
use crate::draw::{Draws, Purpose, bits};
use crate::episode::Severities;
use crate::observation::{Content, json};
use crate::patient::{Identity, build};
use crate::ranks::{ERROR_WIDTH, Ranks};
use crate::rhythm::{moved, tide};
use crate::round::Rounds;
use crate::schedule::Schedule;
use crate::{Category, Locale, Patient, Position, ResumeError, Settings};

/// The diastolic side's own error of measurement: at most this much either way, in mmHg.
const DIASTOLIC_ERROR: f64 = 4.0;

/// A simulated Observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Its number, from 0: first the history's, then the live ones.
    pub index: u64,
    /// The patient's number.
    pub patient: u32,
    /// When it is due, which is when it was measured.
    pub due: Timestamp,
    /// What it is meant to be under AHA/ACC 2017.
    pub category: Category,
    /// The FHIR R4 resource, one line without its end.
    pub json: Vec<u8>,
}

/// How much of the history is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Observations taken.
    pub done: u64,
    /// Observations in all.
    pub total: u64,
}

/// A simulated ward on its way through time.
#[derive(Clone, Debug)]
pub struct Simulation {
    seed: u32,
    locale: Locale,
    severities: Severities,
    schedule: Schedule,
    next: u64,
    history: Ward,
    live: Ward,
}

/// Who is measured, and how the readings are shared among the categories: of the history, or live.
#[derive(Clone, Debug)]
struct Ward {
    patients: u32,
    shares: Shares,
    ranks: Ranks,
    rounds: Rounds,
}

impl Simulation {
    /// A ward whose history ends at `start`, and whose first live observation is due one interval later.
    pub fn begin(settings: &Settings, start: Timestamp) -> Self {
        Self::at(settings, Schedule::new(settings, start), 0)
    }

    /// The ward from a position on. A history that was begun goes on as it was; everything else follows the settings,
    /// and another rate holds from the last observation on.
    ///
    /// # Errors
    ///
    /// [`ResumeError::OtherSeed`] where the position is one in another ward.
    pub fn resume(settings: &Settings, position: &Position) -> Result<Self, ResumeError> {
        if position.seed != settings.seed {
            return Err(ResumeError::OtherSeed { found: position.seed, asked: settings.seed });
        }
        let schedule = position.schedule.clone().with_rate(settings.rate_per_second, position.next);
        Ok(Self::at(settings, schedule, position.next))
    }

    fn at(settings: &Settings, schedule: Schedule, next: u64) -> Self {
        let Settings { seed, locale, patients, .. } = *settings;
        let severities = Severities::new(seed);
        let ward = |patients, shares, purpose| Ward {
            patients,
            shares,
            ranks: Ranks::new(severities, patients),
            rounds: Rounds::new(seed, purpose, patients),
        };
        let history = ward(schedule.history.patients, schedule.history.shares, Purpose::HistoryRound);
        let live = ward(patients, Shares::new(settings.mix), Purpose::LiveRound);
        Self { seed, locale, severities, schedule, next, history, live }
    }

    /// Behind everything taken so far.
    pub fn position(&self) -> Position {
        Position { seed: self.seed, next: self.next, schedule: self.schedule.clone() }
    }

    /// Leaves out what would have been measured up to `time`, or waits for it no longer: live observations go on with the
    /// next index one interval later. A history goes on as it was.
    pub fn go_on_at(&mut self, time: Timestamp) {
        self.schedule.go_on_at(time, self.next);
    }

    /// When the next observation is due: in the past while the history lasts; [`Timestamp::MAX`] where none ever is.
    pub fn next_due(&self) -> Timestamp {
        self.due().unwrap_or(Timestamp::MAX)
    }

    /// The next observations in order of time: those due by `until`, at most `most`.
    pub fn take(&mut self, until: Timestamp, most: usize) -> Vec<Observation> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(due) = self.due().filter(|due| *due <= until) else { break };
            let Some(observation) = self.observe(due) else { break };
            taken.push(observation);
            self.next += 1;
        }
        taken
    }

    /// How much of the history is behind.
    pub fn history(&self) -> Progress {
        let total = self.schedule.history.total();
        Progress { done: self.next.min(total), total }
    }

    /// The patients who are measured live.
    pub fn patients(&self) -> impl Iterator<Item = Patient> + '_ {
        let (start, history) = (self.schedule.start, self.schedule.history.history());
        (0..self.live.patients)
            .map(move |number| Patient::new(self.seed, number, self.locale, start, history))
    }

    fn is_live(&self) -> bool {
        self.next >= self.schedule.history.total()
    }

    fn due(&self) -> Option<Timestamp> {
        if self.is_live() && self.live.patients == 0 {
            return None;
        }
        self.schedule.due(self.next)
    }

    /// The next observation; none in an empty ward.
    fn observe(&mut self, due: Timestamp) -> Option<Observation> {
        let (seed, index, ms) = (self.seed, self.next, due.as_millisecond());
        let total = self.schedule.history.total();
        let (ward, turn) =
            if index < total { (&mut self.history, index) } else { (&mut self.live, index - total) };
        let patient = ward.rounds.patient(turn)?;
        let build = build(seed, patient);
        let severity = self.severities.at(patient, ms) + error(seed, index);
        let mut place = ward.shares.place(ward.ranks.rank(severity, ms));
        place.height = moved(place.height, build.amplitude * tide(ms));
        let pressure = build.pressure(place, diastolic_error(seed, index));
        let identity = &Identity::new(seed, patient, self.locale);
        let json = json(&Content { seed, index, patient, identity, due, pressure });
        Some(Observation { index, patient, due, category: place.category, json })
    }
}

/// The error of a measurement, in severity: bell-shaped, and exactly what the ranks reckon with.
fn error(seed: u32, index: u64) -> f64 {
    const DIGITS: u32 = 21;
    let mut draws = Draws::new(bits(seed, Purpose::Noise, index, 0));
    ERROR_WIDTH * (draws.unit(DIGITS) + draws.unit(DIGITS) + draws.unit(DIGITS) - 1.5)
}

/// The diastolic side's own error, in mmHg.
fn diastolic_error(seed: u32, index: u64) -> f64 {
    const DIGITS: u32 = 32;
    let mut draws = Draws::new(bits(seed, Purpose::Diastolic, index, 0));
    DIASTOLIC_ERROR * (draws.unit(DIGITS) + draws.unit(DIGITS) - 1.0)
}
