//! `bpmonitor prepare`: topics, index and API key for those who have no operator.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use bpmonitor_crds::index;
use bpmonitor_crds::names::Names;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_pipeline::cluster::kafka::{KafkaConnection, Settled, TopicAdmin, TopicContent, WantedTopic};
use bpmonitor_settings::Topics;
use bpmonitor_settings::manifest::{self, Settings};
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::PrepareArgs;
use super::reader::{CLIENT_ID, Reader};
use crate::failure::bad_usage;
use crate::pump;

/// The name of a file that stands for standard output.
const STDOUT: &str = "-";

/// Makes what is missing, and says what was done.
pub(crate) fn prepare(args: &PrepareArgs) -> Result<()> {
    let settings = manifest::read(&args.file)?;
    let topics = args.topics.topics(Some(&settings))?;
    let kafka = args.kafka.connection(Some(&settings))?;
    let elasticsearch = Elasticsearch::new(args, &settings)?;
    // Says soon, and better than a request would, what is wrong with the connection.
    drop(Reader::connect(&kafka)?);
    let runtime = pump::runtime()?;
    runtime.block_on(make_topics(&kafka, &wanted_topics(&settings, &topics)))?;
    runtime.block_on(elasticsearch.make_index())?;
    match args.api_key_file.as_deref() {
        Some(file) => runtime.block_on(elasticsearch.make_key(file)),
        None => Ok(()),
    }
}

/// The topics that a manifest asks for.
pub(super) fn wanted_topics(settings: &Settings, topics: &Topics) -> [WantedTopic; 3] {
    let topic = &settings.resource.spec.kafka.topic;
    let wanted = |name: &str, content| WantedTopic {
        name: name.to_owned(),
        content,
        partitions: topic.partitions,
        replicas: topic.replicas,
    };
    let kept = topic.retention.to_std().unwrap_or_default();
    [
        wanted(&topics.observations, TopicContent::Observations(kept)),
        wanted(&topics.rejected, TopicContent::Rejected),
        wanted(&topics.state, TopicContent::State),
    ]
}

/// The index that a manifest asks for, with this alias of its own.
pub(super) fn index_definition(settings: &Settings, alias: &str) -> Value {
    let names = Names::new(&settings.monitor.namespace, &settings.monitor.name);
    let mut definition = index::index(&names, settings.resource.spec.elasticsearch.index.shards);
    if let Some(aliases) = definition.get_mut("aliases").and_then(Value::as_object_mut)
        && let Some(own) = aliases.remove(&names.alias())
    {
        aliases.insert(alias.to_owned(), own);
    }
    definition
}

async fn make_topics(connection: &KafkaConnection, wanted: &[WantedTopic]) -> Result<()> {
    let admin = TopicAdmin::new(connection, CLIENT_ID)?;
    for topic in wanted {
        let settled = admin.settle(topic).await;
        let settled = settled.with_context(|| {
            format!(
                "making the topic {} (it needs Create on it, and DescribeConfigs and AlterConfigs)",
                topic.name
            )
        })?;
        say_topic(topic, &settled)?;
    }
    Ok(())
}

fn say_topic(topic: &WantedTopic, settled: &Settled) -> Result<()> {
    let name = &topic.name;
    match settled {
        Settled::Made => say(&format!("topic {name}: made, {} partitions", topic.partitions)),
        Settled::Kept { changed, left } => {
            if changed.is_empty() && left.is_empty() {
                say(&format!("topic {name}: there already"))?;
            }
            for difference in changed {
                let (what, found, wanted) = (difference.what, &difference.found, &difference.wanted);
                say(&format!("topic {name}: {what} set from {found} to {wanted}"))?;
            }
            for difference in left {
                say(&format!("topic {name}: {difference}: that is not changed by itself"))?;
            }
            Ok(())
        }
    }
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}

/// A monitor's part of Elasticsearch.
struct Elasticsearch {
    connection: ElasticsearchConnection,
    setup: ElasticsearchSetup,
    index: String,
    alias: String,
    /// The API key's name.
    key: String,
    /// The index's template, in which the index is.
    template: Value,
}

impl Elasticsearch {
    fn new(args: &PrepareArgs, settings: &Settings) -> Result<Self> {
        let connection = args.elasticsearch.connection(Some(settings))?;
        let index = args.elasticsearch.index(Some(settings))?;
        let alias = args.elasticsearch.alias(Some(settings))?;
        let names = Names::new(&settings.monitor.namespace, &settings.monitor.name);
        let mut template = index::template(&names, settings.resource.spec.elasticsearch.index.shards);
        template["index_patterns"] = json!([index]);
        template["template"] = index_definition(settings, &alias);
        Ok(Self {
            setup: ElasticsearchSetup::new(connection.clone())?,
            connection,
            index,
            alias,
            key: args.topics.topics(Some(settings))?.group,
            template,
        })
    }

    async fn make_index(&self) -> Result<()> {
        let Self { index, alias, template, .. } = self;
        self.setup.put_template(index, template).await?;
        say(&format!("index template {index}: in force"))?;
        let is_new = self.setup.ensure_index(index, &template["template"]).await?;
        let what = if is_new { "made" } else { "there already" };
        say(&format!("index {index}: {what}, with the alias {alias}"))
    }

    /// Makes an API key into a file that is not there yet. One that is there stays, as long as its key is known.
    async fn make_key(&self, file: &Path) -> Result<()> {
        if file == Path::new(STDOUT) {
            return say(&self.new_key().await?);
        }
        let shown = file.display();
        let mut options = OpenOptions::new();
        let mut target = match options.write(true).create_new(true).mode(0o600).open(file) {
            Ok(target) => target,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.check_key(file).await?;
                return say(&format!("API key in {shown}: there already, and known"));
            }
            Err(error) => return Err(bad_usage(format!("--api-key-file {shown}: {error}"))),
        };
        let made = self.new_key().await;
        let written = made.and_then(|key| Ok(writeln!(target, "{key}").and_then(|()| target.sync_all())?));
        if written.is_err() {
            let _ = fs::remove_file(file);
        }
        written?;
        say(&format!("API key: made, in {shown}: the classifier reads it with --elasticsearch-api-key-file"))
    }

    async fn new_key(&self) -> Result<String> {
        let mut roles = index::privileges(&Names::new("", ""));
        if let Some(names) = roles.pointer_mut("/classifier/indices/0/names") {
            *names = json!([self.index, self.alias]);
        }
        let key = self.setup.create_api_key(&self.key, &roles).await;
        Ok(key
            .context("a user may make API keys, another API key may not: give --elasticsearch-username")?
            .encoded)
    }

    async fn check_key(&self, file: &Path) -> Result<()> {
        let authentication = Authentication::ApiKey(SecretSource::File(file.to_owned()));
        let connection = ElasticsearchConnection { authentication, ..self.connection.clone() };
        let what = format!("trying the API key in {}", file.display());
        let answer: Result<Value, _> = ElasticsearchSetup::new(connection)?
            .ask(Method::Get, "_security/_authenticate", None, &what)
            .await;
        answer.map(drop).with_context(|| {
            format!("remove {} to get another key, unless it holds something else", file.display())
        })
    }
}
