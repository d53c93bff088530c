//! Counts as people read them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bpmonitor_clinical::{Category, RejectionReason};
use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::embedded::WardDirectory;

/// Writes what became of all entries.
pub(crate) fn write(out: &mut impl Write, tally: &Tally) -> io::Result<()> {
    line(out, 0, "entries", tally.entries(), "")?;
    line(out, 1, "anomalies", tally.anomaly, "")?;
    line(out, 1, "normal", tally.normal, "")?;
    line(out, 1, "withdrawn", tally.withdrawn, "")?;
    line(out, 1, "skipped", tally.skipped, &listed(&tally.skips))?;
    line(out, 1, "rejected", tally.rejected, "")?;
    let readings = tally.anomaly + tally.normal;
    if readings > 0 {
        writeln!(out)?;
        line(out, 0, "readings", readings, "")?;
        for category in Category::ALL {
            let count = tally.categories.get(category.id()).copied().unwrap_or(0);
            line(out, 1, category.id(), count, &share(count, readings))?;
        }
    }
    if !tally.rejections.is_empty() {
        writeln!(out)?;
        line(out, 0, "rejections", tally.rejected, "")?;
        for (code, count) in &tally.rejections {
            line(out, 1, code, *count, meaning(code))?;
        }
    }
    Ok(())
}

/// Writes the commands that show what is stored.
pub(crate) fn write_where_to_look(
    out: &mut impl Write,
    directory: &WardDirectory,
    total: &Tally,
) -> io::Result<()> {
    let data = directory.path().display();
    writeln!(out)?;
    writeln!(out, "in {data}: {} entries so far", grouped(total.entries()))?;
    writeln!(out, "  what was stored       bpmonitor tail --data {data} --all --once")?;
    writeln!(out, "  normal, by patient    bpmonitor archive export --by patient --data {data} DIR")?;
    if total.rejected > 0 {
        writeln!(out, "  not readable, and why bpmonitor rejected list --data {data}")?;
    }
    Ok(())
}

fn line(out: &mut impl Write, depth: usize, name: &str, count: u64, note: &str) -> io::Result<()> {
    let indent = 2 * depth;
    let width = 24 - indent;
    let text = format!("{:indent$}{name:<width$}{:>14}  {note}", "", grouped(count));
    writeln!(out, "{}", text.trim_end())
}

/// A number with a comma every three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a share to one decimal")]
fn share(count: u64, of: u64) -> String {
    format!("{:5.1} %", 100.0 * count as f64 / of as f64)
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> =
        counts.iter().map(|(code, count)| format!("{code} {}", grouped(*count))).collect();
    parts.join(", ")
}

fn meaning(code: &str) -> &'static str {
    serde_json::from_value::<RejectionReason>(code.into()).map_or("", RejectionReason::message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
