//! *Categories*: what kinds of anomalies there are, and how they change. Panels of risk find their place below the last row.

use super::{ABOUT, ALL_CATEGORIES, CATEGORIES, about};
use crate::dashboard::Dashboard;
use crate::lens::{Column, bars_by, donut, ranges, stacked_over_time};
use crate::{Field, SavedObject, Ward};

/// More flags than there are.
const ALL_FLAGS: u32 = 20;
/// The steps of the distributions, in mmHg.
const STEP: u16 = 10;

pub(super) fn dashboard(ward: &Ward) -> SavedObject {
    let description = "The categories of the anomalous readings: their shares, pressures, course and flags.";
    let page = Dashboard::new(ward, CATEGORIES, "Categories", description).row(5).text(ABOUT, &about(ward));
    let page = shares(page.row(14));
    distributions(page).build()
}

fn shares(page: Dashboard<'_>) -> Dashboard<'_> {
    let means = vec![
        Column::mean("Mean systolic", Field::Systolic),
        Column::mean("Mean diastolic", Field::Diastolic),
    ];
    page.chart(
        14,
        "Anomalous readings by category, in percent",
        &donut("Category", Field::Category, ALL_CATEGORIES),
    )
    .chart(14, "Types of anomalies, in percent", &donut("Type", Field::Anomalies, ALL_CATEGORIES))
    .chart(
        20,
        "Mean pressures of anomalous readings, by category",
        &bars_by("Category", Field::Category, ALL_CATEGORIES, means),
    )
}

fn distributions(page: Dashboard<'_>) -> Dashboard<'_> {
    let systolic = ranges("Systolic (mmHg)", Field::Systolic, 40, 300, STEP);
    let diastolic = ranges("Diastolic (mmHg)", Field::Diastolic, 20, 200, STEP);
    let course = stacked_over_time("Category", Field::Category, ALL_CATEGORIES);
    let flags = bars_by("Flag", Field::Flags, ALL_FLAGS, vec![Column::count("Anomalous readings")]);
    page.row(13)
        .chart(24, "Systolic pressures of anomalous readings", &systolic)
        .chart(24, "Diastolic pressures of anomalous readings", &diastolic)
        .row(14)
        .chart(32, "Anomalous readings by category, over time", &course)
        .chart(16, "Flags of anomalous readings", &flags)
}
