//! The columns of a layer: what readings are grouped by, and what is measured of each group.

use serde_json::{Value, json};

use crate::Field;
use crate::object::kuery;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    label: String,
    operation: Operation,
    query: Option<String>,
    last: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Count,
    Distinct(Field),
    Mean(Field),
    Highest(Field),
    Time,
    Top { field: Field, most: u32, by: String },
    Ranges { field: Field, from: u16, to: u16, step: u16 },
    Constant(u16),
}

/// How Kibana treats what an operation gives.
struct Traits {
    name: &'static str,
    data: &'static str,
    scale: &'static str,
    groups: bool,
}

impl Column {
    /// How many readings.
    pub fn count(label: &str) -> Self {
        Self::new(label, Operation::Count)
    }

    /// How many different values.
    pub fn distinct(label: &str, field: Field) -> Self {
        Self::new(label, Operation::Distinct(field))
    }

    /// The mean.
    pub fn mean(label: &str, field: Field) -> Self {
        Self::new(label, Operation::Mean(field))
    }

    /// The highest value.
    pub fn highest(label: &str, field: Field) -> Self {
        Self::new(label, Operation::Highest(field))
    }

    /// Groups by time, in steps that suit the span.
    pub fn time() -> Self {
        Self::new("Time of measurement", Operation::Time)
    }

    /// Groups by value: those with most of the column `by`.
    pub fn top(label: &str, field: Field, most: u32, by: &str) -> Self {
        Self::new(label, Operation::Top { field, most, by: by.to_owned() })
    }

    /// Groups by ranges of `step` mmHg.
    pub fn ranges(label: &str, field: Field, from: u16, to: u16, step: u16) -> Self {
        Self::new(label, Operation::Ranges { field, from, to, step })
    }

    /// A number, the same for all.
    pub fn constant(label: &str, value: u16) -> Self {
        Self::new(label, Operation::Constant(value))
    }

    /// The same of these readings only.
    #[must_use]
    pub fn of(self, query: &str) -> Self {
        Self { query: Some(query.to_owned()), ..self }
    }

    /// The same of the last part of the time span only, as in `1h`.
    #[must_use]
    pub fn in_the_last(self, time: &'static str) -> Self {
        Self { last: Some(time), ..self }
    }

    fn new(label: &str, operation: Operation) -> Self {
        Self { label: label.to_owned(), operation, query: None, last: None }
    }

    /// As Kibana writes it.
    pub(super) fn json(&self) -> Value {
        let Traits { name, data, scale, groups } = self.operation.traits();
        let mut column = json!({
            "label": self.label,
            "customLabel": true,
            "operationType": name,
            "dataType": data,
            "scale": scale,
            "isBucketed": groups,
            "params": self.operation.params(),
        });
        let mut set = |key: &str, value: Value| column[key] = value;
        if let Some(source) = self.operation.source() {
            set("sourceField", json!(source));
        }
        if let Operation::Constant(_) = self.operation {
            set("references", json!([]));
        }
        if let Some(query) = &self.query {
            set("filter", kuery(query));
        }
        if let Some(last) = self.last {
            set("reducedTimeRange", json!(last));
        }
        column
    }
}

impl Operation {
    const fn traits(&self) -> Traits {
        match self {
            Self::Count => of_number("count"),
            Self::Distinct(_) => of_number("unique_count"),
            Self::Mean(_) => of_number("average"),
            Self::Highest(_) => of_number("max"),
            Self::Constant(_) => of_number("static_value"),
            Self::Time => Traits { name: "date_histogram", data: "date", scale: "interval", groups: true },
            Self::Top { .. } => Traits { name: "terms", data: "string", scale: "ordinal", groups: true },
            Self::Ranges { .. } => Traits { name: "range", data: "string", scale: "ordinal", groups: true },
        }
    }

    const fn source(&self) -> Option<&'static str> {
        match self {
            Self::Count => Some("___records___"),
            Self::Time => Some(Field::Timestamp.name()),
            Self::Distinct(field)
            | Self::Mean(field)
            | Self::Highest(field)
            | Self::Top { field, .. }
            | Self::Ranges { field, .. } => Some(field.name()),
            Self::Constant(_) => None,
        }
    }

    fn params(&self) -> Value {
        match self {
            Self::Count | Self::Distinct(_) => json!({"emptyAsNull": false}),
            Self::Mean(_) | Self::Highest(_) => {
                json!({"format": {"id": "number", "params": {"decimals": 0}}})
            }
            Self::Constant(value) => json!({"value": value.to_string()}),
            Self::Time => json!({"interval": "auto", "includeEmptyRows": true, "dropPartials": false}),
            Self::Top { most, by, .. } => json!({
                "size": most,
                "orderBy": {"type": "column", "columnId": by},
                "orderDirection": "desc",
                "otherBucket": false,
                "missingBucket": false,
                "parentFormat": {"id": "terms"},
                "include": [],
                "exclude": [],
                "includeIsRegex": false,
                "excludeIsRegex": false,
            }),
            Self::Ranges { from, to, step, .. } => json!({
                "type": "range",
                "ranges": ranges(*from, *to, *step),
                "maxBars": "auto",
                "parentFormat": {"id": "range", "params": {"template": "arrow_right", "replaceInfinity": true}},
            }),
        }
    }
}

const fn of_number(name: &'static str) -> Traits {
    Traits { name, data: "number", scale: "ratio", groups: false }
}

/// Ranges that begin with their first value, and end before their last.
fn ranges(from: u16, to: u16, step: u16) -> Vec<Value> {
    let starts = (from..to).step_by(usize::from(step.max(1)));
    let range = |start: u16| {
        let end = start + step;
        json!({"from": start, "to": end, "label": format!("{start} to {end}")})
    };
    starts.map(range).collect()
}
