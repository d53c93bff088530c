//! JSON fields that never fail a message: a field of an unexpected type is noted, not an error.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::RejectionReason;

/// A field as found in the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Field<T> {
    /// Not there, or JSON null.
    #[default]
    Absent,
    /// There, and of the expected JSON type.
    Is(T),
    /// There, but of another JSON type.
    Wrong,
}

impl<T> Field<T> {
    pub(crate) fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// The value, if it is there; a needed field must not be of another JSON type.
    pub(crate) fn needed(self) -> Result<Option<T>, RejectionReason> {
        match self {
            Self::Is(value) => Ok(Some(value)),
            Self::Absent => Ok(None),
            Self::Wrong => Err(RejectionReason::NotFhir),
        }
    }

    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    pub(crate) const fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong)
    }

    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// A text field that borrows from the document wherever it has no escapes.
pub(crate) type Text<'a> = Field<Cow<'a, str>>;

impl Text<'_> {
    /// The text, if there is one that is not blank.
    pub(crate) fn filled(&self) -> Option<&str> {
        self.as_ref().map(AsRef::as_ref).filter(|text| !text.trim().is_empty())
    }
}

impl<'a> Text<'a> {
    /// The text itself, if there is one that is not blank.
    pub(crate) fn into_filled(self) -> Option<Cow<'a, str>> {
        self.into_option().filter(|text| !text.trim().is_empty())
    }
}

/// A URL as it stands in the document. One with escapes in it is no URL.
pub(crate) fn borrowed<'a>(text: &Text<'a>) -> Option<&'a str> {
    match text {
        Field::Is(Cow::Borrowed(text)) => Some(text),
        Field::Is(Cow::Owned(_)) | Field::Absent | Field::Wrong => None,
    }
}

/// What JSON type a value expects. Each method is given one JSON type; what is not overridden does not fit.
pub(crate) trait Shape<'de>: Sized {
    fn from_borrowed_str(_text: &'de str) -> Option<Self> {
        None
    }

    fn from_str(_text: &str) -> Option<Self> {
        None
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl<'de: 'a, 'a> Shape<'de> for Cow<'a, str> {
    fn from_borrowed_str(text: &'de str) -> Option<Self> {
        Some(Cow::Borrowed(text))
    }

    fn from_str(text: &str) -> Option<Self> {
        Some(Cow::Owned(text.to_owned()))
    }
}

/// Makes a struct with a derived `Deserialize` a [`Shape`] that is read from a JSON object and nothing else.
macro_rules! object_shape {
    ($($name:ident),+ $(,)?) => {$(
        impl<'de: 'a, 'a> $crate::field::Shape<'de> for $name<'a> {
            fn from_map<A: serde::de::MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
                serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
            }
        }
    )+};
}
pub(crate) use object_shape;

impl<'de, T: Shape<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

fn fitting<T>(value: Option<T>) -> Field<T> {
    value.map_or(Field::Wrong, Field::Is)
}

impl<'de, T: Shape<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(fitting(T::from_borrowed_str(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(fitting(T::from_str(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::from_seq(seq).map(fitting)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::from_map(map).map(fitting)
    }
}

/// Whether a field is there at all, whatever it holds. JSON null and an empty array are nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present(pub(crate) bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?.get();
        let empty_list = raw.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        Ok(Self(raw != "null" && empty_list.is_none_or(|inner| !inner.trim().is_empty())))
    }
}
