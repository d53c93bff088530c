//! The elements of a JSON array, one at a time, so that an array takes no memory however long it is.

use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Hands each element of `array` to `visit`. False where it is no array.
pub(crate) fn for_each_element<'a>(array: &'a RawValue, visit: impl FnMut(&'a RawValue)) -> bool {
    let mut json = serde_json::Deserializer::from_str(array.get());
    json.deserialize_seq(Elements(visit)).is_ok()
}

struct Elements<F>(F);

impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}
