//! The charts that dashboards are made of.

use serde_json::{Value, json};

use super::{Chart, Column, Layer};
use crate::Field;
use crate::ward::{Bands, Line};

/// The layer of what is measured.
const DATA: &str = "data";
/// The layer of limits.
const LIMITS: &str = "limits";
/// The column that groups, the one that splits, and the one that measures.
const GROUP: &str = "group";
const SPLIT: &str = "split";
const VALUE: &str = "value";

/// The lowest and the highest pressure that a gauge shows, in mmHg: beyond them nothing is a Reading.
const GAUGE: (u16, u16) = (20, 300);
/// Where hypertension and where a crisis begins.
pub type Limits = (Option<Line>, Option<Line>);

/// The colours of limits: crisis, high, low.
const COLOURS: [&str; 3] = ["#bd271e", "#e7664c", "#6092c0"];

/// One number.
pub fn metric(value: Column) -> Chart {
    chart(
        "lnsMetric",
        vec![(VALUE, value)],
        json!({"layerId": DATA, "layerType": "data", "metricAccessor": VALUE}),
    )
}

/// Shares of the readings by value, in percent.
pub fn donut(label: &str, field: Field, most: u32) -> Chart {
    let columns = vec![(GROUP, Column::top(label, field, most, VALUE)), (VALUE, readings())];
    let layer = json!({
        "layerId": DATA,
        "layerType": "data",
        "primaryGroups": [GROUP],
        "metrics": [VALUE],
        "numberDisplay": "percent",
        "categoryDisplay": "default",
        "legendDisplay": "show",
        "nestedLegend": false,
    });
    chart("lnsPie", columns, json!({"shape": "donut", "layers": [layer]}))
}

/// Bars over time, one on the other for each value.
pub fn stacked_over_time(label: &str, field: Field, most: u32) -> Chart {
    let columns =
        vec![(SPLIT, Column::top(label, field, most, VALUE)), (GROUP, Column::time()), (VALUE, readings())];
    chart("lnsXY", columns, axes("bar_stacked", &[VALUE], Some(SPLIT)))
}

/// A bar or more for each of the values with most of the first measure.
pub fn bars_by(label: &str, field: Field, most: u32, measures: Vec<Column>) -> Chart {
    let named = named(measures);
    let first = named.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let ids: Vec<_> = named.iter().map(|(id, _)| id.clone()).collect();
    let mut columns = vec![(GROUP.to_owned(), Column::top(label, field, most, &first))];
    columns.extend(named);
    let drawn = axes("bar_horizontal", &ids, None);
    Chart {
        kind: "lnsXY",
        layers: vec![Layer { id: DATA, columns }],
        visualization: drawn,
        query: String::new(),
    }
}

/// How many readings have a pressure in each range of `step` mmHg.
pub fn ranges(label: &str, field: Field, from: u16, to: u16, step: u16) -> Chart {
    let columns = vec![(GROUP, Column::ranges(label, field, from, to, step)), (VALUE, readings())];
    chart("lnsXY", columns, axes("bar", &[VALUE], None))
}

/// Measures over time as lines, with the limits as further lines where there are such.
pub fn lines(measures: Vec<Column>, bands: Option<&Bands>) -> Chart {
    let named = named(measures);
    let ids: Vec<_> = named.iter().map(|(id, _)| id.clone()).collect();
    let mut columns = vec![(GROUP.to_owned(), Column::time())];
    columns.extend(named);
    let mut drawn = axes("line", &ids, None);
    let mut layers = vec![Layer { id: DATA, columns }];
    if let Some(limits) = bands.map(limits).filter(|limits| !limits.is_empty()) {
        if let Some(layers) = drawn.get_mut("layers").and_then(Value::as_array_mut) {
            layers.push(limit_lines(&limits));
        }
        let columns = limits.into_iter().map(|(id, column, _)| (id, column)).collect();
        layers.push(Layer { id: LIMITS, columns });
    }
    Chart { kind: "lnsXY", layers, visualization: drawn, query: String::new() }
}

/// A measure by time and by value: of the `most` values with the highest, coloured by the limits that it is beyond.
pub fn heat_map(label: &str, field: Field, most: u32, measure: Column, limits: Limits) -> Chart {
    let columns =
        vec![(SPLIT, Column::top(label, field, most, VALUE)), (GROUP, Column::time()), (VALUE, measure)];
    let mut drawn = json!({
        "shape": "heatmap",
        "layerId": DATA,
        "layerType": "data",
        "xAccessor": GROUP,
        "yAccessor": SPLIT,
        "valueAccessor": VALUE,
        "legend": {"type": "heatmap_legend", "isVisible": true, "position": "right"},
        "gridConfig": {
            "type": "heatmap_grid",
            "isCellLabelVisible": false,
            "isYAxisLabelVisible": true,
            "isXAxisLabelVisible": true,
            "isYAxisTitleVisible": false,
            "isXAxisTitleVisible": false,
        },
    });
    drawn["palette"] = palette(limits);
    drawn["palette"]["accessor"] = json!(VALUE);
    chart("lnsHeatmap", columns, drawn)
}

/// A pressure on a scale, coloured by the limits that it is beyond, with that of hypertension as its goal.
pub fn gauge(measure: Column, limits: Limits) -> Chart {
    let mut columns = vec![
        (VALUE, measure),
        ("from", Column::constant("Lowest", GAUGE.0)),
        ("to", Column::constant("Highest", GAUGE.1)),
    ];
    let mut drawn = json!({
        "shape": "horizontalBullet",
        "layerId": DATA,
        "layerType": "data",
        "metricAccessor": VALUE,
        "minAccessor": "from",
        "maxAccessor": "to",
        "ticksPosition": "auto",
        "labelMajorMode": "auto",
        "colorMode": "palette",
        "palette": palette(limits),
    });
    if let Some(line) = limits.0 {
        columns.push(("goal", Column::constant("Hypertension", line.mmhg)));
        drawn["goalAccessor"] = json!("goal");
    }
    chart("lnsGauge", columns, drawn)
}

/// A colour for each band: below hypertension, from there on, from a crisis on.
fn palette((high, crisis): Limits) -> Value {
    let [red, orange, blue] = COLOURS;
    let above = [(high, orange), (crisis, red)];
    let above = above.into_iter().filter_map(|(line, colour)| Some((line?.mmhg, colour)));
    let begins: Vec<_> = [(0, blue)].into_iter().chain(above).collect();
    let ends = begins.iter().skip(1).map(|(begin, _)| *begin).chain([GAUGE.1]);
    let stop = |colour: &str, at: u16| json!({"color": colour, "stop": at});
    let stops: Vec<_> = begins.iter().zip(ends).map(|((_, colour), end)| stop(colour, end)).collect();
    let starts: Vec<_> = begins.iter().map(|(begin, colour)| stop(colour, *begin)).collect();
    json!({
        "type": "palette",
        "name": "custom",
        "params": {
            "name": "custom",
            "reverse": false,
            "rangeType": "number",
            "rangeMin": 0,
            "rangeMax": null,
            "continuity": "above",
            "progression": "fixed",
            "steps": stops.len(),
            "maxSteps": 5,
            "stops": stops,
            "colorStops": starts,
        },
    })
}

fn readings() -> Column {
    Column::count("Anomalous readings")
}

fn chart(kind: &'static str, columns: Vec<(&str, Column)>, visualization: Value) -> Chart {
    let columns = columns.into_iter().map(|(id, column)| (id.to_owned(), column)).collect();
    Chart { kind, layers: vec![Layer { id: DATA, columns }], visualization, query: String::new() }
}

/// Measures with ids: the first one is the value, the others have a number.
fn named(measures: Vec<Column>) -> Vec<(String, Column)> {
    let id = |place: usize| if place == 0 { VALUE.to_owned() } else { format!("{VALUE}-{place}") };
    measures.into_iter().enumerate().map(|(place, column)| (id(place), column)).collect()
}

fn axes<I: AsRef<str>>(series: &str, values: &[I], split: Option<&str>) -> Value {
    let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
    let mut layer = json!({
        "layerId": DATA,
        "layerType": "data",
        "seriesType": series,
        "xAccessor": GROUP,
        "accessors": values,
        "yConfig": [],
    });
    if let Some(split) = split {
        layer["splitAccessor"] = json!(split);
    }
    json!({
        "preferredSeriesType": series,
        "legend": {"isVisible": true, "position": "bottom"},
        "valueLabels": "hide",
        "layers": [layer],
    })
}

/// The limits that there are, with their colours.
fn limits(bands: &Bands) -> Vec<(String, Column, &'static str)> {
    let [crisis, high, low] = COLOURS;
    let all = [
        ("systolic-crisis", "Systolic crisis", bands.systolic_crisis, crisis),
        ("diastolic-crisis", "Diastolic crisis", bands.diastolic_crisis, crisis),
        ("systolic-high", "Systolic hypertension", bands.systolic_high, high),
        ("diastolic-high", "Diastolic hypertension", bands.diastolic_high, high),
        ("systolic-low", "Systolic hypotension", bands.systolic_low, low),
        ("diastolic-low", "Diastolic hypotension", bands.diastolic_low, low),
    ];
    let known = all.into_iter().filter_map(|(id, label, line, colour)| {
        let mmhg = line?.mmhg;
        Some((id.to_owned(), Column::constant(&format!("{label} ({mmhg})"), mmhg), colour))
    });
    known.collect()
}

fn limit_lines(limits: &[(String, Column, &str)]) -> Value {
    let line = |(id, _, colour): &(String, Column, &str)| {
        json!({
            "forAccessor": id,
            "axisMode": "left",
            "color": colour,
            "lineWidth": 1,
            "lineStyle": "dashed",
            "fill": "none",
            "textVisibility": true,
        })
    };
    json!({
        "layerId": LIMITS,
        "layerType": "referenceLine",
        "accessors": limits.iter().map(|(id, ..)| id).collect::<Vec<_>>(),
        "yConfig": limits.iter().map(line).collect::<Vec<_>>(),
    })
}
