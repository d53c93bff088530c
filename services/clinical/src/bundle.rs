//! The entries of a Bundle, each of which stands for itself.

use serde_json::value::RawValue;

use crate::elements::for_each_element;
use crate::fhir::{BundleEntry, Resource, from_raw};
use crate::field::{Field, borrowed};
use crate::nesting::MAX_DEPTH;
use crate::observation::Place;
use crate::patient::BundlePatients;
use crate::record::{InBundle, next_index, read_resource};
use crate::{Entry, Finding, ReadContext, RejectionReason, SkipReason};

/// The levels from a Bundle to the resources in it: the Bundle, `entry`, and the entry.
const LEVELS: usize = 3;

/// Reads a Bundle that stands alone, or as `around` says in another. `counter` counts the entries of that one.
pub(crate) fn read_bundle<'a>(
    bundle: &Resource<'a>,
    raw: &'a str,
    counter: Option<&mut u32>,
    around: &Place<'_, 'a>,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) {
    let mut own_counter = 0;
    let is_inner = counter.is_some();
    let counter = counter.unwrap_or(&mut own_counter);
    let mut whole = |counter: &mut u32, finding| {
        let index = next_index(is_inner.then_some(counter));
        let bundle = around.entry.map(|entry| InBundle { entry, patients: around.patients });
        visit(Entry { index, raw: raw.as_bytes(), observation_id: None, finding, bundle });
    };
    if around.depth + LEVELS >= MAX_DEPTH {
        return whole(counter, Finding::Rejected(RejectionReason::TooDeep));
    }
    let Some(entries) = bundle.entry else {
        return whole(counter, Finding::Skipped(SkipReason::EmptyBundle));
    };
    let mut patients = BundlePatients::default();
    let mut is_empty = true;
    let is_list = for_each_element(entries, |entry| {
        is_empty = false;
        patients.add_entry(entry, &context.source.base_url);
    });
    match (is_list, is_empty) {
        (false, _) => whole(counter, Finding::Rejected(RejectionReason::NotFhir)),
        (true, true) => whole(counter, Finding::Skipped(SkipReason::EmptyBundle)),
        (true, false) => {
            let place =
                Place { full_url: None, patients: &patients, depth: around.depth + LEVELS, entry: None };
            for_each_element(entries, |entry| read_entry(entry, counter, place, context, visit));
        }
    }
}

fn read_entry<'a>(
    entry: &'a RawValue,
    counter: &mut u32,
    place: Place<'_, 'a>,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) {
    let mut unread = |raw: &RawValue, finding| {
        let index = next_index(Some(counter));
        let bundle = Some(InBundle { entry: entry.get(), patients: place.patients });
        visit(Entry { index, raw: raw.get().as_bytes(), observation_id: None, finding, bundle });
    };
    let (full_url, raw) = match from_raw::<BundleEntry<'a>>(entry) {
        Ok(Field::Is(BundleEntry { full_url, resource: Some(raw) })) => (full_url, raw),
        Ok(Field::Is(_) | Field::Absent) => {
            return unread(entry, Finding::Skipped(SkipReason::NotObservation));
        }
        Ok(Field::Wrong) | Err(_) => return unread(entry, Finding::Rejected(RejectionReason::NotFhir)),
    };
    let Ok(Field::Is(mut resource)) = from_raw::<Resource<'a>>(raw) else {
        return unread(raw, Finding::Rejected(RejectionReason::NotFhir));
    };
    let place = Place { full_url: borrowed(&full_url), entry: Some(entry.get()), ..place };
    read_resource(&mut resource, raw.get(), Some(counter), &place, context, visit);
}
