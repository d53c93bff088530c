//! The names of everything that belongs to a monitor, as they follow from its namespace and name.

/// The filtered alias over the anomalies of all monitors.
pub const ALL_ANOMALIES: &str = "blood-pressure-anomalies";

/// The names that follow from a monitor's namespace and name. Namespaces and names are DNS labels, so no two monitors share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Names<'a> {
    /// Those of the monitor of this namespace and name.
    pub const fn new(namespace: &'a str, name: &'a str) -> Self {
        Self { namespace, name }
    }

    /// The topic of Observations, unless the manifest names another.
    pub fn observations(&self) -> String {
        self.of("observations")
    }

    /// The topic of what could not be read.
    pub fn rejected(&self) -> String {
        self.of("rejected")
    }

    /// The topic of what is kept for each patient.
    pub fn state(&self) -> String {
        self.of("state")
    }

    /// The topic of alerts.
    pub fn alerts(&self) -> String {
        self.of("alerts")
    }

    /// The topic of readings, keyed by patient, where records are not.
    pub fn readings(&self) -> String {
        self.of("readings")
    }

    /// The consumer group of the classifier.
    pub fn group(&self) -> String {
        self.of("classifier")
    }

    /// The index of anomalies, and its template.
    pub fn index(&self) -> String {
        self.of("anomalies")
    }

    /// The alias of the index that people read and the classifier writes through; it hides what was withdrawn.
    pub fn alias(&self) -> String {
        format!("bp.{}.{}", self.namespace, self.name)
    }

    fn of(&self, what: &str) -> String {
        format!("{}.{what}", self.alias())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_namespace_and_name() {
        let names = Names::new("cardiology", "ward-3");
        let all = [
            (names.observations(), "bp.cardiology.ward-3.observations"),
            (names.rejected(), "bp.cardiology.ward-3.rejected"),
            (names.state(), "bp.cardiology.ward-3.state"),
            (names.alerts(), "bp.cardiology.ward-3.alerts"),
            (names.readings(), "bp.cardiology.ward-3.readings"),
            (names.group(), "bp.cardiology.ward-3.classifier"),
            (names.index(), "bp.cardiology.ward-3.anomalies"),
            (names.alias(), "bp.cardiology.ward-3"),
        ];
        for (name, expected) in all {
            assert_eq!(name, expected);
        }
    }
}
