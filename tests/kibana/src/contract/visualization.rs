//! How a Lens chart is drawn: the keys of each kind, and that every column it names is there and does what it is named for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::findings::{Findings, exact_keys, text};

/// A chart under check.
struct Chart<'c> {
    layers: &'c Value,
    place: &'c str,
    used: BTreeSet<String>,
}

/// What a column is named for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Group,
    Measure,
}

pub(super) fn check(attributes: &Value, place: &str, findings: &mut Findings) {
    let state = &attributes["state"];
    let layers = &state["datasourceStates"]["formBased"]["layers"];
    let mut chart = Chart { layers, place, used: BTreeSet::new() };
    let drawn = &state["visualization"];
    match text(attributes, "visualizationType") {
        "lnsMetric" => chart.metric(drawn, findings),
        "lnsPie" => chart.pie(drawn, findings),
        "lnsXY" => chart.xy(drawn, findings),
        "lnsHeatmap" => chart.heat_map(drawn, findings),
        "lnsGauge" => chart.gauge(drawn, findings),
        _ => findings.add(place, "is of a kind that is not known here"),
    }
    let all: BTreeSet<_> =
        layers.as_object().into_iter().flatten().flat_map(|(id, layer)| columns(id, layer)).collect();
    findings.require(chart.used == all, place, "draws other columns than it has");
}

/// The columns of a layer, each with its layer.
fn columns(id: &str, layer: &Value) -> Vec<String> {
    layer["columns"].as_object().into_iter().flatten().map(|(column, _)| format!("{id}/{column}")).collect()
}

impl Chart<'_> {
    /// That a layer is there, and of this kind.
    fn layer(&self, drawn: &Value, kind: &str, findings: &mut Findings) {
        findings.require(
            self.layers[text(drawn, "layerId")].is_object(),
            self.place,
            "draws a layer that is not there",
        );
        findings.require(drawn["layerType"] == kind, self.place, "has a layer of another kind");
    }

    /// That a column of the drawn layer is there, and groups or measures.
    fn column(&mut self, drawn: &Value, id: &Value, role: Role, findings: &mut Findings) {
        let (layer, id) = (text(drawn, "layerId"), id.as_str().unwrap_or_default());
        let column = &self.layers[layer]["columns"][id];
        if !column.is_object() {
            return findings.add(self.place, "draws a column that is not there");
        }
        let groups = column["isBucketed"] == true;
        findings.require(groups == (role == Role::Group), self.place, "draws a column as what it is not");
        self.used.insert(format!("{layer}/{id}"));
    }

    fn columns(&mut self, drawn: &Value, key: &str, role: Role, findings: &mut Findings) {
        let Some(ids) = drawn[key].as_array().filter(|ids| !ids.is_empty()) else {
            return findings.add(self.place, &format!("has no {key}"));
        };
        for id in ids {
            self.column(drawn, id, role, findings);
        }
    }

    fn metric(&mut self, drawn: &Value, findings: &mut Findings) {
        exact_keys(drawn, &["layerId", "layerType", "metricAccessor"], &[], self.place, findings);
        self.layer(drawn, "data", findings);
        self.column(drawn, &drawn["metricAccessor"], Role::Measure, findings);
    }

    fn pie(&mut self, drawn: &Value, findings: &mut Findings) {
        exact_keys(drawn, &["shape", "layers"], &[], self.place, findings);
        findings.require(
            ["pie", "donut"].contains(&text(drawn, "shape")),
            self.place,
            "has no shape of a pie",
        );
        let Some([layer]) = drawn["layers"].as_array().map(Vec::as_slice) else {
            return findings.add(self.place, "has not one layer");
        };
        let keys = [
            "layerId",
            "layerType",
            "primaryGroups",
            "metrics",
            "numberDisplay",
            "categoryDisplay",
            "legendDisplay",
            "nestedLegend",
        ];
        exact_keys(layer, &keys, &[], self.place, findings);
        self.layer(layer, "data", findings);
        self.columns(layer, "primaryGroups", Role::Group, findings);
        self.columns(layer, "metrics", Role::Measure, findings);
    }

    fn xy(&mut self, drawn: &Value, findings: &mut Findings) {
        exact_keys(
            drawn,
            &["preferredSeriesType", "legend", "valueLabels", "layers"],
            &[],
            self.place,
            findings,
        );
        for layer in drawn["layers"].as_array().into_iter().flatten() {
            if layer["layerType"] == "referenceLine" {
                self.limits(layer, findings);
            } else {
                self.series(layer, findings);
            }
        }
    }

    fn series(&mut self, layer: &Value, findings: &mut Findings) {
        let keys = ["layerId", "layerType", "seriesType", "xAccessor", "accessors", "yConfig"];
        exact_keys(layer, &keys, &["splitAccessor"], self.place, findings);
        self.layer(layer, "data", findings);
        let known = ["bar", "bar_stacked", "bar_horizontal", "line", "area", "area_stacked"];
        findings.require(
            known.contains(&text(layer, "seriesType")),
            self.place,
            "has no known kind of series",
        );
        self.column(layer, &layer["xAccessor"], Role::Group, findings);
        if !layer["splitAccessor"].is_null() {
            self.column(layer, &layer["splitAccessor"], Role::Group, findings);
        }
        self.columns(layer, "accessors", Role::Measure, findings);
    }

    fn limits(&mut self, layer: &Value, findings: &mut Findings) {
        exact_keys(layer, &["layerId", "layerType", "accessors", "yConfig"], &[], self.place, findings);
        self.layer(layer, "referenceLine", findings);
        self.columns(layer, "accessors", Role::Measure, findings);
        let accessors = layer["accessors"].as_array().into_iter().flatten();
        let drawn: Vec<_> =
            layer["yConfig"].as_array().into_iter().flatten().map(|line| &line["forAccessor"]).collect();
        findings.require(accessors.eq(drawn), self.place, "draws other limits than it has");
    }

    fn heat_map(&mut self, drawn: &Value, findings: &mut Findings) {
        let keys = [
            "shape",
            "layerId",
            "layerType",
            "xAccessor",
            "yAccessor",
            "valueAccessor",
            "legend",
            "gridConfig",
            "palette",
        ];
        exact_keys(drawn, &keys, &[], self.place, findings);
        self.layer(drawn, "data", findings);
        findings.require(drawn["shape"] == "heatmap", self.place, "has no shape of a heat map");
        findings.require(
            drawn["legend"]["type"] == "heatmap_legend",
            self.place,
            "has no legend of a heat map",
        );
        findings.require(
            drawn["gridConfig"]["type"] == "heatmap_grid",
            self.place,
            "has no grid of a heat map",
        );
        findings.require(
            drawn["palette"]["accessor"] == drawn["valueAccessor"],
            self.place,
            "colours another column",
        );
        self.palette(&drawn["palette"], findings);
        for key in ["xAccessor", "yAccessor"] {
            self.column(drawn, &drawn[key], Role::Group, findings);
        }
        self.column(drawn, &drawn["valueAccessor"], Role::Measure, findings);
    }

    /// Its stops are the colours: without any, nothing is coloured.
    fn palette(&self, palette: &Value, findings: &mut Findings) {
        findings.require(palette["type"] == "palette", self.place, "has colours without a palette");
        let params = &palette["params"];
        let [ends, begins] = ["stops", "colorStops"].map(|key| {
            let stops = params[key].as_array().into_iter().flatten();
            stops.map(|stop| (stop["color"].clone(), stop["stop"].as_f64())).collect::<Vec<_>>()
        });
        let is_whole = !ends.is_empty() && ends.len() == begins.len() && params["steps"] == ends.len();
        findings.require(is_whole, self.place, "has a palette without stops");
        let is_ordered = ends.iter().zip(&begins).all(|((end, to), (begin, from))| end == begin && from < to);
        findings.require(is_ordered, self.place, "has a palette whose stops are out of order");
    }

    fn gauge(&mut self, drawn: &Value, findings: &mut Findings) {
        let keys = [
            "shape",
            "layerId",
            "layerType",
            "metricAccessor",
            "minAccessor",
            "maxAccessor",
            "ticksPosition",
            "labelMajorMode",
            "colorMode",
        ];
        exact_keys(drawn, &keys, &["goalAccessor", "palette"], self.place, findings);
        self.layer(drawn, "data", findings);
        let known = ["horizontalBullet", "verticalBullet", "arc", "circle"];
        findings.require(known.contains(&text(drawn, "shape")), self.place, "has no shape of a gauge");
        if drawn["colorMode"] != "none" {
            self.palette(&drawn["palette"], findings);
        }
        let accessors = ["metricAccessor", "minAccessor", "maxAccessor", "goalAccessor"];
        for key in accessors.iter().filter(|key| !drawn[**key].is_null()) {
            self.column(drawn, &drawn[*key], Role::Measure, findings);
        }
    }
}
