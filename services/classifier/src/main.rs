//! `bpmonitor-classifier`: reads FHIR blood pressures from Kafka, classifies them, and stores the results.

fn main() {}
