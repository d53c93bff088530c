//! The index of anomalies: its mappings, settings and aliases, and the template that guards its name.

use serde_json::{Value, json};

use crate::names::{ALL_ANOMALIES, Names};

/// The longest keyword, in characters, that Elasticsearch indexes whatever they are: 32,766 bytes at four bytes a character. A longer
/// one is stored, but not found by.
const KEYWORD_MAX_CHARACTERS: u32 = 8191;

/// Names are compared in lists and tables, and no person's is longer.
const NAME_MAX_CHARACTERS: u32 = 256;

/// The mappings of an index of anomalies. A field that is none of these is refused.
pub fn mappings() -> Value {
    let keyword = json!({"type": "keyword", "ignore_above": KEYWORD_MAX_CHARACTERS});
    // What is stored keeps every digit; what is searched and averaged has the precision of a double, where a float would turn 129.7 into
    // 129.69999695.
    let pressure = json!({"type": "double"});
    let date = json!({"type": "date"});
    json!({
        "dynamic": "strict",
        "_meta": {"made_by": "bpmonitor"},
        "properties": {
            "@timestamp": date,
            "observation_id": keyword,
            "patient_id": keyword,
            "systolic_pressure": pressure,
            "diastolic_pressure": pressure,
            "mean_arterial_pressure": pressure,
            "pulse_pressure": pressure,
            "category": keyword,
            "severity": keyword,
            "anomalies": keyword,
            "reasons": keyword,
            "flags": keyword,
            "effectiveDateTime": date,
            "processed_datetime": date,
            "monitor": keyword,
            "namespace": keyword,
            "withdrawn": {"type": "boolean"},
            "kafka": {
                "properties": {
                    "topic": keyword,
                    "partition": {"type": "integer"},
                    "offset": {"type": "long"},
                },
            },
            "patient_name": {
                "type": "text",
                "fields": {"keyword": {"type": "keyword", "ignore_above": NAME_MAX_CHARACTERS}},
            },
            "fhir_resource": {"type": "object", "enabled": false},
        },
    })
}

/// What is sent to make the index: settings, mappings, aliases.
///
/// A document is kept twice where there is a second node and once where there is none, so that neither one node waits for another for
/// ever, nor the loss of one of several loses anything. It can be found a second after it was written.
pub fn index(names: &Names<'_>, shards: u32) -> Value {
    let hide_withdrawn = json!({"bool": {"must_not": [{"term": {"withdrawn": true}}]}});
    let mut aliases = serde_json::Map::new();
    // Through its own alias the index is written to as well: a bulk that requires an alias cannot make an index that is missing.
    aliases.insert(names.alias(), json!({"filter": hide_withdrawn, "is_write_index": true}));
    aliases.insert(ALL_ANOMALIES.to_owned(), json!({"filter": hide_withdrawn}));
    json!({
        "settings": {
            "index": {"number_of_shards": shards, "auto_expand_replicas": "0-1", "refresh_interval": "1s"},
        },
        "mappings": mappings(),
        "aliases": aliases,
    })
}

/// What is sent to make the index's template. Whoever makes the index by hand gets the right one, and nobody makes it by writing.
pub fn template(names: &Names<'_>, shards: u32) -> Value {
    json!({
        "index_patterns": [names.index()],
        "priority": 500,
        "allow_auto_create": false,
        "template": index(names, shards),
        "_meta": {"made_by": "bpmonitor"},
    })
}

/// What the classifier may do with Elasticsearch: the role of its API key.
pub fn privileges(names: &Names<'_>) -> Value {
    json!({
        "classifier": {
            "cluster": [],
            "indices": [{
                // A privilege on an index does not count for its alias.
                "names": [names.index(), names.alias()],
                "privileges": ["index", "delete", "read", "view_index_metadata"],
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = Names::new("default", "ward-3");

    #[test]
    fn fields_have_types() {
        let mappings = mappings();
        let cases = [
            ("/@timestamp/type", "date"),
            ("/systolic_pressure/type", "double"),
            ("/anomalies/type", "keyword"),
            ("/kafka/properties/offset/type", "long"),
            ("/withdrawn/type", "boolean"),
            ("/patient_name/fields/keyword/type", "keyword"),
        ];
        for (pointer, kind) in cases {
            let found = mappings["properties"].pointer(pointer);
            assert_eq!(found, Some(&json!(kind)), "{pointer}");
        }
        assert_eq!(mappings["dynamic"], "strict");
        assert_eq!(mappings["properties"]["fhir_resource"]["enabled"], false);
    }

    #[test]
    fn every_keyword_may_be_long() {
        fn keywords(field: &Value) -> Vec<&Value> {
            let below = ["properties", "fields"].iter().filter_map(|below| field[below].as_object());
            let below = below.flat_map(serde_json::Map::values).flat_map(keywords);
            below.chain((field["type"] == "keyword").then_some(field)).collect()
        }
        let mappings = mappings();
        let all = keywords(&mappings);
        assert!(all.len() > 10);
        assert!(all.iter().all(|field| field["ignore_above"].as_u64().is_some_and(|most| most <= 8191)));
    }

    #[test]
    fn the_index_has_its_shards_and_aliases() {
        let index = index(&NAMES, 3);
        assert_eq!(index["settings"]["index"]["number_of_shards"], 3);
        for alias in ["bp.default.ward-3", "blood-pressure-anomalies"] {
            assert!(index["aliases"][alias]["filter"].is_object(), "{alias}");
        }
        assert_eq!(index["aliases"]["bp.default.ward-3"]["is_write_index"], true);
        let template = template(&NAMES, 3);
        assert_eq!(template["index_patterns"], json!(["bp.default.ward-3.anomalies"]));
        assert_eq!((&template["template"], &template["allow_auto_create"]), (&index, &json!(false)));
    }
}
