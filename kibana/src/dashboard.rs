//! A dashboard: panels on a grid of 48 columns, with an options list where there is one.

use serde_json::{Value, json};

use crate::lens::Chart;
use crate::object::kuery;
use crate::{Field, Kind, Reference, SavedObject, Ward, control, data_view, ids, searches};

/// The width of a dashboard.
pub(crate) const WIDTH: u32 = 48;

/// A dashboard in the making.
pub(crate) struct Dashboard<'a> {
    ward: &'a Ward,
    what: &'static str,
    title: &'static str,
    description: &'static str,
    panels: Vec<Value>,
    references: Vec<Reference>,
    control: Option<Value>,
    /// Where the next panel is, and how high its row is.
    x: u32,
    y: u32,
    row: u32,
}

impl<'a> Dashboard<'a> {
    pub(crate) fn new(
        ward: &'a Ward,
        what: &'static str,
        title: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            ward,
            what,
            title,
            description,
            panels: Vec::new(),
            references: Vec::new(),
            control: None,
            x: 0,
            y: 0,
            row: 0,
        }
    }

    /// Begins a row of this height.
    #[must_use]
    pub(crate) fn row(mut self, height: u32) -> Self {
        (self.x, self.y, self.row) = (0, self.y + self.row, height);
        self
    }

    /// Adds a chart of this width to the row.
    #[must_use]
    pub(crate) fn chart(mut self, width: u32, title: &str, chart: &Chart) -> Self {
        let index = self.next_index();
        let references = chart.references(self.ward).into_iter();
        self.references.extend(
            references
                .map(|reference| Reference { name: format!("{index}:{}", reference.name), ..reference }),
        );
        let config = json!({"attributes": chart.json(self.ward, title), "enhancements": {}});
        self.add("lens", width, title, &config, None)
    }

    /// Adds a saved search of this width to the row.
    #[must_use]
    pub(crate) fn search(mut self, width: u32, title: &str, search: &str) -> Self {
        let index = self.next_index();
        let panel = format!("panel_{index}");
        let (name, id) = (format!("{index}:{panel}"), searches::id(self.ward, search));
        self.references.push(Reference { name, kind: Kind::Search, id });
        self.add("search", width, title, &json!({"enhancements": {}}), Some(&panel))
    }

    /// Adds a text in Markdown over the whole width.
    #[must_use]
    pub(crate) fn text(self, title: &str, markdown: &str) -> Self {
        let config = json!({
            "enhancements": {},
            "savedVis": {
                "id": "",
                "title": "",
                "description": "",
                "type": "markdown",
                "params": {"fontSize": 12, "openLinksInNewTab": false, "markdown": markdown},
                "uiState": {},
                "data": {"aggs": [], "searchSource": {"query": kuery(""), "filter": []}},
            },
        });
        self.add("visualization", WIDTH, title, &config, None)
    }

    /// Lets people choose among the values of a field.
    #[must_use]
    pub(crate) fn choose(mut self, field: Field, title: &'static str) -> Self {
        self.references.push(data_view::reference(self.ward, control::reference(field)));
        self.control = Some(control::options_list(field, title));
        self
    }

    fn next_index(&self) -> String {
        (self.panels.len() + 1).to_string()
    }

    fn add(
        mut self,
        kind: &str,
        width: u32,
        title: &str,
        config: &Value,
        by_reference: Option<&str>,
    ) -> Self {
        let index = self.next_index();
        let mut panel = json!({
            "type": kind,
            "gridData": {"x": self.x, "y": self.y, "w": width, "h": self.row, "i": index},
            "panelIndex": index,
            "embeddableConfig": config,
            "title": title,
        });
        if let Some(name) = by_reference {
            panel["panelRefName"] = json!(name);
        }
        self.x += width;
        self.panels.push(panel);
        self
    }

    /// The saved object.
    pub(crate) fn build(self) -> SavedObject {
        let options = json!({
            "useMargins": true, "syncColors": true, "syncCursor": true, "syncTooltips": false, "hidePanelTitles": false,
        });
        let source = json!({"query": kuery(""), "filter": []});
        let mut attributes = json!({
            "title": format!("{}: {}", self.title, self.ward.label()),
            "description": self.description,
            "panelsJSON": Value::Array(self.panels).to_string(),
            "optionsJSON": options.to_string(),
            "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()},
            "timeRestore": true,
            "timeFrom": "now-24h",
            "timeTo": "now",
            "refreshInterval": {"pause": false, "value": 30000},
        });
        if let Some(control) = self.control {
            attributes["controlGroupInput"] = control;
        }
        let id = ids::object(self.ward, self.what);
        SavedObject { kind: Kind::Dashboard, id, attributes, references: self.references }
    }
}
