//! The observations that are measured with: 1.2 KB each, half of them anomalies, the same at every run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

/// How many observations there are.
const OBSERVATIONS: u64 = 400_000;

/// What was written.
pub(crate) struct Corpus {
    pub(crate) observations: u64,
    pub(crate) bytes: u64,
}

impl Corpus {
    /// Writes the observations as NDJSON.
    pub(crate) fn write(path: &Path) -> Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        let mut random = Random(42);
        let mut bytes = 0;
        for number in 0..OBSERVATIONS {
            let observation = observation(number, &mut random);
            bytes += observation.len() as u64 + 1;
            writeln!(out, "{observation}")?;
        }
        out.into_inner()?.sync_all()?;
        Ok(Self { observations: OBSERVATIONS, bytes })
    }
}

/// xorshift64*: a fixed sequence is all that is needed here. doi:10.1145/2845077
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % limit
    }
}

/// Systolic and diastolic in mmHg: half of them normal, the others over all categories.
fn pressures(random: &mut Random) -> (u64, u64) {
    match random.below(100) {
        0..50 => (90 + random.below(30), 60 + random.below(20)),
        50..65 => (120 + random.below(10), 60 + random.below(20)),
        65..80 => (130 + random.below(10), 65 + random.below(25)),
        80..95 => (140 + random.below(41), 70 + random.below(50)),
        95..98 => (181 + random.below(40), 85 + random.below(50)),
        _ => (70 + random.below(20), 45 + random.below(15)),
    }
}

fn observation(number: u64, random: &mut Random) -> String {
    let (systolic, diastolic) = pressures(random);
    let (patient, practitioner, device) = (random.below(200), random.below(40), random.below(500));
    let (id, identifier) = (uuid(random), uuid(random));
    let (day, hour, minute) = (1 + number / 1440 % 28, number / 60 % 24, number % 60);
    let systolic = component("8480-6", "Systolic blood pressure", systolic);
    let diastolic = component("8462-4", "Diastolic blood pressure", diastolic);
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","meta":{{"versionId":"1","profile":["http://hl7.org/fhir/StructureDefinition/bp"]}},"identifier":[{{"system":"urn:ietf:rfc:3986","value":"urn:uuid:{identifier}"}}],"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}}],"text":"Blood pressure"}},"subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"2026-01-{day:02}T{hour:02}:{minute:02}:00Z","performer":[{{"reference":"Practitioner/{practitioner}"}}],"device":{{"reference":"Device/bp-cuff-{device:04}"}},"component":[{systolic},{diastolic}]}}"#
    )
}

fn component(code: &str, name: &str, mmhg: u64) -> String {
    format!(
        r#"{{"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}","display":"{name}"}}],"text":"{name}"}},"valueQuantity":{{"value":{mmhg},"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}}"#
    )
}

fn uuid(random: &mut Random) -> String {
    let mut hex = |digits: usize| format!("{:0digits$x}", random.below(1 << (4 * digits)));
    format!("{}-{}-4{}-8{}-0000{}", hex(8), hex(4), hex(3), hex(3), hex(8))
}
