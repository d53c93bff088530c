//! A lab of a test's own, whose broker and Elasticsearch it may kill.

use bpmonitor_test_support::lab::{Lab, OwnLab};

use super::deployment::Place;

/// A Kafka and an Elasticsearch that nobody else uses. Ended when dropped.
pub(crate) struct Own {
    own: OwnLab,
    pub(crate) place: Place,
}

impl Own {
    pub(crate) fn up(name: &str) -> Self {
        let own = OwnLab::up(name, "kafka");
        own.lab().up("elasticsearch");
        let of = |name: &str| own.lab().variable(&format!("BPMONITOR_TEST_{name}"));
        let place = Place::new(&of("KAFKA"), &of("ELASTICSEARCH"));
        Self { own, place }
    }

    pub(crate) fn lab(&self) -> &Lab {
        self.own.lab()
    }

    /// Kills a part with its data left, and brings it back.
    pub(crate) fn kill(&self, part: &str) {
        self.lab().signal(part, "KILL");
        self.lab().up(part);
    }
}
