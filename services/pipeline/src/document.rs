//! The document of an assessed Reading: what is indexed, archived and shown.

use std::sync::Arc;

use bpmonitor_clinical::{Assessment, Category, Flag, Pressure, Reading, Reason, Severity};
use enumset::EnumSet;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An assessed Reading as it is stored. Its field names are what users query by; absent values are left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Document {
    /// When it was measured.
    #[serde(rename = "@timestamp", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// `Observation.id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observation_id: Option<String>,
    /// The patient's pseudonym.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<String>,
    /// In mmHg; with flag `comparator` possibly a bound.
    #[serde(serialize_with = "exact_number", skip_serializing_if = "Option::is_none")]
    pub systolic_pressure: Option<Decimal>,
    /// In mmHg; with flag `comparator` possibly a bound.
    #[serde(serialize_with = "exact_number", skip_serializing_if = "Option::is_none")]
    pub diastolic_pressure: Option<Decimal>,
    /// In mmHg, to two decimals.
    #[serde(serialize_with = "exact_number", skip_serializing_if = "Option::is_none")]
    pub mean_arterial_pressure: Option<Decimal>,
    /// In mmHg.
    #[serde(serialize_with = "exact_number", skip_serializing_if = "Option::is_none")]
    pub pulse_pressure: Option<Decimal>,
    /// The category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The category's severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The category unless normal, and hypotension where a low rule holds too.
    pub anomalies: EnumSet<Category>,
    /// What the category rests on.
    pub reasons: EnumSet<Reason>,
    /// What had to be assumed or doubted.
    pub flags: EnumSet<Flag>,
    /// When it was measured, once more under the name that FHIR gives it.
    #[serde(rename = "effectiveDateTime", skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
    /// When it was classified.
    pub processed_datetime: Timestamp,
    /// The `BpMonitor`'s name.
    pub monitor: Arc<str>,
    /// The `BpMonitor`'s namespace.
    pub namespace: Arc<str>,
    /// Whether it was taken back, or corrected to what is no anomaly.
    pub withdrawn: bool,
    /// Where in Kafka it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaCoordinates>,
    /// The patient's name, where the manifest asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_name: Option<String>,
    /// The Observation as received, where the manifest asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fhir_resource: Option<Box<RawValue>>,
}

/// Where in Kafka an Observation was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KafkaCoordinates {
    /// The topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// The record's offset in it.
    pub offset: u64,
}

impl Document {
    /// Fills in what a Reading and its Assessment say.
    #[must_use]
    pub fn assessed(mut self, reading: &Reading<'_>, assessment: &Assessment) -> Self {
        self.timestamp = Some(reading.effective);
        self.effective = Some(reading.effective);
        self.systolic_pressure = reading.systolic.map(Pressure::mmhg);
        self.diastolic_pressure = reading.diastolic.map(Pressure::mmhg);
        self.mean_arterial_pressure = assessment.mean_arterial_pressure;
        self.pulse_pressure = assessment.pulse_pressure;
        self.category = Some(assessment.category);
        self.severity = Some(assessment.category.severity());
        self.anomalies = assessment.anomalies;
        self.reasons = assessment.reasons;
        self.flags = reading.flags;
        self
    }
}

/// Writes a decimal as a JSON number with exactly its digits.
///
/// # Errors
///
/// The serializer's.
pub fn exact_number<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        // Most pressures are whole: without the way over text.
        Some(value) if value.scale() == 0 => match i64::try_from(*value) {
            Ok(whole) => serializer.serialize_i64(whole),
            Err(_) => serializer.serialize_i128(value.mantissa()),
        },
        Some(value) => match as_short(value) {
            Some(number) => serializer.serialize_f64(number),
            None => RawValue::from_string(value.to_string()).map_err(S::Error::custom)?.serialize(serializer),
        },
        None => serializer.serialize_none(),
    }
}

/// The number whose shortest text is the decimal's: few digits, the last of them not 0.
fn as_short(value: &Decimal) -> Option<f64> {
    let mantissa = i32::try_from(value.mantissa()).ok().filter(|mantissa| mantissa % 10 != 0)?;
    let divisor = [1.0, 10.0, 100.0].get(usize::try_from(value.scale()).ok()?)?;
    Some(f64::from(mantissa) / divisor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Serialize)]
    struct Exact(#[serde(serialize_with = "exact_number")] Option<Decimal>);

    proptest! {
        #[test]
        fn a_number_has_exactly_its_digits(mantissa in prop_oneof![-20_000_i64..20_000, any::<i64>()], scale in 0_u32..6) {
            let value = Decimal::new(mantissa, scale);
            prop_assert_eq!(serde_json::to_string(&Exact(Some(value))).unwrap(), value.to_string());
        }
    }
}
