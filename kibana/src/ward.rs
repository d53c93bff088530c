//! The ward that dashboards and rules are made for: its names and the limits in force.

use bpmonitor_clinical::{Limit, Limits, ThresholdError, Thresholds};
use bpmonitor_crds::names::Names;
use bpmonitor_crds::{BpMonitorSpec, Mix};

/// Within how many seconds anomalies are counted for the alert on a spike.
pub(crate) const SPIKE_SECONDS: f64 = 300.0;
/// The fewest anomalies that may be a spike.
const FEWEST_OF_A_SPIKE: u64 = 20;

/// What dashboards and rules are made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ward {
    /// The monitor's namespace.
    pub namespace: String,
    /// The monitor's name.
    pub name: String,
    /// The space of Kibana; empty for the default one.
    pub space: String,
    /// The limits of the ward.
    pub bands: Bands,
    /// Patients with limits of their own, by pseudonym.
    pub patients: Vec<(String, Bands)>,
    /// More anomalies than these within five minutes are a spike.
    pub spike: u64,
}

/// The limits that panels and rules show, each where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bands {
    /// Where a systolic crisis begins.
    pub systolic_crisis: Option<Line>,
    /// Where a diastolic crisis begins.
    pub diastolic_crisis: Option<Line>,
    /// Where systolic hypertension (stage 2) begins.
    pub systolic_high: Option<Line>,
    /// Where diastolic hypertension (stage 2) begins.
    pub diastolic_high: Option<Line>,
    /// Below which a systolic pressure is low.
    pub systolic_low: Option<Line>,
    /// Below which a diastolic pressure is low.
    pub diastolic_low: Option<Line>,
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its value.
    pub mmhg: u16,
    /// Whether the value itself belongs to what begins there.
    pub inclusive: bool,
}

/// Why the limits of a manifest cannot be.
pub type Contradictions = Vec<ThresholdError>;

impl Ward {
    /// That of the monitor of this namespace, name and spec.
    ///
    /// # Errors
    ///
    /// Thresholds that contradict each other.
    pub fn of(namespace: &str, name: &str, spec: &BpMonitorSpec) -> Result<Self, Contradictions> {
        let thresholds = Thresholds::resolve(&spec.thresholds)?;
        let patients =
            spec.thresholds.per_patient.iter().map(|patient| {
                (patient.patient.clone(), Bands::of(thresholds.limits(Some(&patient.patient))))
            });
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            space: spec.kibana.space.clone(),
            bands: Bands::of(thresholds.limits(None)),
            patients: patients.collect(),
            spike: spike(spec),
        })
    }

    /// What panels and rules read: it hides what was withdrawn.
    pub fn alias(&self) -> String {
        Names::new(&self.namespace, &self.name).alias()
    }

    /// For people.
    pub(crate) fn label(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl Bands {
    /// Where systolic hypertension and a systolic crisis begin.
    pub(crate) const fn systolic(&self) -> (Option<Line>, Option<Line>) {
        (self.systolic_high, self.systolic_crisis)
    }

    /// Where diastolic hypertension and a diastolic crisis begin.
    pub(crate) const fn diastolic(&self) -> (Option<Line>, Option<Line>) {
        (self.diastolic_high, self.diastolic_crisis)
    }

    fn of(limits: &Limits) -> Self {
        Self {
            systolic_crisis: line(limits.crisis.systolic),
            diastolic_crisis: line(limits.crisis.diastolic),
            systolic_high: line(limits.stage2.systolic),
            diastolic_high: line(limits.stage2.diastolic),
            systolic_low: line(limits.hypotension.systolic),
            diastolic_low: line(limits.hypotension.diastolic),
        }
    }
}

/// Limits are whole numbers wherever they come from.
fn line(limit: Option<Limit>) -> Option<Line> {
    let limit = limit?;
    Some(Line { mmhg: limit.mmhg.try_into().ok()?, inclusive: limit.inclusive })
}

/// Twice as many as the simulation makes, and never fewer than a ward of real patients would notice.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is at least 0, and beyond 2^64 there is no ward"
)]
fn spike(spec: &BpMonitorSpec) -> u64 {
    if spec.patients.count == 0 {
        return FEWEST_OF_A_SPIKE;
    }
    let Mix { normal, elevated, stage1, stage2, crisis, hypotension } = &spec.patients.mix;
    let anomalous = elevated + stage1 + stage2 + crisis + hypotension;
    let expected = spec.rate.per_second * SPIKE_SECONDS * anomalous / (anomalous + normal);
    FEWEST_OF_A_SPIKE.max((2.0 * expected).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use bpmonitor_crds::manifest::read_manifest;

    use super::*;

    fn ward(spec: &str) -> Ward {
        let head = "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: w}\nspec: ";
        Ward::of("n", "w", &read_manifest(&format!("{head}{spec}\n")).unwrap().spec).unwrap()
    }

    #[test]
    fn limits_are_those_in_force() {
        let strict = Some(Line { mmhg: 180, inclusive: false });
        assert_eq!(ward("{}").bands.systolic_crisis, strict);
        let raised = ward(
            "{thresholds: {profile: esc-2024, crisis: {systolic: 190}, perPatient: [{patient: p, stage2: {systolic: 150}}]}}",
        );
        assert_eq!(raised.bands.systolic_crisis, Some(Line { mmhg: 190, inclusive: true }));
        let [(patient, bands)] = &raised.patients[..] else { panic!("one patient") };
        assert_eq!((patient.as_str(), bands.systolic_high.map(|line| line.mmhg)), ("p", Some(150)));
        assert_eq!(raised.bands.systolic_high.map(|line| line.mmhg), Some(140));
    }

    #[test]
    fn a_spike_is_twice_what_is_simulated() {
        assert_eq!(ward("{patients: {count: 0}}").spike, 20);
        assert_eq!(ward("{rate: {perSecond: 0.01}}").spike, 20);
        // Half of the default mix is normal.
        assert_eq!(ward("{rate: {perSecond: 10}}").spike, 3000);
    }
}
