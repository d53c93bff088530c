//! Prints what the smallest manifest's monitor has in Kibana: `saved-objects` as Kibana imports them, or `alerts` as its API takes them.

use std::io::{Error, Write};

use bpmonitor_crds::BpMonitorSpec;
use bpmonitor_kibana::{Content, Ward};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ward = Ward::of("default", "ward-3", &BpMonitorSpec::default())
        .map_err(|_| Error::other("the default thresholds contradict each other"))?;
    let content = Content::of(&ward);
    let text = match std::env::args().nth(1).as_deref() {
        Some("saved-objects") => content.ndjson(),
        Some("alerts") => content.alerts_json(),
        _ => return Err("say which: saved-objects or alerts".into()),
    };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
