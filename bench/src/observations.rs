//! Observations to measure with: 1.2 KB each, the same for the same seed.

/// What the readings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Half of them normal, the others over all categories.
    Ward,
    /// All of them normal.
    Normal,
    /// None of them normal.
    Anomalous,
}

/// A blood pressure as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The patient's number.
    pub patient: u64,
    /// In mmHg.
    pub systolic: u64,
    /// In mmHg.
    pub diastolic: u64,
    /// The FHIR resource, JSON in one line.
    pub resource: String,
}

/// Observations without end.
#[derive(Clone, Debug)]
pub struct Observations {
    random: Random,
    mix: Mix,
    number: u64,
}

impl Observations {
    /// The ones that a seed stands for.
    pub const fn new(seed: u64, mix: Mix) -> Self {
        // A state of 0 would stay 0.
        Self { random: Random(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)), mix, number: 0 }
    }
}

impl Iterator for Observations {
    type Item = Observation;

    fn next(&mut self) -> Option<Observation> {
        let random = &mut self.random;
        let (systolic, diastolic) = match self.mix {
            Mix::Ward => ward(random),
            Mix::Normal => normal(random),
            Mix::Anomalous => anomalous(random),
        };
        let patient = random.below(200);
        let resource = resource(self.number, patient, systolic, diastolic, random);
        self.number += 1;
        Some(Observation { patient, systolic, diastolic, resource })
    }
}

/// xorshift64*: a fixed sequence is all that is needed here. doi:10.1145/2845077
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % limit
    }

    /// `first` to `last`, both of them possible.
    fn within(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn anomalous(random: &mut Random) -> (u64, u64) {
    loop {
        let pressures = ward(random);
        if !is_normal(pressures) {
            return pressures;
        }
    }
}

fn is_normal((systolic, diastolic): (u64, u64)) -> bool {
    (90..120).contains(&systolic) && (60..80).contains(&diastolic)
}

fn normal(random: &mut Random) -> (u64, u64) {
    (random.within(90, 119), random.within(60, 79))
}

/// Each category is reached by either side; systolic is always at least 10 above diastolic, or the reading would be implausible.
fn ward(random: &mut Random) -> (u64, u64) {
    match random.below(100) {
        0..50 => normal(random),
        50..65 => (random.within(120, 129), random.within(60, 79)),
        65..80 if random.percent(60) => (random.within(130, 139), random.within(65, 89)),
        65..80 => (random.within(105, 129), random.within(80, 89)),
        80..95 if random.percent(70) => (random.within(140, 180), random.within(70, 119)),
        80..95 => {
            let systolic = random.within(115, 139);
            (systolic, random.within(90, 120.min(systolic - 10)))
        }
        95..98 if random.percent(70) => (random.within(181, 220), random.within(85, 135)),
        95..98 => (random.within(150, 180), random.within(121, 140)),
        _ if random.percent(60) => (random.within(70, 89), random.within(45, 59)),
        _ => (random.within(90, 105), random.within(45, 59)),
    }
}

fn resource(number: u64, patient: u64, systolic: u64, diastolic: u64, random: &mut Random) -> String {
    let (practitioner, device) = (random.below(40), random.below(500));
    let (id, identifier) = (uuid(random), uuid(random));
    // In the past, whenever it is read.
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
    let mut part = || random.below(1 << 32);
    let (first, second, third, last) = (part(), part(), part(), part());
    format!(
        "{first:08x}-{:04x}-4{:03x}-8{:03x}-{:04x}{last:08x}",
        second >> 16,
        second & 0xfff,
        third >> 20,
        third & 0xffff
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn pressures_are_plausible_and_ids_unique() {
        let mut ids = HashSet::new();
        for Observation { systolic, diastolic, resource, .. } in Observations::new(1, Mix::Ward).take(100_000)
        {
            assert!(diastolic + 10 <= systolic, "{systolic}/{diastolic}");
            assert!(ids.insert(resource[36..72].to_owned()), "{resource}");
        }
    }

    #[test]
    fn a_seed_stands_for_the_same_observations() {
        let some = |seed| Observations::new(seed, Mix::Ward).take(100).collect::<Vec<_>>();
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
    }

    #[test]
    fn all_or_none_of_a_mix_are_normal() {
        for (mix, expected) in [(Mix::Normal, true), (Mix::Anomalous, false)] {
            for Observation { systolic, diastolic, .. } in Observations::new(1, mix).take(10_000) {
                assert_eq!(is_normal((systolic, diastolic)), expected);
            }
        }
    }
}
