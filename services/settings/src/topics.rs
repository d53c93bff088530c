//! Which topics are read and written, and as which consumer group.

use bpmonitor_crds::names::Names;
use clap::Args;

use crate::SettingsError;
use crate::manifest::Settings;
use crate::names::or_derived;

/// Which topics are read and written. All follow from the manifest's namespace and name unless given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Topics")]
pub struct TopicArgs {
    /// The Observations' topic; the manifest's spec.kafka.topic.name, else bp.NAMESPACE.NAME.observations
    #[arg(long, value_name = "TOPIC", env = "BPMONITOR_KAFKA_TOPIC", value_parser = topic_name)]
    pub topic: Option<String>,
    /// The dead letters' topic; bp.NAMESPACE.NAME.rejected unless given
    #[arg(long, value_name = "TOPIC", env = "BPMONITOR_KAFKA_REJECTED_TOPIC", value_parser = topic_name)]
    pub rejected_topic: Option<String>,
    /// The topic of what is known of each patient; bp.NAMESPACE.NAME.state unless given
    #[arg(long, value_name = "TOPIC", env = "BPMONITOR_KAFKA_STATE_TOPIC", value_parser = topic_name)]
    pub state_topic: Option<String>,
    /// The consumer group; bp.NAMESPACE.NAME.classifier unless given
    #[arg(long, value_name = "GROUP", env = "BPMONITOR_KAFKA_GROUP", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub group: Option<String>,
}

/// A monitor's topics and its consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Of Observations.
    pub observations: String,
    /// Of dead letters.
    pub rejected: String,
    /// Of what is known of each patient.
    pub state: String,
    /// The classifier's consumer group.
    pub group: String,
}

impl TopicArgs {
    /// The Observations' topic: all that a producer needs.
    ///
    /// # Errors
    ///
    /// Neither it nor a manifest is given.
    pub fn observations(&self, manifest: Option<&Settings>) -> Result<String, SettingsError> {
        let named = manifest.map(|settings| &settings.resource.spec.kafka.topic.name);
        let named = named.filter(|name| !name.is_empty());
        or_derived("--topic", self.topic.as_ref().or(named), manifest, Names::observations)
    }

    /// All topics and the group.
    ///
    /// # Errors
    ///
    /// One of them is not given, and no manifest either; or two are the same topic.
    pub fn topics(&self, manifest: Option<&Settings>) -> Result<Topics, SettingsError> {
        let derived =
            |flag, given: &Option<String>, derive| or_derived(flag, given.as_ref(), manifest, derive);
        let topics = Topics {
            observations: self.observations(manifest)?,
            rejected: derived("--rejected-topic", &self.rejected_topic, Names::rejected)?,
            state: derived("--state-topic", &self.state_topic, Names::state)?,
            group: derived("--group", &self.group, Names::group)?,
        };
        topics.check()?;
        Ok(topics)
    }
}

impl Topics {
    /// Dead letters among the Observations would be read and rejected again, for ever.
    fn check(&self) -> Result<(), SettingsError> {
        let Self { observations, rejected, state, .. } = self;
        for (one, other, flags) in [
            (observations, rejected, "--topic and --rejected-topic"),
            (observations, state, "--topic and --state-topic"),
            (rejected, state, "--rejected-topic and --state-topic"),
        ] {
            if one == other {
                let message = format!("{flags} are both {one}: give each a topic of its own");
                return Err(SettingsError::Contradiction(message));
            }
        }
        Ok(())
    }
}

/// A topic's name as Kafka allows it.
fn topic_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=249).contains(&text.len()) && text.bytes().all(is_plain) && text != "." && text != ".." {
        return Ok(text.to_owned());
    }
    Err("must be 1 to 249 letters, digits, dots, underscores and hyphens".to_owned())
}
