//! The components of an Observation, reduced to the sides among them and what else they are.

use enumset::EnumSet;
use serde::de::SeqAccess;

use crate::codes::{Code, codes_of};
use crate::fhir::Component;
use crate::field::{Field, Shape};
use crate::sides::Sides;

/// What the components of an Observation say. Only the sides are kept, however many others there are.
#[derive(Default)]
pub(crate) struct Components<'a> {
    pub(crate) sides: Sides<'a>,
    /// What the components are that are no sides.
    pub(crate) others: EnumSet<Code>,
    /// Whether one of them cannot be read.
    pub(crate) any_wrong: bool,
}

impl<'de: 'a, 'a> Shape<'de> for Components<'a> {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut all = Self::default();
        while let Some(component) = seq.next_element()? {
            all.add(component);
        }
        Ok(Some(all))
    }
}

impl<'a> Components<'a> {
    fn add(&mut self, component: Field<Component<'a>>) {
        let Field::Is(Component { code, value_quantity, other_value, data_absent_reason }) = component else {
            self.any_wrong = true;
            return;
        };
        let codes = codes_of(&code);
        self.any_wrong |= codes.contains(Code::Unreadable);
        let side = codes & (Code::Systolic | Code::Diastolic);
        if side.is_empty() {
            self.others |= codes;
        } else {
            self.sides.add(side, value_quantity, other_value.0, data_absent_reason.0);
        }
    }
}
