//! Which segments of a partition hold, of those that are there.

use std::collections::HashMap;

use super::mark::{Claim, Committed};
use super::name::{Lineage, SegmentName, Stage};

/// A segment that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) name: SegmentName,
    pub(super) stage: Stage,
    /// How much of it is committed, where the partition's mark says so.
    pub(super) bytes: Option<u64>,
}

/// The segments that hold, each lineage's in order.
///
/// With the partition's mark that is exactly what is committed. Without it (the topic is gone, or nobody asked), the end of the
/// last segment may hold lines that are written and not committed.
pub(super) fn select(found: &[(SegmentName, Stage)], mark: Option<&(Claim, Committed)>) -> Vec<Selected> {
    let newest = newest(found);
    let mut epochs: HashMap<Lineage, u64> = HashMap::new();
    for (name, _) in newest.values() {
        let epoch = epochs.entry(name.lineage).or_default();
        *epoch = name.epoch.max(*epoch);
    }
    let mut selected: Vec<_> = newest
        .into_values()
        .filter_map(|(name, stage)| match mark {
            Some((claim, committed)) if claim.lineage == name.lineage => by_mark(name, *stage, committed),
            // A later owner than the open segment's has copied all that was committed of it.
            _ if *stage == Stage::Open && epochs[&name.lineage] > name.epoch => None,
            _ => Some(Selected { name: name.clone(), stage: *stage, bytes: None }),
        })
        .collect();
    selected.sort_by_key(|segment| (segment.name.lineage, segment.name.first_offset));
    selected
}

/// Of the segments with the same lines the newest one.
fn newest(found: &[(SegmentName, Stage)]) -> HashMap<(Lineage, u64), &(SegmentName, Stage)> {
    let mut newest: HashMap<_, &(SegmentName, Stage)> = HashMap::new();
    for segment in found.iter().filter(|(_, stage)| *stage != Stage::Part) {
        let (name, _) = segment;
        let held = newest.entry((name.lineage, name.first_offset)).or_insert(segment);
        if held.0.is_superseded_by(name) {
            *held = segment;
        }
    }
    newest
}

fn by_mark(name: &SegmentName, stage: Stage, committed: &Committed) -> Option<Selected> {
    let whole = Selected { name: name.clone(), stage, bytes: None };
    match committed {
        Committed::Objects { next } => (name.first_offset < *next).then_some(whole),
        Committed::Directory(None) => (stage == Stage::Closed).then_some(whole),
        Committed::Directory(Some(marked)) if name.first_offset == marked.name.first_offset => {
            Some(Selected { bytes: Some(marked.bytes), ..whole })
        }
        Committed::Directory(Some(marked)) => {
            let is_before = name.first_offset < marked.name.first_offset;
            (is_before && stage == Stage::Closed).then_some(whole)
        }
    }
}
