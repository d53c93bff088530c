//! What people look at in Kibana, as data: a monitor's data view, saved searches, dashboards and alert rules.
//!
//! Pure: the same monitor gives the same bytes. `make kibana` writes those of the smallest manifest beside this crate, and a test fails
//! when the two differ. To change a dashboard, edit its file below `dashboards/`; a panel is one expression there.

mod alerts;
mod content;
mod control;
mod dashboard;
mod dashboards;
mod data_view;
mod field;
mod ids;
pub mod lens;
mod object;
mod searches;
mod ward;

pub use alerts::{Connector, Rule};
pub use content::Content;
pub use field::Field;
pub use object::{Kind, Reference, SavedObject, ndjson};
pub use ward::{Bands, Contradictions, Line, Ward};
