//! The fields of an anomaly that panels show, with what Kibana takes them for.

/// A field of the index of anomalies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// When it was measured.
    Timestamp,
    /// The patient's pseudonym.
    Patient,
    /// In mmHg.
    Systolic,
    /// In mmHg.
    Diastolic,
    /// In mmHg.
    MeanArterial,
    /// In mmHg.
    Pulse,
    /// The category.
    Category,
    /// The category's severity.
    Severity,
    /// The categories that are anomalies: one or two.
    Anomalies,
    /// What the category rests on.
    Reasons,
    /// What had to be assumed or doubted.
    Flags,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Timestamp,
        Self::Patient,
        Self::Systolic,
        Self::Diastolic,
        Self::MeanArterial,
        Self::Pulse,
        Self::Category,
        Self::Severity,
        Self::Anomalies,
        Self::Reasons,
        Self::Flags,
    ];

    /// Its name in the index.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "@timestamp",
            Self::Patient => "patient_id",
            Self::Systolic => "systolic_pressure",
            Self::Diastolic => "diastolic_pressure",
            Self::MeanArterial => "mean_arterial_pressure",
            Self::Pulse => "pulse_pressure",
            Self::Category => "category",
            Self::Severity => "severity",
            Self::Anomalies => "anomalies",
            Self::Reasons => "reasons",
            Self::Flags => "flags",
        }
    }

    /// Its type in the index.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Timestamp => "date",
            Self::Systolic | Self::Diastolic | Self::MeanArterial | Self::Pulse => "double",
            Self::Patient
            | Self::Category
            | Self::Severity
            | Self::Anomalies
            | Self::Reasons
            | Self::Flags => "keyword",
        }
    }
}

#[cfg(test)]
mod tests {
    use bpmonitor_crds::index::mappings;

    use super::*;

    #[test]
    fn the_index_has_each_of_them() {
        for field in Field::ALL {
            assert_eq!(mappings()["properties"][field.name()]["type"], field.kind(), "{field:?}");
        }
    }
}
