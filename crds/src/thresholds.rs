//! The order that thresholds must keep among themselves; what depends on the profile too is the operator's to check.

use kube::core::{ListMerge, Rule, merge_strategy};
use schemars::Schema;

use crate::rules::{add, rule_at};

/// The limits, from the lowest to the highest.
const BANDS: [&str; 5] = ["hypotension", "elevated", "stage1", "stage2", "crisis"];

/// The two sides of a blood pressure.
const SIDES: [&str; 2] = ["systolic", "diastolic"];

/// The rules on `thresholds` and on each entry of its `perPatient`.
pub(crate) fn rules(schema: &mut Schema) {
    add(schema, order());
    for (list, strategy) in
        [("perPatient", ListMerge::Map(vec!["patient".to_owned()])), ("anomalies", ListMerge::Set)]
    {
        merge_by(schema, list, strategy);
    }
    if let Some(entry) = schema.pointer_mut("/properties/perPatient/items")
        && let Ok(entry) = <&mut Schema>::try_from(entry)
    {
        add(entry, order());
    }
}

/// Declares what tells the entries of a list apart: the API server then refuses duplicates by itself.
#[expect(clippy::expect_used, reason = "a merge strategy is plain strings, which always serialise")]
fn merge_by(schema: &mut Schema, list: &str, strategy: ListMerge) {
    if let Some(list) = schema.pointer_mut(&format!("/properties/{list}")) {
        merge_strategy(list, strategy.into()).expect("a merge strategy serialises");
    }
}

/// Every given value against every other given one, whether or not those between are given.
fn order() -> Vec<Rule> {
    let upwards = (1..BANDS.len()).flat_map(|upper| SIDES.map(|side| above_lower_bands(upper, side)));
    let across = BANDS.into_iter().map(diastolic_below_systolic);
    upwards.chain(across).collect()
}

/// One band's limit is above those of the bands below it; a crisis may begin where stage 2 does.
fn above_lower_bands(upper: usize, side: &str) -> Rule {
    let band = BANDS[upper];
    let below = BANDS[..upper].iter().map(|lower| {
        let order = if *lower == "stage2" { "<=" } else { "<" };
        format!("({} || self.{lower}.{side} {order} self.{band}.{side})", absent(lower, side))
    });
    let expression = format!("{} || ({})", absent(band, side), below.collect::<Vec<_>>().join(" && "));
    rule_at(&format!(".{band}.{side}"), expression, &order_message(upper, side))
}

fn order_message(upper: usize, side: &str) -> String {
    let wanted = match &BANDS[..upper] {
        [only] => format!("above {only}.{side}"),
        [lower @ .., "stage2"] => {
            format!("at least stage2.{side} and above the {side} limits of {}", listed(lower))
        }
        lower => format!("above the {side} limits of {}", listed(lower)),
    };
    format!("must be {wanted}: raise it, or lower what it is measured against")
}

fn listed(bands: &[&str]) -> String {
    match bands {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => bands.join(", "),
    }
}

fn diastolic_below_systolic(band: &str) -> Rule {
    rule_at(
        &format!(".{band}.diastolic"),
        format!(
            "{} || !has(self.{band}.diastolic) || self.{band}.diastolic < self.{band}.systolic",
            absent(band, "systolic")
        ),
        &format!("must be below {band}.systolic: lower it, or raise {band}.systolic"),
    )
}

fn absent(band: &str, side: &str) -> String {
    format!("!has(self.{band}) || !has(self.{band}.{side})")
}
