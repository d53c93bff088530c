//! The thresholds in force, as the status shows them.

use bpmonitor_clinical::{Band, PressureLimits, ThresholdSettings, Thresholds};
use bpmonitor_crds::ThresholdsInForce;

/// The thresholds in force; none where they contradict each other.
pub(super) fn in_force(settings: &ThresholdSettings) -> Option<ThresholdsInForce> {
    let thresholds = Thresholds::resolve(settings).ok()?;
    let ward = thresholds.limits(None);
    Some(ThresholdsInForce {
        profile: settings.profile,
        crisis: limits(ward.crisis),
        stage2: limits(ward.stage2),
        stage1: limits(ward.stage1),
        elevated: limits(ward.elevated),
        hypotension: limits(ward.hypotension),
        anomalies: thresholds.anomalies().iter().collect(),
        patients: u32::try_from(settings.per_patient.len()).unwrap_or(u32::MAX),
    })
}

fn limits(band: Band) -> Option<PressureLimits> {
    let mmhg = |limit: Option<bpmonitor_clinical::Limit>| limit.and_then(|limit| limit.mmhg.try_into().ok());
    let limits = PressureLimits { systolic: mmhg(band.systolic), diastolic: mmhg(band.diastolic) };
    (limits != PressureLimits::default()).then_some(limits)
}

#[cfg(test)]
mod tests {
    use bpmonitor_clinical::Profile;

    use super::*;

    #[test]
    fn single_values_are_over_the_profiles() {
        let mut settings =
            ThresholdSettings { profile: Profile::Simple14090, ..ThresholdSettings::default() };
        settings.stage2 = Some(PressureLimits { systolic: Some(150), diastolic: None });
        let thresholds = in_force(&settings).unwrap();
        assert_eq!(thresholds.stage2, Some(PressureLimits { systolic: Some(150), diastolic: Some(90) }));
        assert_eq!(thresholds.stage1, None);
        settings.stage2 = Some(PressureLimits { systolic: Some(300), diastolic: None });
        assert_eq!(in_force(&settings), None);
    }
}
