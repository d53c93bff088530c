//! The bytes of an Observation: FHIR R4, profile <http://hl7.org/fhir/StructureDefinition/bp>, one line of JSON.

use jiff::Timestamp;

use crate::patient::{Identity, patient_id};
use crate::pressure::Pressure;

/// Everything that an Observation says.
pub(crate) struct Content<'c> {
    pub(crate) seed: u32,
    pub(crate) index: u64,
    pub(crate) patient: u32,
    pub(crate) identity: &'c Identity,
    pub(crate) due: Timestamp,
    pub(crate) pressure: Pressure,
}

const TO_ID: &str = r#"{"resourceType":"Observation","id":"sim-"#;
const TO_TIME: &str = r#"","meta":{"lastUpdated":""#;
const TO_SUBJECT: &str = concat!(
    r#"","profile":["http://hl7.org/fhir/StructureDefinition/bp"]},"status":"final","category":[{"coding":[{"#,
    r#""system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","#,
    r#""display":"Vital Signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","#,
    r#""display":"Blood pressure panel with all children optional"}]},"subject":{"reference":"Patient/"#,
);
const TO_NAME: &str = r#"","display":""#;
const TO_EFFECTIVE: &str = r#""},"effectiveDateTime":""#;
const TO_SYSTOLIC: &str = concat!(
    r#"","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","#,
    r#""display":"Systolic blood pressure"}]},"valueQuantity":{"value":"#,
);
const TO_DIASTOLIC: &str = concat!(
    r#","unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},"#,
    r#"{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","#,
    r#""display":"Diastolic blood pressure"}]},"valueQuantity":{"value":"#,
);
const TO_END: &str = r#","unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#;

/// One line, without its end. No name needs escaping in JSON, which the names' test holds on to.
pub(crate) fn json(content: &Content<'_>) -> Vec<u8> {
    let time = format!("{:.3}", content.due);
    [
        TO_ID,
        &content.seed.to_string(),
        "-",
        &content.index.to_string(),
        TO_TIME,
        &time,
        TO_SUBJECT,
        &patient_id(content.seed, content.patient),
        TO_NAME,
        content.identity.given,
        " ",
        content.identity.family,
        TO_EFFECTIVE,
        &time,
        TO_SYSTOLIC,
        &content.pressure.systolic.to_string(),
        TO_DIASTOLIC,
        &content.pressure.diastolic.to_string(),
        TO_END,
    ]
    .concat()
    .into_bytes()
}
