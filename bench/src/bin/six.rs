//! `bpmonitor-six`: the classifier as it is, but for its documents, which have the six fields that the other pipelines write.

use std::io;
use std::process::ExitCode;

use bpmonitor_classifier::{Cli, Options, run};
use bpmonitor_clinical::Category;
use bpmonitor_pipeline::cluster::elasticsearch::BulkSettings;
use bpmonitor_pipeline::{AnomalyWrite, Document};
use clap::Parser;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.logs.init();
    let bulk = BulkSettings { render: six_fields, ..BulkSettings::default() };
    match run(&cli, Options { bulk }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The six fields, under the names that the other pipelines use.
#[derive(Serialize)]
struct SixFields<'d> {
    patient_id: Option<&'d str>,
    #[serde(serialize_with = "bpmonitor_pipeline::exact_number")]
    systolic_pressure: Option<Decimal>,
    #[serde(serialize_with = "bpmonitor_pipeline::exact_number")]
    diastolic_pressure: Option<Decimal>,
    anomaly_type: Option<&'static str>,
    observation_id: Option<&'d str>,
    effective: Option<Timestamp>,
}

fn six_fields(write: &AnomalyWrite, text: &mut Vec<u8>) -> io::Result<()> {
    let Document {
        patient_id,
        systolic_pressure,
        diastolic_pressure,
        category,
        observation_id,
        effective,
        ..
    } = &*write.document;
    let document = SixFields {
        patient_id: patient_id.as_deref(),
        systolic_pressure: *systolic_pressure,
        diastolic_pressure: *diastolic_pressure,
        anomaly_type: category.map(name),
        observation_id: observation_id.as_deref(),
        effective: *effective,
    };
    Ok(serde_json::to_writer(text, &document)?)
}

/// A category's name in the other pipelines.
const fn name(category: Category) -> &'static str {
    match category {
        Category::HypertensiveCrisis => "crisis",
        Category::HypertensionStage2 => "stage2",
        Category::HypertensionStage1 => "stage1",
        Category::Elevated => "elevated",
        Category::Hypotension => "hypotension",
        Category::Normal => "normal",
    }
}
