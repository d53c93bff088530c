//! The conditions of a monitor: what holds, why, and since when.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::Report;
use crate::finding::Finding;
use crate::text::cut;

/// The longest message that a condition may have, in bytes.
const MESSAGE_MAX_LENGTH: usize = 32_768;

/// Whether a condition is there and true.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True")
}

/// All that is to be said of a monitor.
pub(super) fn findings(report: &Report, is_paused: bool) -> Vec<(&'static str, Finding)> {
    let paused = if is_paused {
        Finding::yes("Asked", "spec.paused is true: nothing runs, and everything is kept")
    } else {
        Finding::no("Running", "spec.paused is false")
    };
    vec![
        ("Ready", ready(report, is_paused)),
        ("KafkaReady", report.kafka.clone()),
        ("ElasticsearchReady", report.elasticsearch.clone()),
        ("KibanaReady", report.kibana.finding.clone()),
        ("ProducerAvailable", report.producer.clone()),
        ("ClassifierAvailable", report.classifier.clone()),
        ("Paused", paused),
    ]
}

fn ready(report: &Report, is_paused: bool) -> Finding {
    if let Some(obstacle) = &report.obstacle {
        return obstacle.clone();
    }
    if is_paused {
        return Finding::no("Paused", "the monitor is paused: set spec.paused to false to go on");
    }
    match report.parts().find(|part| !part.holds) {
        Some(part) => part.clone(),
        None => Finding::yes("AllReady", "the pipeline works"),
    }
}

/// Conditions with new findings; those that are not among the findings stay. A condition's time moves only with its status.
pub(super) fn updated(
    before: &[Condition],
    findings: &[(&str, Finding)],
    generation: Option<i64>,
    now: &Time,
) -> Vec<Condition> {
    let mut conditions = before.to_vec();
    for (kind, finding) in findings {
        let status = if finding.holds { "True" } else { "False" };
        let known = conditions.iter().position(|condition| condition.type_ == *kind);
        let since = known.map(|known| &conditions[known]).filter(|known| known.status == status);
        let condition = Condition {
            type_: (*kind).to_owned(),
            status: status.to_owned(),
            reason: finding.reason.clone(),
            message: cut(&finding.message, MESSAGE_MAX_LENGTH).to_owned(),
            observed_generation: generation,
            last_transition_time: since
                .map_or_else(|| now.clone(), |known| known.last_transition_time.clone()),
        };
        match known {
            Some(known) => conditions[known] = condition,
            None => conditions.push(condition),
        }
    }
    conditions
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;
    use crate::kibana::Outcome;

    fn report() -> Report {
        let fine = Finding::yes("Fine", "");
        Report {
            obstacle: None,
            kafka: fine.clone(),
            elasticsearch: fine.clone(),
            kibana: kibana(fine.clone(), true),
            producer: fine.clone(),
            classifier: fine,
            replicas: 1,
            topic: None,
            index: None,
        }
    }

    fn kibana(finding: Finding, is_needed: bool) -> Outcome {
        Outcome { finding, dashboard: None, is_needed }
    }

    fn time(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn ready_is_what_all_parts_are() {
        assert!(ready(&report(), false).holds);
        let cases = [
            (
                Report { kafka: Finding::no("A", ""), classifier: Finding::no("B", ""), ..report() },
                false,
                "A",
            ),
            (Report { classifier: Finding::no("B", ""), ..report() }, false, "B"),
            (
                Report { obstacle: Some(Finding::no("C", "")), kafka: Finding::no("A", ""), ..report() },
                true,
                "C",
            ),
            (report(), true, "Paused"),
            (Report { kibana: kibana(Finding::no("D", ""), true), ..report() }, false, "D"),
        ];
        for (report, is_paused, reason) in cases {
            let ready = ready(&report, is_paused);
            assert_eq!((ready.holds, ready.reason.as_str()), (false, reason));
        }
    }

    #[test]
    fn a_kibana_that_nobody_asked_for_and_is_not_there_is_told_and_no_more() {
        let without = Report { kibana: kibana(Finding::no("KibanaMissing", ""), false), ..report() };
        assert!(ready(&without, false).holds && without.is_ready());
        let told = findings(&without, false);
        assert!(told.iter().any(|(kind, finding)| *kind == "KibanaReady" && !finding.holds));
    }

    #[test]
    fn time_moves_with_the_status_alone() {
        let first = updated(&[], &[("Ready", Finding::no("A", "a"))], Some(1), &time(1));
        let second = updated(&first, &[("Ready", Finding::no("B", "b"))], Some(2), &time(2));
        assert_eq!(second[0].last_transition_time, time(1));
        assert_eq!((second[0].reason.as_str(), second[0].observed_generation), ("B", Some(2)));
        let third = updated(&second, &[("Ready", Finding::yes("C", "c"))], Some(2), &time(3));
        assert_eq!(third[0].last_transition_time, time(3));
        assert_eq!(updated(&third, &[("Ready", Finding::yes("C", "c"))], Some(2), &time(4)), third);
    }

    #[test]
    fn what_others_say_stays() {
        let kibana = updated(&[], &[("KibanaReady", Finding::yes("K", ""))], Some(1), &time(1));
        let both = updated(&kibana, &[("Ready", Finding::yes("R", ""))], Some(1), &time(2));
        assert_eq!(both.len(), 2);
        assert_eq!(both[0], kibana[0]);
    }
}
