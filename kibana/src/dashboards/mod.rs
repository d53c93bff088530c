//! The dashboards, one file each.

mod categories;
mod patient;
mod ward_now;

use crate::{SavedObject, Ward, ids};

/// The dashboard to begin with.
pub(crate) const WARD_NOW: &str = "ward-now";
const PATIENT: &str = "patient";
const CATEGORIES: &str = "categories";

/// As many as there are categories of anomalies.
const ALL_CATEGORIES: u32 = 5;
/// As many as there are severities.
const ALL_SEVERITIES: u32 = 4;

/// The title of the text that says what a dashboard is about.
const ABOUT: &str = "About: only anomalous readings are shown";

/// All of them.
pub(crate) fn all(ward: &Ward) -> [SavedObject; 3] {
    [ward_now::dashboard(ward), patient::dashboard(ward), categories::dashboard(ward)]
}

/// What stands above each dashboard: the ways to the others, and what its numbers are not.
fn about(ward: &Ward) -> String {
    let link = |title: &str, what: &str| format!("[{title}](#/view/{})", ids::object(ward, what));
    let links = [link("Ward now", WARD_NOW), link("Patient", PATIENT), link("Categories", CATEGORIES)];
    format!(
        "{}\n\nOnly anomalous readings are indexed: every count and every mean here is one of anomalous readings, not of all. What was \
         withdrawn is hidden. Patients are shown by pseudonym. Decision support on a stream, not a medical device.",
        links.join(" | ")
    )
}
