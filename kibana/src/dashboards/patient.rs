//! *Patient*: the anomalous readings of whoever is chosen.

use super::{ABOUT, ALL_CATEGORIES, PATIENT, about};
use crate::dashboard::{Dashboard, WIDTH};
use crate::lens::{Column, donut, lines, metric};
use crate::searches::READINGS;
use crate::{Field, SavedObject, Ward};

pub(super) fn dashboard(ward: &Ward) -> SavedObject {
    let description = "The anomalous readings of one patient: choose the pseudonym above (`bpmonitor pseudonym ID` gives it).";
    let page = Dashboard::new(ward, PATIENT, "Patient", description)
        .choose(Field::Patient, "Patient")
        .row(5)
        .text(ABOUT, &about(ward));
    let page = totals(page.row(6));
    let page = courses(page, ward);
    page.row(18).search(WIDTH, "Anomalous readings with their reasons, the latest first", READINGS).build()
}

fn totals(page: Dashboard<'_>) -> Dashboard<'_> {
    let highest = |field| metric(Column::highest("mmHg", field));
    page.chart(12, "Anomalous readings", &metric(Column::count("readings")))
        .chart(12, "Highest systolic of anomalous readings", &highest(Field::Systolic))
        .chart(12, "Highest diastolic of anomalous readings", &highest(Field::Diastolic))
        .chart(
            12,
            "Mean arterial pressure of anomalous readings",
            &metric(Column::mean("mmHg", Field::MeanArterial)),
        )
}

fn courses<'a>(page: Dashboard<'a>, ward: &Ward) -> Dashboard<'a> {
    let sides = vec![Column::mean("Systolic", Field::Systolic), Column::mean("Diastolic", Field::Diastolic)];
    let derived = vec![
        Column::mean("Mean arterial pressure", Field::MeanArterial),
        Column::mean("Pulse pressure", Field::Pulse),
    ];
    let shares = donut("Category", Field::Category, ALL_CATEGORIES);
    page.row(15)
        .chart(
            WIDTH,
            "Anomalous pressures over time, with the ward's limits",
            &lines(sides, Some(&ward.bands)),
        )
        .row(14)
        .chart(32, "Mean arterial and pulse pressure of anomalous readings over time", &lines(derived, None))
        .chart(16, "Anomalous readings by category, in percent", &shares)
}
