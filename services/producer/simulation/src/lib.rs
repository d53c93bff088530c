//! The simulated ward: FHIR blood-pressure Observations as a pure function of settings, start and position.
//!
//! [`Simulation::begin`] starts a ward, [`Simulation::take`] gives the Observations that are due, and
//! [`Simulation::resume`] goes on from a stored [`Position`] with the same bytes as if nothing had happened. [`Pace`] keeps it in
//! step with a clock. No I/O and no clock of its own. All figures are made up: they are for trying things out, not for conclusions about people.

mod bands;
mod clock;
mod draw;
mod episode;
mod locale;
mod names;
mod number;
mod observation;
mod pace;
mod patient;
mod position;
mod pressure;
mod ranks;
mod rhythm;
mod round;
mod schedule;
mod settings;
mod simulation;

pub use bands::Category;
pub use clock::Clocks;
pub use locale::{Locale, UnknownLocale};
pub use pace::{Look, Pace};
pub use patient::{Patient, Sex, patient_id};
pub use position::{Position, ResumeError};
pub use settings::{History, Mix, Settings};
pub use simulation::{Observation, Progress, Simulation};
