//! Whose an Observation is: one key for one patient, however the subject is written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use jiff::civil::Date;
use serde_json::value::RawValue;

use crate::RejectionReason;
use crate::fhir::{HumanName, Identifier, PatientResource, Reference, from_raw};
use crate::field::Field;
use crate::time;

/// What identifies a patient. Its text (`Display`) is the identity that a pseudonym is made of.
///
/// Source: <https://hl7.org/fhir/R4/references.html>, <https://hl7.org/fhir/R4/bundle.html#references>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PatientIdentity<'a> {
    /// A Patient resource on a server: `<base>/Patient/<id>`; without a base `Patient/<id>`.
    Resource {
        /// The server's base URL without a trailing slash; empty where it is not known.
        base: Cow<'a, str>,
        /// The resource's id.
        id: Cow<'a, str>,
    },
    /// A business identifier: `<system>|<value>`.
    Identifier {
        /// The identifier's namespace.
        system: Cow<'a, str>,
        /// The value, unique in it.
        value: Cow<'a, str>,
    },
    /// A URN, or a URL that is not of the form `<base>/Patient/<id>`.
    Uri(Cow<'a, str>),
}

impl fmt::Display for PatientIdentity<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { base, id } if base.is_empty() => write!(formatter, "Patient/{id}"),
            Self::Resource { base, id } => write!(formatter, "{base}/Patient/{id}"),
            Self::Identifier { system, value } => write!(formatter, "{system}|{value}"),
            Self::Uri(uri) => formatter.write_str(uri),
        }
    }
}

impl<'a> PatientIdentity<'a> {
    /// Reads what a person types: `42`, `Patient/42`, a URL, a URN, or `system|value`.
    pub fn from_user_input(text: &'a str, base_url: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        if let Some((system, value)) = text.split_once('|') {
            let filled = !system.is_empty() && !value.is_empty();
            return filled.then(|| Self::Identifier { system: system.into(), value: value.into() });
        }
        if !text.contains(['/', ':']) {
            return Some(Self::Resource { base: trim_base(base_url).into(), id: text.into() });
        }
        Self::from_reference(text, base_url)
    }

    /// The parts whose concatenation is the identity's text.
    pub(crate) fn parts(&self) -> [&str; 3] {
        match self {
            Self::Resource { base, id } if base.is_empty() => ["", "Patient/", id],
            Self::Resource { base, id } => [base, "/Patient/", id],
            Self::Identifier { system, value } => [system, "|", value],
            Self::Uri(uri) => ["", "", uri],
        }
    }

    fn from_reference(reference: &'a str, base_url: &'a str) -> Option<Self> {
        let unversioned = reference.split_once("/_history/").map_or(reference, |(resource, _)| resource);
        let unversioned = unversioned.trim_end_matches('/');
        if unversioned.starts_with("urn:") {
            return Some(Self::Uri(unversioned.into()));
        }
        let absolute = unversioned.contains("://");
        match resource_parts(unversioned) {
            Some(("", "Patient", id)) if !absolute => {
                Some(Self::Resource { base: trim_base(base_url).into(), id: id.into() })
            }
            Some((base, "Patient", id)) if absolute => {
                Some(Self::Resource { base: base.into(), id: id.into() })
            }
            None if absolute => Some(Self::Uri(unversioned.into())),
            Some(_) | None => None,
        }
    }
}

fn trim_base(base_url: &str) -> &str {
    base_url.trim_end_matches('/')
}

/// Splits `<base>/<Type>/<id>` or `<Type>/<id>`.
fn resource_parts(url: &str) -> Option<(&str, &str, &str)> {
    let (rest, id) = url.rsplit_once('/')?;
    let (base, resource_type) = rest.rsplit_once('/').unwrap_or(("", rest));
    let is_type = resource_type.starts_with(|first: char| first.is_ascii_uppercase())
        && resource_type.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_type && !id.is_empty()).then_some((base, resource_type, id))
}

/// The server's base in a RESTful `fullUrl` (`<base>/<Type>/<id>`), if it is one.
pub(crate) fn base_of_full_url(full_url: &str) -> Option<&str> {
    let absolute = full_url.contains("://");
    let (base, _, _) = resource_parts(full_url).filter(|_| absolute)?;
    Some(base)
}

/// A patient as far as an Observation and what travels with it tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Patient<'a> {
    /// What identifies the patient.
    pub identity: PatientIdentity<'a>,
    /// The name, where a Patient resource or the reference gives one.
    pub name: Option<Cow<'a, str>>,
    /// The earliest day that the birth date can mean.
    pub born: Option<Date>,
}

/// The Patients of a Bundle, by everything that can refer to them.
#[derive(Default)]
pub(crate) struct BundlePatients<'a> {
    patients: Vec<Patient<'a>>,
    by_url: HashMap<String, usize>,
    /// None where two Patients share an identifier: then it joins nothing.
    by_identifier: HashMap<(String, String), Option<usize>>,
}

impl<'a> BundlePatients<'a> {
    /// Adds the Patient of an entry. An entry that is no Patient, or cannot be read, adds nothing.
    pub(crate) fn add(&mut self, full_url: Option<&'a str>, resource: &'a RawValue, base_url: &'a str) {
        let Ok(Field::Is(resource)) = from_raw::<PatientResource<'a>>(resource) else {
            return;
        };
        if resource.kind.as_ref().map(AsRef::as_ref) != Some("Patient") {
            return;
        }
        let identifiers = identifiers_of(&resource);
        let Some(identity) = identity_of(full_url, &resource, &identifiers, base_url) else {
            return;
        };
        let index = self.patients.len();
        self.by_url.insert(identity.to_string(), index);
        if let Some(full_url) = full_url {
            self.by_url.insert(full_url.to_owned(), index);
        }
        for (system, value) in identifiers {
            self.by_identifier
                .entry((system.to_owned(), value.to_owned()))
                .and_modify(|known| *known = None)
                .or_insert(Some(index));
        }
        self.patients.push(Patient { identity, name: name_of(&resource), born: born(&resource) });
    }

    fn find_url(&self, url: &str) -> Option<&Patient<'a>> {
        self.by_url.get(url).map(|index| &self.patients[*index])
    }

    fn find_identifier(&self, system: &str, value: &str) -> Option<&Patient<'a>> {
        if self.by_identifier.is_empty() {
            return None;
        }
        let index = (*self.by_identifier.get(&(system.to_owned(), value.to_owned()))?)?;
        Some(&self.patients[index])
    }
}

fn identity_of<'a>(
    full_url: Option<&'a str>,
    resource: &PatientResource<'a>,
    identifiers: &[(&str, &str)],
    base_url: &'a str,
) -> Option<PatientIdentity<'a>> {
    let by_url =
        full_url.filter(|url| url.contains("://")).and_then(|url| PatientIdentity::from_reference(url, ""));
    if by_url.is_some() {
        return by_url;
    }
    if let Some(id) = resource.id.as_ref().filter(|id| !id.trim().is_empty()) {
        return Some(PatientIdentity::Resource { base: trim_base(base_url).into(), id: id.clone() });
    }
    if let Some((system, value)) = identifiers.iter().min() {
        let (system, value) = (Cow::Owned((*system).to_owned()), Cow::Owned((*value).to_owned()));
        return Some(PatientIdentity::Identifier { system, value });
    }
    full_url.map(|url| PatientIdentity::Uri(url.into()))
}

fn identifiers_of<'r>(resource: &'r PatientResource<'_>) -> Vec<(&'r str, &'r str)> {
    let given = resource.identifier.as_ref().into_iter().flatten().filter_map(Field::as_ref);
    given.filter_map(system_and_value).collect()
}

fn system_and_value<'r>(identifier: &'r Identifier<'_>) -> Option<(&'r str, &'r str)> {
    Some((identifier.system.filled()?, identifier.value.filled()?))
}

fn name_of<'a>(resource: &PatientResource<'a>) -> Option<Cow<'a, str>> {
    resource.name.as_ref().into_iter().flatten().filter_map(Field::as_ref).find_map(full_name)
}

fn full_name<'a>(name: &HumanName<'a>) -> Option<Cow<'a, str>> {
    if let Some(text) = name.text.as_ref().filter(|text| !text.trim().is_empty()) {
        return Some(text.clone());
    }
    let given = name.given.as_ref().into_iter().flatten().filter_map(|given| given.filled());
    let parts: Vec<&str> = given.chain(name.family.filled()).collect();
    (!parts.is_empty()).then(|| parts.join(" ").into())
}

fn born(resource: &PatientResource<'_>) -> Option<Date> {
    time::parse_day(resource.birth_date.filled()?)
}

/// What a reference may resolve against.
pub(crate) struct Surroundings<'s, 'a> {
    /// The base of relative references.
    pub(crate) base_url: &'a str,
    /// The Patients of the same Bundle.
    pub(crate) patients: &'s BundlePatients<'a>,
    /// The Observation's contained resources.
    pub(crate) contained: Option<&'a RawValue>,
}

/// Finds whose an Observation is.
///
/// # Errors
///
/// [`RejectionReason::NoSubject`] where the subject identifies no patient.
pub(crate) fn resolve<'a>(
    subject: Field<Reference<'a>>,
    around: &Surroundings<'_, 'a>,
) -> Result<Patient<'a>, RejectionReason> {
    let subject = subject.into_option().ok_or(RejectionReason::NoSubject)?;
    if subject.kind.filled().is_some_and(|kind| kind.rsplit('/').next() != Some("Patient")) {
        return Err(RejectionReason::NoSubject);
    }
    let display = subject.display.into_filled();
    let patient = match subject.url.into_filled() {
        Some(reference) => by_reference(reference, around),
        None => subject.identifier.into_option().and_then(|identifier| by_identifier(identifier, around)),
    };
    let mut patient = patient.ok_or(RejectionReason::NoSubject)?;
    patient.name = patient.name.or(display);
    Ok(patient)
}

fn by_reference<'a>(reference: Cow<'a, str>, around: &Surroundings<'_, 'a>) -> Option<Patient<'a>> {
    if let Some(id) = reference.strip_prefix('#') {
        return contained_patient(id, around);
    }
    let identity = match reference {
        Cow::Borrowed(reference) => PatientIdentity::from_reference(reference, around.base_url)?,
        Cow::Owned(reference) => PatientIdentity::from_reference(&reference, around.base_url)?.into_owned(),
    };
    if around.patients.patients.is_empty() {
        return Some(Patient { identity, name: None, born: None });
    }
    match around.patients.find_url(&identity.to_string()) {
        Some(known) => Some(known.clone()),
        None => Some(Patient { identity, name: None, born: None }),
    }
}

fn by_identifier<'a>(identifier: Identifier<'a>, around: &Surroundings<'_, 'a>) -> Option<Patient<'a>> {
    let (system, value) = (identifier.system.into_filled()?, identifier.value.into_filled()?);
    if let Some(known) = around.patients.find_identifier(&system, &value) {
        return Some(known.clone());
    }
    Some(Patient { identity: PatientIdentity::Identifier { system, value }, name: None, born: None })
}

fn contained_patient<'a>(id: &str, around: &Surroundings<'_, 'a>) -> Option<Patient<'a>> {
    let contained = from_raw::<Vec<Field<PatientResource<'a>>>>(around.contained?).ok()?.into_option()?;
    let resource = contained.into_iter().filter_map(Field::into_option).find(|resource| {
        resource.kind.as_ref().map(AsRef::as_ref) == Some("Patient") && resource.id.filled() == Some(id)
    })?;
    let (system, value) = identifiers_of(&resource).into_iter().min()?;
    let joined = around.patients.find_identifier(system, value).map(|known| known.identity.clone());
    let identity = joined.unwrap_or_else(|| PatientIdentity::Identifier {
        system: Cow::Owned(system.to_owned()),
        value: Cow::Owned(value.to_owned()),
    });
    Some(Patient { identity, name: name_of(&resource), born: born(&resource) })
}

impl PatientIdentity<'_> {
    fn into_owned<'b>(self) -> PatientIdentity<'b> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Resource { base, id } => PatientIdentity::Resource { base: own(base), id: own(id) },
            Self::Identifier { system, value } => {
                PatientIdentity::Identifier { system: own(system), value: own(value) }
            }
            Self::Uri(uri) => PatientIdentity::Uri(own(uri)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(reference: &str, base_url: &str) -> Option<String> {
        PatientIdentity::from_reference(reference, base_url).map(|identity| identity.to_string())
    }

    #[test]
    fn one_key_for_one_resource() {
        let base = "https://a.example/fhir";
        for (reference, base_url, expected) in [
            ("Patient/42", "", Some("Patient/42")),
            ("Patient/42", base, Some("https://a.example/fhir/Patient/42")),
            ("Patient/42", "https://a.example/fhir/", Some("https://a.example/fhir/Patient/42")),
            ("Patient/42/_history/7", base, Some("https://a.example/fhir/Patient/42")),
            ("https://a.example/fhir/Patient/42", base, Some("https://a.example/fhir/Patient/42")),
            ("https://a.example/fhir/Patient/42/_history/1", "", Some("https://a.example/fhir/Patient/42")),
            ("https://b.example/fhir/Patient/42", base, Some("https://b.example/fhir/Patient/42")),
            ("https://b.example/people/42", base, Some("https://b.example/people/42")),
            (
                "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
                base,
                Some("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
            ),
            ("Group/1", base, None),
            ("https://a.example/fhir/Device/9", base, None),
            ("42", base, None),
            ("Patient/", base, None),
            ("", base, None),
        ] {
            assert_eq!(key(reference, base_url).as_deref(), expected, "{reference} at {base_url:?}");
        }
    }

    #[test]
    fn what_a_person_types() {
        let typed = |text| PatientIdentity::from_user_input(text, "").map(|identity| identity.to_string());
        assert_eq!(typed("42").as_deref(), Some("Patient/42"));
        assert_eq!(typed(" Patient/42 ").as_deref(), Some("Patient/42"));
        assert_eq!(typed("urn:oid:1.2|7").as_deref(), Some("urn:oid:1.2|7"));
        assert_eq!(typed("#p1"), None);
        assert_eq!(typed("|7"), None);
        assert_eq!(typed(""), None);
    }

    #[test]
    fn the_parts_are_the_text() {
        for text in ["42", "https://a.example/fhir/Patient/1", "s|v", "urn:uuid:1"] {
            let identity = PatientIdentity::from_user_input(text, "").unwrap();
            assert_eq!(identity.parts().concat(), identity.to_string());
        }
    }
}
