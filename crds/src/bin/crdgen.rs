//! Prints the custom resource definition; `make crds` writes it to `crds/bpmonitors.bpmonitor.dev.yaml`.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::io::stdout().write_all(bpmonitor_crds::definition_yaml()?.as_bytes())?;
    Ok(())
}
