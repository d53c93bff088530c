//! Lens charts: layers of columns, and how they are drawn. In the shapes of Kibana 8.9, which later versions bring up to date.

mod charts;
mod column;

use serde_json::{Map, Value, json};

pub use charts::{Limits, bars_by, donut, gauge, heat_map, lines, metric, ranges, stacked_over_time};
pub use column::Column;

use crate::object::kuery;
use crate::{Reference, Ward, data_view};

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its kind, as Kibana names it.
    pub kind: &'static str,
    /// What it computes.
    pub layers: Vec<Layer>,
    /// How that is drawn.
    pub visualization: Value,
    /// Of which readings; empty for all.
    pub query: String,
}

/// What is computed together: columns, those that group before those that measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its id in the chart.
    pub id: &'static str,
    /// Its columns with their ids.
    pub columns: Vec<(String, Column)>,
}

impl Chart {
    /// The same of these readings only.
    #[must_use]
    pub fn of(self, query: &str) -> Self {
        Self { query: query.to_owned(), ..self }
    }

    /// What it refers to: each of its layers to the data view.
    pub(crate) fn references(&self, ward: &Ward) -> Vec<Reference> {
        let name = |layer: &Layer| format!("indexpattern-datasource-layer-{}", layer.id);
        self.layers.iter().map(|layer| data_view::reference(ward, name(layer))).collect()
    }

    /// As Kibana writes it.
    pub(crate) fn json(&self, ward: &Ward, title: &str) -> Value {
        let layers = self.layers.iter().map(|layer| (layer.id.to_owned(), layer.json()));
        json!({
            "title": title,
            "type": "lens",
            "visualizationType": self.kind,
            "state": {
                "datasourceStates": {"formBased": {"layers": layers.collect::<Map<_, _>>()}},
                "visualization": self.visualization,
                "query": kuery(&self.query),
                "filters": [],
                "internalReferences": [],
                "adHocDataViews": {},
            },
            "references": self.references(ward).iter().map(Reference::json).collect::<Vec<_>>(),
        })
    }
}

impl Layer {
    fn json(&self) -> Value {
        let order: Vec<_> = self.columns.iter().map(|(id, _)| id).collect();
        let columns = self.columns.iter().map(|(id, column)| (id.clone(), column.json()));
        json!({
            "columns": columns.collect::<Map<_, _>>(),
            "columnOrder": order,
            "incompleteColumns": {},
        })
    }
}
