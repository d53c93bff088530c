//! The LOINC codes that matter for a blood pressure.

use enumset::{EnumSet, EnumSetType};
use serde::Deserialize;
use serde::de::SeqAccess;
use serde_json::value::RawValue;

use crate::field::{Field, Shape, Text, object_shape};

/// What a LOINC code says about an Observation or a component.
#[derive(EnumSetType, Debug)]
pub(crate) enum Code {
    Systolic,
    Diastolic,
    /// A blood-pressure panel.
    Panel,
    /// An average over readings.
    Average,
    /// The mean arterial pressure.
    MeanPressure,
    /// Any coding at all, of whatever system.
    Anything,
    /// A coding of a wrong JSON type that may be one of the others.
    Unreadable,
}

const LOINC: [&str; 2] = ["http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"];

fn meaning(code: &str) -> Option<Code> {
    match code {
        "8480-6" => Some(Code::Systolic),
        "8462-4" => Some(Code::Diastolic),
        "85354-9" | "55284-4" | "35094-2" | "55417-0" => Some(Code::Panel),
        "96607-7" | "96608-5" | "96609-3" => Some(Code::Average),
        "8478-0" => Some(Code::MeanPressure),
        _ => None,
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Coding<'a> {
    #[serde(borrow)]
    system: Text<'a>,
    #[serde(borrow)]
    code: Text<'a>,
}

/// The meanings of all `coding`s of a `CodeableConcept`, wherever they stand in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Codes(pub(crate) EnumSet<Code>);

impl<'de> Shape<'de> for Codes {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut codes = EnumSet::empty();
        while let Some(coding) = seq.next_element::<Field<Coding<'de>>>()? {
            codes |= Code::Anything;
            codes |= meaning_of(&coding).map_or(EnumSet::empty(), EnumSet::only);
        }
        Ok(Some(Self(codes)))
    }
}

fn meaning_of(coding: &Field<Coding<'_>>) -> Option<Code> {
    let coding = match coding {
        Field::Absent => return None,
        Field::Wrong => return Some(Code::Unreadable),
        Field::Is(coding) => coding,
    };
    match (&coding.system, &coding.code) {
        (Field::Is(system), _) if !LOINC.contains(&system.as_ref()) => None,
        (Field::Is(_), Field::Is(code)) => meaning(code),
        (Field::Wrong, Field::Is(code)) => meaning(code).map(|_| Code::Unreadable),
        (Field::Is(_) | Field::Wrong, Field::Wrong) => Some(Code::Unreadable),
        (Field::Absent, _) | (_, Field::Absent) => None,
    }
}

/// A FHIR `CodeableConcept`, reduced to what its codings mean.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Concept<'a> {
    coding: Field<Codes>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

object_shape!(Coding, Concept);

impl Concept<'_> {
    /// The meanings of its codings; a text alone counts as [`Code::Anything`].
    pub(crate) fn codes(&self) -> EnumSet<Code> {
        let codes = match &self.coding {
            Field::Absent => EnumSet::empty(),
            Field::Is(codes) => codes.0,
            Field::Wrong => Code::Anything | Code::Unreadable,
        };
        let says_something = |text: &str| text.chars().any(|char| char != '"' && !char.is_whitespace());
        let has_text = self.text.is_some_and(|text| says_something(text.get()));
        if has_text { codes | Code::Anything } else { codes }
    }
}

/// A concept that is not there means nothing; one of a wrong JSON type means something that cannot be read.
pub(crate) fn codes_of(concept: &Field<Concept<'_>>) -> EnumSet<Code> {
    match concept {
        Field::Absent => EnumSet::empty(),
        Field::Is(concept) => concept.codes(),
        Field::Wrong => Code::Anything | Code::Unreadable,
    }
}
