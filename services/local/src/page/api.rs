//! The questions of the page and their answers: docs/api.md.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bpmonitor_clinical::{Category, Limits};
use bpmonitor_pipeline::embedded::view::{PatientReadings, Range, Selection, UnknownRange};
use bpmonitor_pipeline::now;
use enumset::EnumSet;
use serde::{Deserialize, Serialize};

use super::Page;
use super::error::ApiError;
use crate::status::Report;

type Answer = Result<Response, ApiError>;

/// Which readings are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    range: Option<String>,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    patient: Option<String>,
}

/// Which patients are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    query: String,
    #[serde(default)]
    limit: Option<usize>,
}

/// How many are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Limit {
    #[serde(default)]
    limit: Option<usize>,
}

/// A patient's readings with the limits that hold for them.
#[derive(Serialize)]
struct WithLimits {
    #[serde(flatten)]
    readings: PatientReadings,
    limits: Limits,
}

impl Asked {
    fn selection(&self) -> Result<Selection, ApiError> {
        let range: Option<Range> = self.range.as_deref().map(str::parse).transpose().map_err(bad_range)?;
        Ok(Selection {
            range: range.unwrap_or_default(),
            categories: categories(self.category.as_deref().unwrap_or_default())?,
            patient: self.patient.clone().filter(|patient| !patient.is_empty()),
            now: now(),
        })
    }
}

fn bad_range(error: UnknownRange) -> ApiError {
    ApiError::bad_request(error.to_string())
}

fn categories(text: &str) -> Result<EnumSet<Category>, ApiError> {
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    let known = |id: &str| EnumSet::<Category>::all().iter().find(|category| category.id() == id);
    let found = ids.map(|id| {
        known(id).ok_or_else(|| {
            let all: Vec<_> = EnumSet::<Category>::all().iter().map(Category::id).collect();
            ApiError::bad_request(format!("category must be some of {}, separated by commas", all.join(", ")))
        })
    });
    found.collect()
}

fn json(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

pub(super) async fn ward(State(page): State<Arc<Page>>) -> Response {
    Json(&page.ward).into_response()
}

pub(super) async fn status(State(page): State<Arc<Page>>) -> Json<Report> {
    Json(page.status.report())
}

pub(super) async fn overview(State(page): State<Arc<Page>>, Query(asked): Query<Asked>) -> Answer {
    let selection = asked.selection()?;
    let question = format!("overview {asked:?}");
    page.answers.get(question, move |view| Ok(view.overview(&selection)?)).await.map(json)
}

pub(super) async fn patients(State(page): State<Arc<Page>>, Query(search): Query<Search>) -> Answer {
    let limit = search.limit.unwrap_or(50).min(500);
    let question = format!("patients {search:?}");
    page.answers.get(question, move |view| Ok(view.patients(&search.query, limit)?)).await.map(json)
}

pub(super) async fn patient_readings(
    State(page): State<Arc<Page>>,
    Path(patient): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let selection = asked.selection()?;
    let limits = *page.thresholds.limits(Some(&patient));
    let question = format!("readings {patient:?} {asked:?}");
    let answer = page.answers.get(question, move |view| {
        let readings = view.patient_readings(&patient, &selection)?;
        Ok(readings.map(|readings| WithLimits { readings, limits }))
    });
    match answer.await? {
        none if *none == *b"null" => Err(ApiError::not_found("the ward has no such patient")),
        body => Ok(json(body)),
    }
}

pub(super) async fn rejections(State(page): State<Arc<Page>>, Query(asked): Query<Limit>) -> Answer {
    let limit = asked.limit.unwrap_or(20).min(200);
    page.answers.get(format!("rejections {limit}"), move |view| Ok(view.rejections(limit)?)).await.map(json)
}
