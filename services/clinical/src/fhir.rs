//! The FHIR shapes that are read: only the fields that are needed, each tolerant of every JSON type.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::SeqAccess;
use serde_json::value::RawValue;

use crate::codes::Concept;
use crate::components::Components;
use crate::field::{Field, Present, Shape, Text, object_shape};

/// A resource of any type: the fields of an Observation and of a Bundle that matter here.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Resource<'a> {
    #[serde(borrow, rename = "resourceType")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) meta: Field<Meta<'a>>,
    #[serde(borrow)]
    pub(crate) status: Text<'a>,
    #[serde(borrow)]
    pub(crate) code: Field<Concept<'a>>,
    #[serde(borrow)]
    pub(crate) subject: Field<Reference<'a>>,
    #[serde(borrow)]
    pub(crate) effective_date_time: Text<'a>,
    #[serde(borrow)]
    pub(crate) effective_instant: Text<'a>,
    #[serde(borrow)]
    pub(crate) effective_period: Field<Period<'a>>,
    #[serde(borrow)]
    pub(crate) issued: Text<'a>,
    #[serde(borrow)]
    pub(crate) value_quantity: Field<Quantity<'a>>,
    #[serde(
        alias = "valueString",
        alias = "valueInteger",
        alias = "valueCodeableConcept",
        alias = "valueBoolean",
        alias = "valueRange",
        alias = "valueRatio",
        alias = "valueSampledData",
        alias = "valueTime",
        alias = "valueDateTime",
        alias = "valuePeriod",
        alias = "valueAttachment",
        alias = "valueReference"
    )]
    pub(crate) other_value: Present,
    pub(crate) data_absent_reason: Present,
    #[serde(borrow)]
    pub(crate) component: Field<Components<'a>>,
    pub(crate) has_member: Present,
    /// What STU3 and DSTU2 had in place of `hasMember`.
    pub(crate) related: Present,
    #[serde(borrow)]
    pub(crate) contained: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) entry: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta<'a> {
    #[serde(borrow)]
    pub(crate) last_updated: Text<'a>,
    #[serde(borrow)]
    pub(crate) version_id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Period<'a> {
    #[serde(borrow)]
    pub(crate) start: Text<'a>,
    #[serde(borrow)]
    pub(crate) end: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Component<'a> {
    #[serde(borrow)]
    pub(crate) code: Field<Concept<'a>>,
    #[serde(borrow)]
    pub(crate) value_quantity: Field<Quantity<'a>>,
    #[serde(
        alias = "valueString",
        alias = "valueInteger",
        alias = "valueCodeableConcept",
        alias = "valueBoolean",
        alias = "valueRange",
        alias = "valueRatio",
        alias = "valueSampledData",
        alias = "valueTime",
        alias = "valueDateTime",
        alias = "valuePeriod",
        alias = "valueAttachment",
        alias = "valueReference"
    )]
    pub(crate) other_value: Present,
    pub(crate) data_absent_reason: Present,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Quantity<'a> {
    /// The number as it stands in the document, so that no digit is lost.
    #[serde(borrow)]
    pub(crate) value: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) comparator: Text<'a>,
    #[serde(borrow)]
    pub(crate) unit: Text<'a>,
    #[serde(borrow)]
    pub(crate) code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Reference<'a> {
    #[serde(borrow, rename = "reference")]
    pub(crate) url: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) identifier: Field<Identifier<'a>>,
    /// Not read unless it is wanted, so that nothing in it can fail a message.
    #[serde(borrow)]
    pub(crate) display: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Identifier<'a> {
    #[serde(borrow)]
    pub(crate) system: Text<'a>,
    #[serde(borrow)]
    pub(crate) value: Text<'a>,
}

/// The fields of a Patient that identify it and tell its age.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PatientResource<'a> {
    #[serde(borrow, rename = "resourceType")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) identifier: Field<Identifiers<'a>>,
    #[serde(borrow)]
    pub(crate) birth_date: Text<'a>,
    #[serde(borrow)]
    pub(crate) name: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct HumanName<'a> {
    #[serde(borrow)]
    pub(crate) text: Text<'a>,
    #[serde(borrow)]
    pub(crate) family: Text<'a>,
    pub(crate) given: Field<GivenNames>,
}

/// The identifiers of a Patient that have a system and a value.
#[derive(Default)]
pub(crate) struct Identifiers<'a>(pub(crate) Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Shape<'de> for Identifiers<'a> {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut complete = Vec::new();
        while let Some(identifier) = seq.next_element::<Field<Identifier<'de>>>()? {
            let Field::Is(Identifier { system, value }) = identifier else { continue };
            complete.extend(system.into_filled().zip(value.into_filled()));
        }
        Ok(Some(Self(complete)))
    }
}

/// Given names, joined by spaces.
#[derive(Default)]
pub(crate) struct GivenNames(pub(crate) String);

impl<'de> Shape<'de> for GivenNames {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut names = String::new();
        while let Some(name) = seq.next_element::<Text<'de>>()? {
            let name = name.filled().unwrap_or_default();
            if !names.is_empty() && !name.is_empty() {
                names.push(' ');
            }
            names.push_str(name);
        }
        Ok(Some(Self(names)))
    }
}

/// An entry of a Bundle whose resource is a Patient, or seems to be.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PatientEntry<'a> {
    #[serde(borrow)]
    pub(crate) full_url: Text<'a>,
    #[serde(borrow)]
    pub(crate) resource: Field<PatientResource<'a>>,
}

/// An entry of a Bundle, its resource not yet read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BundleEntry<'a> {
    #[serde(borrow)]
    pub(crate) full_url: Text<'a>,
    #[serde(borrow)]
    pub(crate) resource: Option<&'a RawValue>,
}

object_shape!(
    Resource,
    Meta,
    Period,
    Component,
    Quantity,
    Reference,
    Identifier,
    PatientResource,
    HumanName,
    PatientEntry,
    BundleEntry,
);

/// Reads JSON that was found to be valid before, as part of a larger document.
pub(crate) fn from_raw<'a, T: Shape<'a>>(raw: &'a RawValue) -> Result<Field<T>, serde_json::Error> {
    serde_json::from_str(raw.get())
}
