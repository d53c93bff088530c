//! Messages of every kind: simulated readings, their corrections, late older versions and withdrawals, Bundles, NDJSON, what is
//! nothing to be read, blanks, and what cannot be read for each reason.

use std::collections::VecDeque;

use bpmonitor_simulation::{History, Mix, Settings, Simulation};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use bpmonitor_test_support::observations::{bundle, components, lines, updated, with};
use fastrand::Rng;

/// A record to be published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// By which its partition is chosen.
    pub(crate) key: Option<Vec<u8>>,
    /// None: a record without payload.
    pub(crate) payload: Option<Vec<u8>>,
    /// When it says that it was written, in milliseconds since 1970; now unless given.
    pub(crate) time: Option<i64>,
}

impl Sent {
    pub(crate) fn of(key: &str, payload: impl Into<Vec<u8>>) -> Self {
        Self { key: Some(key.into()), payload: Some(payload.into()), time: None }
    }

    pub(crate) fn json(key: &str, resource: &Value) -> Self {
        Self::of(key, resource.to_string())
    }
}

/// How many Observations back one may be corrected or withdrawn.
const REMEMBERED: usize = 2_000;

/// Messages without end, the same for the same seed. All versions of an Observation have the same key.
pub(crate) struct Mixture {
    random: Rng,
    simulation: Simulation,
    /// What was simulated lately, and how often it was changed since.
    earlier: VecDeque<(Value, i64)>,
    number: u64,
    /// Whether there are readings only, each once.
    is_plain: bool,
}

impl Mixture {
    /// Everything that there is.
    pub(crate) fn new(seed: u64) -> Self {
        Self { is_plain: false, ..Self::plain(seed) }
    }

    /// Simulated readings only, half of them normal.
    pub(crate) fn plain(seed: u64) -> Self {
        let mix =
            Mix { normal: 50.0, elevated: 15.0, stage1: 15.0, stage2: 15.0, crisis: 3.0, hypotension: 2.0 };
        let settings = Settings {
            patients: 200,
            seed: u32::try_from(seed & 0x7fff_ffff).unwrap(),
            locale: "fr".parse().unwrap(),
            mix,
            history: History { days: 0, readings_per_day: 0 },
            rate_per_second: 20.0,
        };
        let simulation = Simulation::begin(&settings, "2026-01-01T00:00:00Z".parse().unwrap());
        Self { random: Rng::with_seed(seed), simulation, earlier: VecDeque::new(), number: 0, is_plain: true }
    }

    /// The next messages.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Sent> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> Sent {
        self.number += 1;
        if self.is_plain {
            let mut taken = self.simulation.take(Timestamp::MAX, 1);
            let taken = taken.pop().unwrap();
            return Sent {
                key: Some(taken.patient.to_string().into_bytes()),
                payload: Some(taken.json),
                time: None,
            };
        }
        if self.earlier.len() < 20 {
            return self.fresh();
        }
        match self.random.u64(..100) {
            0..64 => self.fresh(),
            64..74 => self.changed(),
            74..78 => self.older(),
            78..82 => self.withdrawn(),
            82..84 => self.again(),
            84..87 => self.bundle(),
            87..90 => self.many_lines(),
            90..94 => self.unreadable(),
            94..97 => self.garbage(),
            97..99 => self.skipped(),
            _ => self.blank(),
        }
    }

    fn simulated(&mut self) -> Value {
        let taken = self.simulation.take(Timestamp::MAX, 1);
        let mut resource: Value = serde_json::from_slice(&taken[0].json).unwrap();
        match self.random.u64(..20) {
            // Without a version of its own it has the record's time.
            0 => resource["meta"] = json!({}),
            1 => resource["meta"]["versionId"] = json!("7"),
            _ => {}
        }
        resource
    }

    fn fresh(&mut self) -> Sent {
        let resource = self.simulated();
        let sent = Sent::json(patient(&resource), &resource);
        if resource["meta"]["lastUpdated"].is_string() {
            self.earlier.push_back((resource, 0));
            if self.earlier.len() > REMEMBERED {
                self.earlier.pop_front();
            }
        }
        sent
    }

    /// Another version of an earlier one, so many seconds newer than its newest.
    fn version(&mut self, newer: i64, status: &str) -> Value {
        let which = self.random.usize(..self.earlier.len());
        let (resource, seconds) = &mut self.earlier[which];
        if newer > 0 {
            *seconds += newer;
        }
        let at: Timestamp = resource["meta"]["lastUpdated"].as_str().unwrap().parse().unwrap();
        let at = at + SignedDuration::from_secs(if newer > 0 { *seconds } else { newer });
        updated(resource.clone(), &at.to_string(), status)
    }

    fn pressures(&mut self) -> Value {
        let systolic = u32::try_from(95 + self.random.u64(..100)).unwrap();
        components(systolic, u32::try_from(55 + self.random.u64(..30)).unwrap())
    }

    fn changed(&mut self) -> Sent {
        let status = if self.random.u64(..2) == 0 { "amended" } else { "corrected" };
        let changed = self.version(60, status);
        let changed = with(changed, &json!({"component": self.pressures()}));
        Sent::json(patient(&changed), &changed)
    }

    /// A version that is older than the first one, and comes after it.
    fn older(&mut self) -> Sent {
        let older = self.version(-60, "final");
        let older = with(older, &json!({"component": self.pressures()}));
        Sent::json(patient(&older), &older)
    }

    fn withdrawn(&mut self) -> Sent {
        let withdrawn = self.version(60, "entered-in-error");
        let key = patient(&withdrawn).to_owned();
        let bare = json!({"subject": null, "component": null, "effectiveDateTime": null});
        let is_bare = self.random.u64(..2) == 0;
        Sent::json(&key, &if is_bare { with(withdrawn, &bare) } else { withdrawn })
    }

    /// The same as before, published a second time.
    fn again(&mut self) -> Sent {
        let again = self.version(0, "final");
        Sent::json(patient(&again), &again)
    }

    fn bundle(&mut self) -> Sent {
        let entries: Vec<Value> = (0..=self.random.u64(..4)).map(|_| self.simulated()).collect();
        let mut entries = same_patient(entries);
        if self.random.u64(..2) == 0 {
            entries.push(with(entries[0].clone(), &json!({"id": null, "status": null})));
            entries.push(json!({"resourceType": "Patient", "id": "beside"}));
        }
        Sent::json(patient(&entries[0]), &bundle(&entries))
    }

    fn many_lines(&mut self) -> Sent {
        let entries: Vec<Value> = (0..3).map(|_| self.simulated()).collect();
        let entries = same_patient(entries);
        let key = patient(&entries[0]).to_owned();
        let mut text = lines(&entries);
        if self.random.u64(..2) == 0 {
            text.push_str("{\"resourceType\":\"Observation\",\"status\":\n");
            text.push_str(&lines([&entries[0]]));
        }
        Sent::of(&key, text)
    }

    /// A reading that is rejected, for one of the reasons.
    fn unreadable(&mut self) -> Sent {
        let resource = self.simulated();
        let key = patient(&resource).to_owned();
        let wrong = wrong(&resource);
        Sent::json(&key, &wrong[self.random.usize(..wrong.len())])
    }

    fn garbage(&mut self) -> Sent {
        let garbage = garbage(self.number);
        let payload = garbage[self.random.usize(..garbage.len())].clone();
        Sent { key: None, payload: Some(payload), time: None }
    }

    fn skipped(&mut self) -> Sent {
        let resource = self.simulated();
        let other = [
            json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Nobody"}]}),
            with(resource.clone(), &json!({"status": "registered"})),
            with(
                resource,
                &json!({"code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}, "component": null}),
            ),
            json!({"resourceType": "Bundle", "type": "collection"}),
        ];
        Sent { key: None, ..Sent::json("", &other[self.random.usize(..other.len())]) }
    }

    fn blank(&mut self) -> Sent {
        let payload = [None, Some(Vec::new()), Some(b" \n\n ".to_vec())];
        Sent { key: None, payload: payload[self.random.usize(..payload.len())].clone(), time: None }
    }
}

/// The patient that a resource is of: what its record is keyed by.
pub(crate) fn patient(resource: &Value) -> &str {
    resource["subject"]["reference"].as_str().unwrap_or_default()
}

fn same_patient(mut entries: Vec<Value>) -> Vec<Value> {
    let subject = entries[0]["subject"].clone();
    for entry in &mut entries {
        entry["subject"] = subject.clone();
    }
    entries
}

/// A reading made unreadable, for each reason that an Observation alone can give.
pub(crate) fn wrong(reading: &Value) -> Vec<Value> {
    let with_component = |side: usize, quantity: Value| {
        let mut changed = reading.clone();
        changed["component"][side]["valueQuantity"] = quantity;
        changed
    };
    // Beside a high diastolic the bound would not matter.
    let mut bound = with_component(0, json!({"value": 120, "unit": "mmHg", "comparator": "<"}));
    bound["component"][1]["valueQuantity"] = json!({"value": 70, "unit": "mmHg"});
    let mut twice = reading.clone();
    let first = twice["component"][0].clone();
    twice["component"].as_array_mut().unwrap().push(first);
    vec![
        with(reading.clone(), &json!({"status": null})),
        with(
            reading.clone(),
            &json!({"status": "entered-in-error", "id": null, "subject": null, "component": null}),
        ),
        twice,
        with_component(0, json!({"value": "120", "unit": "mmHg"})),
        with_component(0, json!({"value": 120, "unit": "cmH2O"})),
        bound,
        with_component(0, json!({"value": 20, "unit": "mmHg"})),
        with_component(1, json!(null)),
        with(reading.clone(), &json!({"subject": null})),
        with(reading.clone(), &json!({"effectiveDateTime": "yesterday"})),
        with(reading.clone(), &json!({"effectiveDateTime": null, "issued": null})),
        with(reading.clone(), &json!({"effectiveDateTime": "2190-01-01T00:00:00Z"})),
        with(reading.clone(), &json!({"resourceType": null})),
    ]
}

/// What is no JSON, or nothing of FHIR, or too deep.
pub(crate) fn garbage(number: u64) -> Vec<Vec<u8>> {
    let deep = format!("{{\"resourceType\":\"Observation\",\"x\":{}{}}}", "[".repeat(300), "]".repeat(300));
    vec![
        format!("nonsense {number}").into_bytes(),
        vec![0xff, 0xfe, 0x00, 0x80, u8::try_from(number % 256).unwrap()],
        format!("{{\"resourceType\":\"Observation\",\"id\":\"{number}\",").into_bytes(),
        b"<Observation xmlns=\"http://hl7.org/fhir\"/>".to_vec(),
        format!("[{number}, 2, 3]").into_bytes(),
        format!("{{\"number\":{number}}}").into_bytes(),
        deep.into_bytes(),
    ]
}
