//! The simulated ward: who is in it, how often they are measured, and what the readings are like.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::rules::{add, immutable, rule};

/// The most observations a second that a ward may be asked for.
const MAX_RATE_PER_SECOND: f64 = 100_000.0;

/// The simulated patients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct Patients {
    /// How many patients the ward has. 0: no simulation, only what others publish to the topic.
    #[schemars(range(max = 1_000_000))]
    pub count: u32,
    /// Start of the random numbers: the same seed gives the same ward and the same readings. Cannot be changed.
    #[schemars(range(max = 4_294_967_295_u32), transform = seed_rules)]
    pub seed: u32,
    /// Language and country of the names, such as `fr`, `en` or `de-CH`.
    #[schemars(length(max = 16), transform = locale_rules)]
    pub locale: String,
    /// Weights of the readings' categories. A weight that is not given keeps its default: for crises only, set the
    /// others to 0.
    pub mix: Mix,
    /// Readings published before the first live one, in the past.
    pub history: History,
}

/// Weights of the readings' categories, relative to each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline, transform = mix_rules)]
pub struct Mix {
    /// Weight of normal readings.
    #[schemars(range(min = 0))]
    pub normal: f64,
    /// Weight of elevated readings.
    #[schemars(range(min = 0))]
    pub elevated: f64,
    /// Weight of stage 1 hypertension.
    #[schemars(range(min = 0))]
    pub stage1: f64,
    /// Weight of stage 2 hypertension.
    #[schemars(range(min = 0))]
    pub stage2: f64,
    /// Weight of hypertensive crises.
    #[schemars(range(min = 0))]
    pub crisis: f64,
    /// Weight of hypotension.
    #[schemars(range(min = 0))]
    pub hypotension: f64,
}

/// Readings published first, in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct History {
    /// How many days back the readings begin. 0: none.
    #[schemars(range(max = 3650))]
    pub days: u32,
    /// How many readings each patient has on each of those days.
    #[schemars(range(max = 1440))]
    pub readings_per_day: u32,
}

/// How often the ward is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct Rate {
    // The schema's bounds are for editors and the API server; the rule says the same where rules alone are run.
    /// Observations a second, the whole ward's: above 0, at most 100000. Decimals are allowed (0.2: one every 5 s).
    #[schemars(extend("minimum" = 0, "exclusiveMinimum" = true, "maximum" = MAX_RATE_PER_SECOND))]
    #[schemars(transform = rate_rules)]
    pub per_second: f64,
}

impl Default for Patients {
    fn default() -> Self {
        Self {
            count: 200,
            seed: 42,
            locale: "fr".to_owned(),
            mix: Mix::default(),
            history: History::default(),
        }
    }
}

impl Default for Mix {
    fn default() -> Self {
        Self { normal: 50.0, elevated: 15.0, stage1: 15.0, stage2: 15.0, crisis: 3.0, hypotension: 2.0 }
    }
}

impl Default for History {
    fn default() -> Self {
        Self { days: 7, readings_per_day: 4 }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: 5.0 }
    }
}

fn seed_rules(schema: &mut Schema) {
    add(schema, [immutable("since another seed is another ward under the same name")]);
}

fn locale_rules(schema: &mut Schema) {
    add(
        schema,
        [rule(
            "self.matches('^[a-z]{2,3}(-[A-Z]{2})?$')",
            "must be a language, with or without a country, as in fr, en or de-CH",
        )],
    );
}

fn mix_rules(schema: &mut Schema) {
    let weights = ["normal", "elevated", "stage1", "stage2", "crisis", "hypotension"];
    let any_above_zero = weights.map(|weight| format!("self.{weight} > 0.0")).join(" || ");
    add(schema, [rule(any_above_zero, "must have at least one weight above 0")]);
}

fn rate_rules(schema: &mut Schema) {
    add(
        schema,
        [rule(
            format!("self > 0.0 && self <= {MAX_RATE_PER_SECOND:.1}"),
            &format!("must be above 0 and at most {MAX_RATE_PER_SECOND} observations a second"),
        )],
    );
}
