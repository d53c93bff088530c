//! From bytes to entries: one resource, a Bundle, NDJSON, or these one after another.

use std::borrow::Cow;

use memchr::memchr;
use serde::de::IgnoredAny;
use serde_json::error::Category as JsonError;

use crate::bundle::read_bundle;
use crate::fhir::Resource;
use crate::field::Field;
use crate::nesting::{NoEnd, is_too_deep, value_end};
use crate::observation::{Place, read_observation};
use crate::patient::BundlePatients;
use crate::{Finding, ReadContext, RejectionReason, SkipReason};

/// The largest record that is read from a file, in bytes.
pub const MAX_RECORD_BYTES: usize = 256 * 1024 * 1024;

/// One entry of a record: a resource of its own, or one in a Bundle.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Which entry of its Bundle, counted from 0; none outside of a Bundle.
    pub index: Option<u32>,
    /// The entry's bytes as they were received.
    pub raw: &'a [u8],
    /// `Observation.id`, if it could be read.
    pub observation_id: Option<Cow<'a, str>>,
    /// What it turned out to be.
    pub finding: Finding<'a>,
    /// What it stands in, where that is a Bundle.
    pub(crate) bundle: Option<InBundle<'a>>,
}

/// What an entry of a Bundle needs to be read without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InBundle<'a> {
    /// The Bundle's entry, of which the resource is a part.
    pub(crate) entry: &'a str,
    pub(crate) patients: &'a BundlePatients<'a>,
}

impl Entry<'_> {
    /// The entry's bytes with what it needs of its Bundle: read alone, they lead to the same finding as in it. For an entry
    /// of a Bundle that is a Bundle itself, of this entry and the Patients that it may refer to.
    pub fn standalone(&self) -> Vec<u8> {
        let Some(InBundle { entry, patients }) = self.bundle else {
            return self.raw.to_vec();
        };
        let mut bundle = br#"{"resourceType":"Bundle","type":"collection","entry":["#.to_vec();
        bundle.extend_from_slice(entry.as_bytes());
        for patient in patients.entries_named_in(entry).filter(|patient| patient.get() != entry) {
            bundle.push(b',');
            bundle.extend_from_slice(patient.get().as_bytes());
        }
        bundle.extend_from_slice(b"]}");
        bundle
    }
}

/// How far [`read_next`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A record, or blank space, was used up.
    Advanced {
        /// Bytes used, the line end included.
        bytes: usize,
        /// Line ends in them.
        lines: usize,
    },
    /// The buffer ends within a record, and there is more input to come. To be asked again costs as much as the
    /// first time: the buffer had better grow to twice its size. Where it is as large as a record may be, the record is too
    /// large, and whoever owns the input passes over it.
    NeedMore,
}

/// Reads the next record of `buffer` and hands its entries to `visit`. `at_end` says that no input follows the buffer.
///
/// A record is a line that is a JSON value, a JSON value that spans lines, or an object that another follows on the same
/// line. Anything else costs one line.
pub fn read_next<'a>(
    buffer: &'a [u8],
    at_end: bool,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) -> Step {
    let (line, used) = match memchr(b'\n', buffer) {
        Some(end) => (&buffer[..end], end + 1),
        None if at_end => (buffer, buffer.len()),
        None => return Step::NeedMore,
    };
    let of_line = Step::Advanced { bytes: used, lines: usize::from(used > line.len()) };
    let text = trimmed(line);
    let reason = match read_line(line, text, context, visit) {
        Ok(()) => return of_line,
        Err(Unread::CutShort) if used < buffer.len() || !at_end => {
            match spanning_document(buffer, at_end, context.source.max_record_bytes) {
                Span::Whole(end) => return read_spanning(&buffer[..end], context, visit),
                Span::NeedMore => return Step::NeedMore,
                Span::None(reason) => reason,
            }
        }
        Err(unread) => match followed_document(line) {
            Some(end) => return read_spanning(&buffer[..end], context, visit),
            None => unread.reason(),
        },
    };
    visit(rejected(text, reason));
    of_line
}

fn read_line<'a>(
    line: &'a [u8],
    text: &'a [u8],
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) -> Result<(), Unread> {
    if line.len() > context.source.max_record_bytes {
        return Err(Unread::Rejected(RejectionReason::TooLarge));
    }
    if text.is_empty() { Ok(()) } else { read_document(text, context, visit) }
}

fn read_spanning<'a>(
    document: &'a [u8],
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) -> Step {
    let text = trimmed(document);
    if let Err(unread) = read_document(text, context, visit) {
        visit(rejected(text, unread.reason()));
    }
    Step::Advanced { bytes: document.len(), lines: memchr::memchr_iter(b'\n', document).count() }
}

/// Reads a whole message: everything in it, one record after another.
pub fn read_all<'a>(message: &'a [u8], context: &ReadContext<'a>, visit: &mut impl FnMut(Entry<'_>)) {
    let mut rest = message;
    while !rest.is_empty() {
        match read_next(rest, true, context, visit) {
            Step::Advanced { bytes, .. } => rest = &rest[bytes..],
            Step::NeedMore => return,
        }
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    let text = without_mark(line);
    let start = text.iter().position(|byte| !is_blank(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// What JSON takes for white space.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without a byte-order mark.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

fn rejected(raw: &[u8], reason: RejectionReason) -> Entry<'_> {
    Entry { index: None, raw, observation_id: None, finding: Finding::Rejected(reason), bundle: None }
}

/// Why a text is not a readable document.
enum Unread {
    /// It may be the beginning of one.
    CutShort,
    Rejected(RejectionReason),
}

impl Unread {
    const fn reason(&self) -> RejectionReason {
        match self {
            Self::CutShort => RejectionReason::NotJson,
            Self::Rejected(reason) => *reason,
        }
    }
}

fn classified(error: &serde_json::Error, text: &str) -> Unread {
    match error.classify() {
        JsonError::Eof => Unread::CutShort,
        // Valid JSON, with a number or a text in a needed field that cannot be held (1e999, half a surrogate pair).
        JsonError::Syntax if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            Unread::Rejected(RejectionReason::NotFhir)
        }
        JsonError::Data => Unread::Rejected(RejectionReason::NotFhir),
        JsonError::Syntax | JsonError::Io => Unread::Rejected(RejectionReason::NotJson),
    }
}

/// Where a JSON value that begins in the first line ends.
enum Span {
    /// Behind the line end of its last line.
    Whole(usize),
    NeedMore,
    None(RejectionReason),
}

fn spanning_document(buffer: &[u8], at_end: bool, most: usize) -> Span {
    let window = &buffer[..buffer.len().min(most)];
    let unfinished = || match () {
        () if window.len() < buffer.len() => Span::None(RejectionReason::TooLarge),
        () if at_end => Span::None(RejectionReason::NotJson),
        () => Span::NeedMore,
    };
    let start = window.len() - without_mark(window).len();
    let end = match value_end(&window[start..]) {
        Ok(length) => start + length,
        Err(NoEnd::Unfinished) => return unfinished(),
        Err(NoEnd::TooDeep) => return Span::None(RejectionReason::TooDeep),
        Err(NoEnd::Invalid) => return Span::None(RejectionReason::NotJson),
    };
    let rest = &window[end..];
    if begins_object(rest) {
        return Span::Whole(end);
    }
    let line_end = memchr(b'\n', rest);
    if !rest[..line_end.unwrap_or(rest.len())].iter().copied().all(is_blank) {
        return Span::None(RejectionReason::NotJson);
    }
    match line_end {
        Some(at) => Span::Whole(end + at + 1),
        None if at_end && window.len() == buffer.len() => Span::Whole(buffer.len()),
        None => unfinished(),
    }
}

/// Where a document ends that another follows on the same line.
fn followed_document(line: &[u8]) -> Option<usize> {
    let start = line.len() - without_mark(line).len();
    if !begins_object(&line[start..]) {
        return None;
    }
    let end = start + value_end(&line[start..]).ok()?;
    begins_object(&line[end..]).then_some(end)
}

/// Whether an object begins on this line.
fn begins_object(rest: &[u8]) -> bool {
    rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) == Some(&b'{')
}

fn read_document<'a>(
    text: &'a [u8],
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) -> Result<(), Unread> {
    let text = simdutf8::basic::from_utf8(text).map_err(|_| Unread::Rejected(RejectionReason::NotJson))?;
    match serde_json::from_str::<Field<Resource<'a>>>(text) {
        Ok(Field::Is(mut resource)) => {
            let no_patients = BundlePatients::default();
            let place = Place { full_url: None, patients: &no_patients, depth: 0, entry: None };
            read_resource(&mut resource, text, None, &place, context, visit);
            Ok(())
        }
        Ok(Field::Absent | Field::Wrong) if is_too_deep(text.as_bytes(), 0) => {
            Err(Unread::Rejected(RejectionReason::TooDeep))
        }
        Ok(Field::Absent | Field::Wrong) => Err(Unread::Rejected(RejectionReason::NotFhir)),
        Err(error) => Err(classified(&error, text)),
    }
}

/// Reads a resource that stands alone, or as `place` says in a Bundle.
pub(crate) fn read_resource<'a>(
    resource: &mut Resource<'a>,
    raw: &'a str,
    counter: Option<&mut u32>,
    place: &Place<'_, 'a>,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) {
    let kind = std::mem::take(&mut resource.kind);
    let kind = kind.filled();
    if kind == Some("Bundle") {
        return read_bundle(resource, raw, counter, place, context, visit);
    }
    let observation_id = resource.id.as_ref().cloned().filter(|_| kind == Some("Observation"));
    let finding = match kind {
        _ if is_too_deep(raw.as_bytes(), place.depth) => Finding::Rejected(RejectionReason::TooDeep),
        None => Finding::Rejected(RejectionReason::NotFhir),
        Some("Observation") => read_observation(resource, place, context),
        Some(_) => Finding::Skipped(SkipReason::NotObservation),
    };
    let bundle = place.entry.map(|entry| InBundle { entry, patients: place.patients });
    visit(Entry { index: next_index(counter), raw: raw.as_bytes(), observation_id, finding, bundle });
}

/// The next index of a Bundle's entries; none outside of a Bundle.
pub(crate) fn next_index(counter: Option<&mut u32>) -> Option<u32> {
    let counter = counter?;
    let index = *counter;
    *counter = counter.saturating_add(1);
    Some(index)
}
