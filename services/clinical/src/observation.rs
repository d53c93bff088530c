//! From one Observation to a Reading, a withdrawal, a skip or a Rejection.

use std::borrow::Cow;

use enumset::EnumSet;

use crate::codes::{Code, codes_of};
use crate::components::Components;
use crate::effective::{effective_time, was_child};
use crate::fhir::Resource;
use crate::field::Field;
use crate::patient::{self, BundlePatients, Surroundings};
use crate::sides::{Sides, read_sides};
use crate::time;
use crate::{
    Finding, Flag, ObservationKey, ReadContext, Reading, RejectionReason, SkipReason, Version, Withdrawal,
};

/// Where an Observation stands: alone, or in a Bundle.
#[derive(Clone, Copy)]
pub(crate) struct Place<'s, 'a> {
    pub(crate) full_url: Option<&'a str>,
    /// The Patients of the same Bundle.
    pub(crate) patients: &'s BundlePatients<'a>,
    /// The levels of JSON around it.
    pub(crate) depth: usize,
    /// The entry of the Bundle that it stands in.
    pub(crate) entry: Option<&'a str>,
}

/// What an Observation's codes make of it.
enum Kind<'a> {
    BloodPressure(Sides<'a>),
    Blank,
    Skip(SkipReason),
    /// What its code or a component says cannot be read.
    Unreadable,
}

/// Reads one Observation.
pub(crate) fn read_observation<'a>(
    resource: &mut Resource<'a>,
    place: &Place<'_, 'a>,
    context: &ReadContext<'a>,
) -> Finding<'a> {
    let sides = match kind_of(resource) {
        Kind::Skip(reason) => return Finding::Skipped(reason),
        Kind::Unreadable => return Finding::Rejected(RejectionReason::NotFhir),
        Kind::Blank => Sides::default(),
        Kind::BloodPressure(sides) => sides,
    };
    if resource.id.is_wrong() || resource.status.is_wrong() {
        return Finding::Rejected(RejectionReason::NotFhir);
    }
    let Some(status) = resource.status.filled() else {
        return Finding::Rejected(RejectionReason::NoStatus);
    };
    let is_amended = match status {
        "entered-in-error" | "cancelled" => return withdraw(resource, sides, place, context),
        "final" | "preliminary" => false,
        "amended" | "corrected" => true,
        _ => return Finding::Skipped(SkipReason::Status),
    };
    match understand(resource, sides, is_amended, place, context) {
        Ok(reading) => Finding::Reading(reading),
        Err(reason) => Finding::Rejected(reason),
    }
}

fn kind_of<'a>(resource: &mut Resource<'a>) -> Kind<'a> {
    let codes = codes_of(&resource.code);
    if codes.contains(Code::Unreadable) {
        return Kind::Unreadable;
    }
    if codes.contains(Code::Average) {
        return Kind::Skip(SkipReason::Average);
    }
    let components_wrong = resource.component.is_wrong();
    let Components { mut sides, others, any_wrong } =
        std::mem::take(&mut resource.component).into_option().unwrap_or_default();
    let any_wrong = any_wrong || components_wrong;
    let own_side = codes & (Code::Systolic | Code::Diastolic);
    let has_value =
        !resource.value_quantity.is_absent() || resource.other_value.0 || resource.data_absent_reason.0;
    if !own_side.is_empty() && (has_value || sides.is_empty()) {
        let quantity = std::mem::take(&mut resource.value_quantity);
        sides.add(own_side, quantity, resource.other_value.0, resource.data_absent_reason.0);
    }
    if any_wrong && (!sides.is_empty() || codes.contains(Code::Panel)) {
        return Kind::Unreadable;
    }
    if !sides.is_empty() {
        return Kind::BloodPressure(sides);
    }
    if codes.contains(Code::Panel) {
        return match () {
            () if others.contains(Code::Average) => Kind::Skip(SkipReason::Average),
            () if others.contains(Code::MeanPressure) => Kind::Skip(SkipReason::MeanPressure),
            () if resource.has_member.0 || resource.related.0 => Kind::Skip(SkipReason::MembersOnly),
            () => Kind::BloodPressure(sides),
        };
    }
    if codes.contains(Code::MeanPressure) {
        return Kind::Skip(SkipReason::MeanPressure);
    }
    let withdraws = matches!(resource.status.filled(), Some("entered-in-error" | "cancelled"));
    if codes.is_empty() && others.is_empty() && withdraws {
        return Kind::Blank;
    }
    Kind::Skip(SkipReason::NotBloodPressure)
}

fn withdraw<'a>(
    resource: &mut Resource<'a>,
    sides: Sides<'a>,
    place: &Place<'_, 'a>,
    context: &ReadContext<'a>,
) -> Finding<'a> {
    let key = key_of(resource, place, context);
    let version = version_of(resource, context);
    if key.unique_id().is_some() {
        let subject = std::mem::take(&mut resource.subject);
        let patient = patient::resolve(subject, &surroundings(resource, &key, place, context)).ok();
        return Finding::Withdrawal(Withdrawal { key, version, patient, content: None });
    }
    resource.id = key.id.clone().map_or(Field::Absent, Field::Is);
    match understand(resource, sides, true, place, context) {
        Ok(reading) => Finding::Withdrawal(Withdrawal {
            key,
            version,
            patient: Some(reading.patient.clone()),
            content: Some(Box::new(reading)),
        }),
        Err(_) => Finding::Rejected(RejectionReason::NoId),
    }
}

fn understand<'a>(
    resource: &mut Resource<'a>,
    sides: Sides<'a>,
    is_amended: bool,
    place: &Place<'_, 'a>,
    context: &ReadContext<'a>,
) -> Result<Reading<'a>, RejectionReason> {
    let mut flags = EnumSet::empty();
    let (systolic, diastolic) = read_sides(sides, &mut flags)?;
    let key = key_of(resource, place, context);
    let subject = std::mem::take(&mut resource.subject);
    let patient = patient::resolve(subject, &surroundings(resource, &key, place, context))?;
    let effective = effective_time(resource, context, &mut flags)?;
    if resource.status.filled() == Some("preliminary") {
        flags |= Flag::Preliminary;
    }
    if patient.born.is_some_and(|born| was_child(born, effective)) {
        flags |= Flag::Paediatric;
    }
    let is_correction = is_amended || version_number(resource).is_some_and(|number| number > 1);
    let version = version_of(resource, context);
    Ok(Reading { key, version, is_correction, patient, systolic, diastolic, effective, flags })
}

fn key_of<'a>(
    resource: &mut Resource<'a>,
    place: &Place<'_, 'a>,
    context: &ReadContext<'a>,
) -> ObservationKey<'a> {
    let base = place.full_url.and_then(patient::base_of_full_url).unwrap_or(&context.source.base_url);
    ObservationKey {
        base: base.trim_end_matches('/').into(),
        id: std::mem::take(&mut resource.id).into_filled(),
        id_is_unique: context.source.unique_ids,
    }
}

fn surroundings<'s, 'a>(
    resource: &Resource<'a>,
    key: &ObservationKey<'a>,
    place: &Place<'s, 'a>,
    context: &ReadContext<'a>,
) -> Surroundings<'s, 'a> {
    let base_url = match &key.base {
        Cow::Borrowed(base) => base,
        Cow::Owned(_) => context.source.base_url.as_str(),
    };
    Surroundings { base_url, patients: place.patients, contained: resource.contained }
}

fn version_number(resource: &Resource<'_>) -> Option<u32> {
    resource.meta.as_ref()?.version_id.filled()?.parse().ok()
}

fn version_of(resource: &Resource<'_>, context: &ReadContext<'_>) -> Version {
    let updated = resource.meta.as_ref().and_then(|meta| meta.last_updated.filled()).and_then(time::parse);
    let written = updated.or_else(|| resource.issued.filled().and_then(time::parse));
    let at = written.map_or(context.record_time, |time| time.timestamp);
    Version::new(at, version_number(resource))
}
