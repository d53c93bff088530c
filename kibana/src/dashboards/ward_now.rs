//! *Ward now*: what a nurse looks at first.

use super::{ABOUT, ALL_CATEGORIES, ALL_SEVERITIES, WARD_NOW, about};
use crate::dashboard::{Dashboard, WIDTH};
use crate::lens::{Column, bars_by, donut, gauge, heat_map, lines, metric, stacked_over_time};
use crate::searches::{CRITICAL, IS_CRITICAL};
use crate::{Field, SavedObject, Ward};

pub(super) fn dashboard(ward: &Ward) -> SavedObject {
    let description = "The anomalous readings of the last day: how many, whose, how severe, how high.";
    let page = Dashboard::new(ward, WARD_NOW, "Ward now", description).row(5).text(ABOUT, &about(ward));
    let page = totals(page.row(6));
    let page = shares(page.row(14));
    let page = gauges(page.row(7), ward);
    people(page, ward).build()
}

fn totals(page: Dashboard<'_>) -> Dashboard<'_> {
    let mean = |field| metric(Column::mean("mmHg", field));
    let highest = |field| metric(Column::highest("mmHg", field));
    let critical = Column::count("in the last hour").of(IS_CRITICAL).in_the_last("1h");
    page.chart(7, "Anomalous readings", &metric(Column::count("readings")))
        .chart(7, "Patients with anomalies", &metric(Column::distinct("patients", Field::Patient)))
        .chart(7, "Critical anomalies in the last hour", &metric(critical))
        .chart(7, "Highest systolic of anomalous readings", &highest(Field::Systolic))
        .chart(7, "Highest diastolic of anomalous readings", &highest(Field::Diastolic))
        .chart(7, "Mean systolic of anomalous readings", &mean(Field::Systolic))
        .chart(6, "Mean diastolic of anomalous readings", &mean(Field::Diastolic))
}

fn shares(page: Dashboard<'_>) -> Dashboard<'_> {
    let categories = donut("Category", Field::Category, ALL_CATEGORIES);
    let severities = stacked_over_time("Severity", Field::Severity, ALL_SEVERITIES);
    let top = bars_by("Patient", Field::Patient, 5, vec![Column::count("Critical readings")]).of(IS_CRITICAL);
    page.chart(14, "Anomalous readings by category, in percent", &categories)
        .chart(20, "Anomalous readings by severity, over time", &severities)
        .chart(14, "Patients with most critical anomalies", &top)
}

fn gauges<'a>(page: Dashboard<'a>, ward: &Ward) -> Dashboard<'a> {
    let bands = &ward.bands;
    let highest = |field, limits| gauge(Column::highest("Highest (mmHg)", field), limits);
    let mean = |field, limits| gauge(Column::mean("Mean (mmHg)", field), limits);
    page.chart(12, "Highest systolic among anomalies", &highest(Field::Systolic, bands.systolic()))
        .chart(12, "Mean systolic among anomalies", &mean(Field::Systolic, bands.systolic()))
        .chart(12, "Highest diastolic among anomalies", &highest(Field::Diastolic, bands.diastolic()))
        .chart(12, "Mean diastolic among anomalies", &mean(Field::Diastolic, bands.diastolic()))
}

fn people<'a>(page: Dashboard<'a>, ward: &Ward) -> Dashboard<'a> {
    let means = vec![
        Column::mean("Mean systolic", Field::Systolic),
        Column::mean("Mean diastolic", Field::Diastolic),
    ];
    let heat = heat_map(
        "Patient",
        Field::Patient,
        15,
        Column::highest("Highest systolic", Field::Systolic),
        ward.bands.systolic(),
    );
    page.row(15)
        .chart(
            WIDTH,
            "Mean pressures of anomalous readings over time, with the limits in force",
            &lines(means, Some(&ward.bands)),
        )
        .row(16)
        .chart(24, "Highest systolic of anomalous readings, by patient and time", &heat)
        .search(24, "Latest critical anomalies, ten a page", CRITICAL)
}
