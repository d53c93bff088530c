//! The topics: what each is to be like, what it is like, and how it is made so.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::trouble::{KafkaTrouble, Listening};
use super::{KafkaConnection, KafkaSetupError};

/// The largest record that a topic is to take, in bytes.
const MAX_RECORD_BYTES: usize = 32 * 1024 * 1024;
/// How long dead letters are kept.
const DEAD_LETTERS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// How long a topic that was made may take to be there.
const APPEARS_WITHIN: Duration = Duration::from_secs(30);

/// What a topic holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicContent {
    /// Observations as received, kept for so long.
    Observations(Duration),
    /// Dead letters.
    Rejected,
    /// The newest of what is known under each key, kept for ever.
    State,
}

/// What a topic is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTopic {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub content: TopicContent,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many copies of each partition there are.
    pub replicas: u32,
}

/// What a topic is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTopic {
    /// Its partitions' numbers.
    pub partitions: Vec<i32>,
    /// The fewest copies that one of them has.
    pub replicas: usize,
    /// How many partitions can be neither read nor written at the moment.
    pub leaderless: usize,
    /// Its settings, by the names that Kafka has for them; none where this user may not see them.
    pub settings: Option<BTreeMap<String, String>>,
    /// Those of them that are the topic's own.
    own: BTreeMap<String, String>,
}

/// Where a topic is not as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDifference {
    /// The setting, or `partitions` or `replicas`.
    pub what: &'static str,
    /// What it is to be.
    pub wanted: String,
    /// What it is.
    pub found: String,
    /// Whether readings can be lost, or be counted twice, because of it.
    pub is_harmful: bool,
}

/// What was done to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was made.
    Made,
    /// It was there.
    Kept {
        /// What was set.
        changed: Vec<TopicDifference>,
        /// What cannot be changed without harm, and stays.
        left: Vec<TopicDifference>,
    },
}

impl fmt::Display for TopicDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is {}, but is to be {}", self.what, self.found, self.wanted)
    }
}

impl WantedTopic {
    /// What it is made with, by the names that Kafka has for it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.musts();
        if self.content == TopicContent::State {
            // Small segments and prompt compaction: whoever starts reads it from its beginning.
            settings.push(("segment.bytes", (16 * 1024 * 1024).to_string()));
            settings.push(("segment.ms", Duration::from_secs(600).as_millis().to_string()));
            settings.push(("min.cleanable.dirty.ratio", "0.1".to_owned()));
        }
        settings
    }

    /// The settings that matter to whoever reads and writes it.
    fn musts(&self) -> Vec<(&'static str, String)> {
        let (policy, kept) = match self.content {
            TopicContent::Observations(kept) => ("delete", Some(kept)),
            TopicContent::Rejected => ("delete", Some(DEAD_LETTERS_KEPT)),
            TopicContent::State => ("compact", None),
        };
        let mut musts =
            vec![("max.message.bytes", MAX_RECORD_BYTES.to_string()), ("cleanup.policy", policy.to_owned())];
        musts.extend(kept.map(|kept| ("retention.ms", kept.as_millis().to_string())));
        musts
    }
}

impl FoundTopic {
    /// Where it is not as it is to be, as far as this user may see.
    pub fn differences(&self, wanted: &WantedTopic) -> Vec<TopicDifference> {
        let mut differences = Vec::new();
        let counts = [
            ("partitions", wanted.partitions as usize, self.partitions.len()),
            ("replicas", wanted.replicas as usize, self.replicas),
        ];
        for (what, wanted, found) in counts.into_iter().filter(|(_, wanted, found)| wanted != found) {
            let (wanted, found) = (wanted.to_string(), found.to_string());
            differences.push(TopicDifference { what, wanted, found, is_harmful: false });
        }
        let Some(settings) = &self.settings else { return differences };
        for (what, wanted) in wanted.musts() {
            let found = settings.get(what).cloned().unwrap_or_default();
            let is_enough = match what {
                "max.message.bytes" => found.parse().is_ok_and(|found: usize| found >= MAX_RECORD_BYTES),
                _ => found == wanted,
            };
            if !is_enough {
                differences.push(TopicDifference {
                    what,
                    wanted,
                    found,
                    is_harmful: what == "cleanup.policy",
                });
            }
        }
        differences
    }
}

/// Looks at topics and makes them.
pub struct TopicAdmin {
    /// Unlike the other client, it never has a topic made by asking for it.
    asking: BaseConsumer<Listening>,
    admin: AdminClient<Listening>,
}

impl fmt::Debug for TopicAdmin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TopicAdmin")
    }
}

impl TopicAdmin {
    /// Will ask this Kafka, as `client_id`.
    ///
    /// # Errors
    ///
    /// The settings contradict themselves, or a secret or certificate cannot be read.
    pub fn new(connection: &KafkaConnection, client_id: &str) -> Result<Self, KafkaSetupError> {
        let config = connection.config(client_id)?;
        let listening = Listening::default();
        let asking = config.create_with_context(listening.clone())?;
        Ok(Self { asking, admin: config.create_with_context(listening)? })
    }

    /// What a topic is like; none where there is no such topic. Must be called in a multi-threaded runtime.
    ///
    /// # Errors
    ///
    /// Kafka does not answer, or refuses.
    pub async fn find(&self, name: &str) -> Result<Option<FoundTopic>, KafkaTrouble> {
        let metadata = block_in_place(|| {
            let metadata = self.asking.fetch_metadata(Some(name), REQUEST_LIMIT);
            metadata.map_err(|error| self.asking.context().explain(&self.asking, &error))
        })?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        match topic.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                return Ok(None);
            }
            Some(code) => return Err(KafkaTrouble::of(&KafkaError::MetadataFetch(code))),
            None => {}
        }
        let partitions = topic.map_or(&[][..], MetadataTopic::partitions);
        let described = self.describe(name).await?;
        let known = |keep: fn(&ConfigSource) -> bool| -> BTreeMap<String, String> {
            let kept = described.iter().flat_map(|topic| &topic.entries).filter(|entry| keep(&entry.source));
            kept.filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?))).collect()
        };
        let settings = known(|_| true);
        Ok(Some(FoundTopic {
            partitions: partitions.iter().map(MetadataPartition::id).collect(),
            replicas: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or_default(),
            leaderless: partitions.iter().filter(|partition| partition.leader() < 0).count(),
            settings: (!settings.is_empty()).then_some(settings),
            own: known(|source| *source == ConfigSource::DynamicTopic),
        }))
    }

    /// A topic with its settings; without them where this user may not see them.
    async fn describe(&self, name: &str) -> Result<Option<ConfigResource>, KafkaTrouble> {
        let topic = [ResourceSpecifier::Topic(name)];
        let described = self.admin.describe_configs(&topic, &options()).await;
        let described = described.map_err(|error| KafkaTrouble::of(&error))?;
        Ok(described.into_iter().find_map(Result::ok))
    }

    /// Makes a topic where it is not there, and else sets what can be set without harm. Must be called in a multi-threaded runtime.
    ///
    /// # Errors
    ///
    /// Kafka does not answer, or refuses.
    pub async fn settle(&self, wanted: &WantedTopic) -> Result<Settled, KafkaTrouble> {
        let Some(found) = self.find(&wanted.name).await? else {
            if self.make(wanted).await? {
                return Ok(Settled::Made);
            }
            return Ok(Settled::Kept { changed: Vec::new(), left: Vec::new() });
        };
        let differences = found.differences(wanted);
        // Other partitions would change the order of what is in them, and copies are moved by hand.
        let is_setting = |difference: &TopicDifference| !matches!(difference.what, "partitions" | "replicas");
        let (changed, left): (Vec<_>, Vec<_>) = differences.into_iter().partition(is_setting);
        if !changed.is_empty() {
            self.set(wanted, &found, &changed).await?;
        }
        Ok(Settled::Kept { changed, left })
    }

    /// Makes a topic, and waits until it is there; false where another was quicker.
    async fn make(&self, wanted: &WantedTopic) -> Result<bool, KafkaTrouble> {
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let replication = TopicReplication::Fixed(number(wanted.replicas));
        let settings = wanted.settings();
        let mut topic = NewTopic::new(&wanted.name, number(wanted.partitions), replication);
        for (key, value) in &settings {
            topic = topic.set(key, value);
        }
        let made = self.admin.create_topics([&topic], &options()).await;
        let made = made.map_err(|error| KafkaTrouble::of(&error))?;
        match made.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => return Ok(false),
            Some(Err((_, code))) => return Err(KafkaTrouble::of(&KafkaError::Global(code))),
            Some(Ok(_)) | None => {}
        }
        let until = Instant::now() + APPEARS_WITHIN;
        while Instant::now() < until {
            if self.find(&wanted.name).await?.is_some_and(|found| found.is_usable()) {
                return Ok(true);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(KafkaTrouble::of(&KafkaError::Global(RDKafkaErrorCode::LeaderNotAvailable)))
    }

    /// Sets what differs. Kafka resets what is not named, so all that is the topic's own is named too.
    async fn set(
        &self,
        wanted: &WantedTopic,
        found: &FoundTopic,
        changed: &[TopicDifference],
    ) -> Result<(), KafkaTrouble> {
        let mut config = AlterConfig::new(ResourceSpecifier::Topic(&wanted.name));
        for (key, value) in &found.own {
            config = config.set(key, value);
        }
        for difference in changed {
            config = config.set(difference.what, &difference.wanted);
        }
        let altered = self.admin.alter_configs([&config], &options()).await;
        match altered.map_err(|error| KafkaTrouble::of(&error))?.into_iter().next() {
            Some(Err((_, code))) => Err(KafkaTrouble::of(&KafkaError::Global(code))),
            Some(Ok(_)) | None => Ok(()),
        }
    }
}

impl FoundTopic {
    fn is_usable(&self) -> bool {
        !self.partitions.is_empty() && self.leaderless == 0
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_LIMIT)).operation_timeout(Some(REQUEST_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(settings: &[(&str, &str)]) -> FoundTopic {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        FoundTopic {
            partitions: vec![0, 1, 2],
            replicas: 1,
            leaderless: 0,
            settings: Some(settings),
            own: BTreeMap::new(),
        }
    }

    fn wanted(content: TopicContent) -> WantedTopic {
        WantedTopic { name: "t".to_owned(), content, partitions: 3, replicas: 1 }
    }

    #[test]
    fn what_loses_readings_is_harmful() {
        let observations = wanted(TopicContent::Observations(Duration::from_hours(24)));
        let day = ("retention.ms", "86400000");
        let right = found(&[("max.message.bytes", "50000000"), ("cleanup.policy", "delete"), day]);
        assert_eq!(right.differences(&observations), []);
        let differences = |found: &FoundTopic, wanted| -> Vec<(&str, bool)> {
            found
                .differences(wanted)
                .iter()
                .map(|difference| (difference.what, difference.is_harmful))
                .collect()
        };
        let state = wanted(TopicContent::State);
        assert_eq!(differences(&right, &state), [("cleanup.policy", true)]);
        let small = found(&[("max.message.bytes", "1048588"), ("cleanup.policy", "compact"), day]);
        assert_eq!(differences(&small, &state), [("max.message.bytes", false)]);
        assert_eq!(
            differences(&small, &observations),
            [("max.message.bytes", false), ("cleanup.policy", true)]
        );
        let one = FoundTopic { partitions: vec![0], settings: None, ..right };
        assert_eq!(one.differences(&observations)[0].to_string(), "partitions is 1, but is to be 3");
    }

    #[test]
    fn what_a_topic_is_made_with_is_what_is_asked_of_it() {
        for content in
            [TopicContent::Observations(Duration::from_hours(1)), TopicContent::Rejected, TopicContent::State]
        {
            let wanted = wanted(content);
            let settings = wanted.settings();
            assert!(wanted.musts().iter().all(|must| settings.contains(must)), "{content:?}");
        }
    }
}
