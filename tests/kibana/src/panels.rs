//! What panels compute: the aggregation of Elasticsearch that a chart's columns mean, and the rows of its answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::contract::term;

/// The step of time in tests, where Kibana would choose one that suits the width of the panel.
pub const STEP: &str = "1h";

/// A time span, as Kibana's time picker gives it.
#[derive(Clone, Copy, Debug)]
pub struct Span<'s> {
    /// Its beginning.
    pub from: &'s str,
    /// Its end.
    pub to: &'s str,
}

/// A Lens chart on a dashboard.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The title of its dashboard.
    pub dashboard: String,
    /// Its own title.
    pub title: String,
    state: Value,
}

/// A row: the values by which it is grouped, in order, and what was measured, by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The groups, from the outermost.
    pub groups: Vec<String>,
    /// The measures, by column id.
    pub measures: BTreeMap<String, f64>,
}

/// The Lens charts in the lines of an import.
pub fn charts(ndjson: &str) -> Vec<Panel> {
    let objects = objects(ndjson).into_iter().filter(|object| object["type"] == "dashboard");
    objects.flat_map(|dashboard| of_dashboard(&dashboard)).collect()
}

fn of_dashboard(dashboard: &Value) -> Vec<Panel> {
    let panels = parsed(&dashboard["attributes"]["panelsJSON"]);
    let charts = panels.as_array().into_iter().flatten().filter(|panel| panel["type"] == "lens");
    let text = |value: &Value| value.as_str().expect("a title").to_owned();
    charts
        .map(|panel| Panel {
            dashboard: text(&dashboard["attributes"]["title"]),
            title: text(&panel["title"]),
            state: panel["embeddableConfig"]["attributes"]["state"].clone(),
        })
        .collect()
}

/// What is sent for each saved search in the lines of an import, by title: its first page.
pub fn searches(ndjson: &str, span: Span<'_>) -> BTreeMap<String, Value> {
    let searches = objects(ndjson).into_iter().filter(|object| object["type"] == "search");
    let request = |search: Value| {
        let attributes = &search["attributes"];
        let source = parsed(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
        let sort = attributes["sort"].as_array().into_iter().flatten();
        let sort: Vec<_> = sort
            .map(|pair| {
                Value::Object(Map::from_iter([(
                    pair[0].as_str().unwrap_or_default().to_owned(),
                    pair[1].clone(),
                )]))
            })
            .collect();
        let body = json!({
            "query": filtered(&source["query"], span.from, span.to),
            "sort": sort,
            "size": attributes["rowsPerPage"],
            "_source": attributes["columns"],
        });
        (attributes["title"].as_str().expect("a title").to_owned(), body)
    };
    searches.map(request).collect()
}

fn objects(ndjson: &str) -> Vec<Value> {
    ndjson.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn parsed(text: &Value) -> Value {
    serde_json::from_str(text.as_str().expect("a text")).expect("a text of JSON")
}

impl Panel {
    /// What Kibana sends for the chart.
    pub fn request(&self, span: Span<'_>) -> Value {
        let order = self.order();
        let groups: Vec<_> =
            order.iter().filter(|id| self.column(id)["isBucketed"] == true).copied().collect();
        let measures: Map<_, _> = order
            .iter()
            .filter(|id| self.column(id)["isBucketed"] != true)
            .filter_map(|id| Some(((*id).to_owned(), measure(self.column(id), span)?)))
            .collect();
        let aggregations = groups.iter().rev().fold(json!(measures), |below, id| {
            let mut group = self.group(self.column(id));
            let mut aggregations = below;
            // Groups are ordered by what is measured of each, so that stands at every level.
            for (measure, aggregation) in &measures {
                aggregations[measure] = aggregation.clone();
            }
            group["aggs"] = aggregations;
            json!({*id: group})
        });
        json!({
            "size": 0,
            "track_total_hits": true,
            "query": filtered(&self.state["query"], span.from, span.to),
            "aggs": aggregations,
        })
    }

    /// The rows in the answer; those without readings are left out.
    pub fn rows(&self, answer: &Value) -> Vec<Row> {
        let order = self.order();
        let groups: Vec<_> =
            order.iter().filter(|id| self.column(id)["isBucketed"] == true).copied().collect();
        let mut whole = answer["aggregations"].clone();
        if whole.is_null() {
            whole = json!({});
        }
        whole["doc_count"] = answer["hits"]["total"]["value"].clone();
        let mut rows = Vec::new();
        self.collect(&whole, &groups, &[], &mut rows);
        rows
    }

    fn collect(&self, bucket: &Value, groups: &[&str], above: &[String], rows: &mut Vec<Row>) {
        let Some((group, below)) = groups.split_first() else {
            let measures = self.order().into_iter().filter(|id| self.column(id)["isBucketed"] != true);
            let measures =
                measures.map(|id| (id.to_owned(), measured(self.column(id), bucket, id))).collect();
            return rows.push(Row { groups: above.to_vec(), measures });
        };
        for inner in bucket[*group]["buckets"].as_array().expect("a group has buckets") {
            if inner["doc_count"] == 0 {
                continue;
            }
            let key = if inner["from"].is_null() { &inner["key"] } else { &inner["from"] };
            let key = key
                .as_f64()
                .map_or_else(|| key.as_str().unwrap_or_default().to_owned(), |number| number.to_string());
            self.collect(inner, below, &[above, &[key]].concat(), rows);
        }
    }

    /// The ids of the columns of the data's layer, in order.
    fn order(&self) -> Vec<&str> {
        let order = self.layer()["columnOrder"].as_array().expect("an order of columns");
        order.iter().filter_map(Value::as_str).collect()
    }

    fn column(&self, id: &str) -> &Value {
        &self.layer()["columns"][id]
    }

    fn layer(&self) -> &Value {
        &self.state["datasourceStates"]["formBased"]["layers"]["data"]
    }

    fn group(&self, column: &Value) -> Value {
        let (field, params) = (&column["sourceField"], &column["params"]);
        match column["operationType"].as_str() {
            Some("date_histogram") => {
                json!({"date_histogram": {"field": field, "fixed_interval": STEP, "min_doc_count": 1}})
            }
            Some("terms") => {
                let by = params["orderBy"]["columnId"].as_str().expect("a column to order by");
                let is_count = self.column(by)["operationType"] == "count";
                let by = if is_count { "_count" } else { by };
                json!({"terms": {"field": field, "size": params["size"], "order": {by: params["orderDirection"]}}})
            }
            Some("range") => {
                let ranges = params["ranges"].as_array().into_iter().flatten();
                let ranges: Vec<_> =
                    ranges.map(|range| json!({"from": range["from"], "to": range["to"]})).collect();
                json!({"range": {"field": field, "ranges": ranges}})
            }
            other => panic!("{other:?} does not group"),
        }
    }
}

/// The aggregation of a measure; none where the number of readings says it, or nothing has to be asked.
fn measure(column: &Value, span: Span<'_>) -> Option<Value> {
    let field = &column["sourceField"];
    let asked = match column["operationType"].as_str() {
        Some("count") => None,
        Some("unique_count") => Some(json!({"cardinality": {"field": field}})),
        Some("average") => Some(json!({"avg": {"field": field}})),
        Some("max") => Some(json!({"max": {"field": field}})),
        Some("static_value") => return None,
        other => panic!("{other:?} does not measure"),
    };
    if column["filter"].is_null() && column["reducedTimeRange"].is_null() {
        return asked;
    }
    let from = match column["reducedTimeRange"].as_str() {
        Some(last) => format!("{}||-{last}", span.to),
        None => span.from.to_owned(),
    };
    let mut narrowed = json!({"filter": filtered(&column["filter"], &from, span.to)});
    if let Some(asked) = asked {
        narrowed["aggs"] = json!({"value": asked});
    }
    Some(narrowed)
}

fn measured(column: &Value, bucket: &Value, id: &str) -> f64 {
    let is_narrowed = !column["filter"].is_null() || !column["reducedTimeRange"].is_null();
    let found = match (column["operationType"].as_str(), is_narrowed) {
        (Some("static_value"), _) => {
            let text = column["params"]["value"].as_str().expect("a number as a text");
            return text.parse().expect("a number");
        }
        (Some("count"), false) => &bucket["doc_count"],
        (Some("count"), true) => &bucket[id]["doc_count"],
        (_, false) => &bucket[id]["value"],
        (_, true) => &bucket[id]["value"]["value"],
    };
    found.as_f64().unwrap_or_else(|| panic!("{id} is not measured: {bucket}"))
}

fn filtered(query: &Value, from: &str, to: &str) -> Value {
    let mut filter = vec![json!({"range": {"@timestamp": {"gte": from, "lte": to}}})];
    let text = query["query"].as_str().unwrap_or_default();
    if !text.is_empty() {
        let (field, value) = term(text).unwrap_or_else(|| panic!("{text} is no query that is known here"));
        filter.push(json!({"term": {field: value}}));
    }
    json!({"bool": {"filter": filter}})
}
