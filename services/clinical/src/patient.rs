//! Whose an Observation is: one key for one patient, however the subject is written.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::LazyLock;

use jiff::civil::Date;
use memchr::memmem::Finder;
use serde_json::value::RawValue;

use crate::RejectionReason;
use crate::elements::for_each_element;
use crate::fhir::{HumanName, Identifier, PatientEntry, PatientResource, Reference, from_raw};
use crate::field::{Field, Text, borrowed};
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
        let unversioned = without_version(reference);
        if unversioned.starts_with("urn:") {
            return Some(Self::Uri(unversioned.into()));
        }
        let absolute = is_absolute(unversioned);
        match resource_parts(unversioned) {
            Some(("", "Patient", id)) if !absolute => {
                Some(Self::Resource { base: trim_base(base_url).into(), id: id.into() })
            }
            Some((base, "Patient", id)) if absolute => {
                Some(Self::Resource { base: base.into(), id: id.into() })
            }
            // `<base>/Patient` lacks the id: it is all of a server's patients.
            None if absolute && !unversioned.ends_with("/Patient") => Some(Self::Uri(unversioned.into())),
            Some(_) | None => None,
        }
    }
}

/// A reference without its version and trailing slashes.
fn without_version(reference: &str) -> &str {
    static HISTORY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("/_history/"));
    let end = HISTORY.find(reference.as_bytes()).unwrap_or(reference.len());
    reference[..end].trim_end_matches('/')
}

/// Whether a reference begins with a scheme and an authority; a search for a URL (`Patient?identifier=http://`) does not.
fn is_absolute(reference: &str) -> bool {
    let Some((scheme, rest)) = reference.split_once(':') else { return false };
    rest.starts_with("//") && !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
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
    let (base, _, _) = resource_parts(without_version(full_url)).filter(|_| is_absolute(full_url))?;
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

/// An identifier's namespace, and the value that is unique in it.
type SystemAndValue<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The Patients of a Bundle, by everything that can refer to them.
#[derive(Debug, Default)]
pub(crate) struct BundlePatients<'a> {
    patients: Vec<Patient<'a>>,
    by_url: HashMap<String, usize>,
    /// None where two Patients share an identifier: then it joins nothing.
    by_identifier: HashMap<SystemAndValue<'a>, Option<usize>>,
    /// The URNs of what is no Patient.
    others: HashSet<&'a str>,
    /// Each Patient's entry as it stands in the Bundle.
    entries: Vec<&'a RawValue>,
    /// What a reference to a Patient must contain, and which Patient it then may mean.
    names: Vec<(Cow<'a, str>, usize)>,
}

impl<'a> BundlePatients<'a> {
    /// Adds the Patient of an entry. An entry that is no Patient, or cannot be read, adds nothing.
    pub(crate) fn add_entry(&mut self, entry: &'a RawValue, base_url: &'a str) {
        let Ok(Field::Is(PatientEntry { full_url, resource: Field::Is(resource) })) = from_raw(entry) else {
            return;
        };
        let full_url = borrowed(&full_url);
        if is_patient(&resource) {
            if self.add(full_url, resource, base_url) {
                self.entries.push(entry);
            }
        } else {
            self.others.extend(full_url.filter(|url| url.starts_with("urn:")));
        }
    }

    /// Adds a Patient, unless nothing identifies it.
    fn add(
        &mut self,
        full_url: Option<&'a str>,
        mut resource: PatientResource<'a>,
        base_url: &'a str,
    ) -> bool {
        let identifiers = std::mem::take(&mut resource.identifier).into_option().unwrap_or_default().0;
        let Some(identity) = identity_of(full_url, &resource, &identifiers, base_url) else {
            return false;
        };
        let index = self.patients.len();
        self.by_url.insert(identity.to_string(), index);
        self.names.extend(full_url.map(|url| (Cow::Borrowed(url), index)));
        self.names.extend(resource.id.as_ref().map(|id| (id.clone(), index)));
        self.names.extend(identifiers.iter().map(|(_, value)| (value.clone(), index)));
        if let Some(full_url) = full_url {
            self.by_url.insert(full_url.to_owned(), index);
        }
        for (system, value) in identifiers {
            let joined = self.by_identifier.entry((system, value)).or_insert(Some(index));
            let is_other = |known: usize| known != index && self.patients[known].identity != identity;
            if joined.is_some_and(is_other) {
                *joined = None;
            }
        }
        self.patients.push(Patient { identity, name: name_of(&resource), born: born(&resource) });
        true
    }

    /// The entries of the Patients that `text` may refer to.
    pub(crate) fn entries_named_in(&self, text: &str) -> impl Iterator<Item = &'a RawValue> {
        let named = self.names.iter().filter(|(name, _)| text.contains(name.as_ref()));
        let indices: BTreeSet<usize> = named.map(|(_, index)| *index).collect();
        indices.into_iter().map(|index| self.entries[index])
    }

    /// The Patient that is referred to, whether it is in the Bundle or not; none where that is no Patient.
    fn find(&self, identity: PatientIdentity<'a>) -> Option<Patient<'a>> {
        if !self.patients.is_empty()
            && let Some(known) = self.by_url.get(&identity.to_string())
        {
            return Some(self.patients[*known].clone());
        }
        let is_other = matches!(&identity, PatientIdentity::Uri(uri) if self.others.contains(uri.as_ref()));
        (!is_other).then_some(Patient { identity, name: None, born: None })
    }

    fn find_identifier(&self, identifier: &SystemAndValue<'a>) -> Option<&Patient<'a>> {
        let index = (*self.by_identifier.get(identifier)?)?;
        Some(&self.patients[index])
    }
}

fn identity_of<'a>(
    full_url: Option<&'a str>,
    resource: &PatientResource<'a>,
    identifiers: &[SystemAndValue<'a>],
    base_url: &'a str,
) -> Option<PatientIdentity<'a>> {
    let by_url =
        full_url.filter(|url| is_absolute(url)).and_then(|url| PatientIdentity::from_reference(url, ""));
    if by_url.is_some() {
        return by_url;
    }
    if let Some(id) = resource.id.as_ref().filter(|id| !id.trim().is_empty()) {
        return Some(PatientIdentity::Resource { base: trim_base(base_url).into(), id: id.clone() });
    }
    if let Some((system, value)) = identifiers.iter().min().cloned() {
        return Some(PatientIdentity::Identifier { system, value });
    }
    full_url.map(|url| PatientIdentity::Uri(url.into()))
}

fn is_patient(resource: &PatientResource<'_>) -> bool {
    resource.kind.as_ref().map(AsRef::as_ref) == Some("Patient")
}

/// The first of the names that says anything.
fn name_of<'a>(resource: &PatientResource<'a>) -> Option<Cow<'a, str>> {
    let mut found = None;
    for_each_element(resource.name?, |name| {
        if found.is_none()
            && let Ok(Field::Is(name)) = from_raw::<HumanName<'a>>(name)
        {
            found = full_name(&name);
        }
    });
    found
}

fn full_name<'a>(name: &HumanName<'a>) -> Option<Cow<'a, str>> {
    if let Some(text) = name.text.as_ref().filter(|text| !text.trim().is_empty()) {
        return Some(text.clone());
    }
    let given = name.given.as_ref().map(|given| given.0.as_str()).filter(|given| !given.is_empty());
    let parts: Vec<&str> = given.into_iter().chain(name.family.filled()).collect();
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
    let subject = subject.needed()?.ok_or(RejectionReason::NoSubject)?;
    if subject.kind.filled().is_some_and(|kind| kind.rsplit('/').next() != Some("Patient")) {
        return Err(RejectionReason::NoSubject);
    }
    let patient = match subject.url.needed()?.filter(|url| !url.trim().is_empty()) {
        Some(reference) => by_reference(reference, around),
        None => match subject.identifier.needed()? {
            Some(identifier) => by_identifier(identifier, around)?,
            None => None,
        },
    };
    let mut patient = patient.ok_or(RejectionReason::NoSubject)?;
    if patient.name.is_none() {
        patient.name = subject.display.and_then(text_in);
    }
    Ok(patient)
}

fn text_in<'a>(raw: &'a RawValue) -> Option<Cow<'a, str>> {
    from_raw::<Cow<'a, str>>(raw).ok()?.into_filled()
}

fn by_reference<'a>(reference: Cow<'a, str>, around: &Surroundings<'_, 'a>) -> Option<Patient<'a>> {
    if let Some(id) = reference.strip_prefix('#') {
        return contained_patient(id, around);
    }
    let identity = match reference {
        Cow::Borrowed(reference) => PatientIdentity::from_reference(reference, around.base_url)?,
        Cow::Owned(reference) => PatientIdentity::from_reference(&reference, around.base_url)?.into_owned(),
    };
    around.patients.find(identity)
}

fn by_identifier<'a>(
    identifier: Identifier<'a>,
    around: &Surroundings<'_, 'a>,
) -> Result<Option<Patient<'a>>, RejectionReason> {
    let filled = |text: Text<'a>| Ok(text.needed()?.filter(|text| !text.trim().is_empty()));
    let (Some(system), Some(value)) = (filled(identifier.system)?, filled(identifier.value)?) else {
        return Ok(None);
    };
    let identifier = (system, value);
    Ok(Some(around.patients.find_identifier(&identifier).cloned().unwrap_or_else(|| keyed_by(identifier))))
}

fn keyed_by((system, value): SystemAndValue<'_>) -> Patient<'_> {
    Patient { identity: PatientIdentity::Identifier { system, value }, name: None, born: None }
}

fn contained_patient<'a>(id: &str, around: &Surroundings<'_, 'a>) -> Option<Patient<'a>> {
    let mut found: Option<PatientResource<'a>> = None;
    for_each_element(around.contained?, |resource| {
        if found.is_none()
            && let Ok(Field::Is(resource)) = from_raw::<PatientResource<'a>>(resource)
            && is_patient(&resource)
            && resource.id.filled() == Some(id)
        {
            found = Some(resource);
        }
    });
    let mut resource = found?;
    let identifiers = std::mem::take(&mut resource.identifier).into_option()?.0;
    let identifier = identifiers.into_iter().min()?;
    let known = around.patients.find_identifier(&identifier).cloned();
    let known = known.unwrap_or_else(|| keyed_by(identifier));
    Some(Patient {
        identity: known.identity,
        name: name_of(&resource).or(known.name),
        born: born(&resource).or(known.born),
    })
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
