//! Elasticsearch: reached, with the right index, which this key may write and little else.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use bpmonitor_crds::names::ALL_ANOMALIES;
use bpmonitor_pipeline::cluster::elasticsearch::{
    ElasticsearchSetup, MappingDifference, SetupError, differences,
};
use elasticsearch::http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Check;
use super::report::Report;
use crate::cluster::prepare::index_definition;

/// How long Elasticsearch may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The oldest major version that is known to work.
const OLDEST: u32 = 8;
/// What the classifier does with the index.
const NEEDED: [&str; 4] = ["index", "delete", "read", "view_index_metadata"];
/// What it never does with the index, nor with the cluster.
const TOO_MUCH_OF_INDEX: [&str; 2] = ["manage", "delete_index"];
const TOO_MUCH_OF_CLUSTER: [&str; 3] = ["manage", "manage_security", "manage_index_templates"];

/// The store of anomalies.
pub(super) struct Store {
    setup: ElasticsearchSetup,
    url: String,
    pub(super) index: String,
    alias: String,
    /// What the index is to be.
    definition: Value,
}

/// What Elasticsearch would not do.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The status of its answer.
    status: Option<u16>,
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<SetupError> for Refusal {
    fn from(error: SetupError) -> Self {
        Self { status: error.status, message: error.to_string() }
    }
}

/// As whom we are known.
enum Identity {
    /// Elasticsearch has no users.
    NoSecurity,
    User(String),
}

impl Store {
    pub(super) fn new(check: &Check<'_>) -> Result<Self> {
        let alias = check.args.elasticsearch.alias(Some(check.settings))?;
        let connection = check.args.elasticsearch.connection(Some(check.settings))?;
        Ok(Self {
            url: connection.url.clone(),
            setup: ElasticsearchSetup::new(connection)?,
            index: check.args.elasticsearch.index(Some(check.settings))?,
            definition: index_definition(check.settings, &alias),
            alias,
        })
    }

    /// Looks at everything; whether an observation can arrive.
    pub(super) fn check(&self, check: &Check<'_>, report: &mut Report) -> Result<bool> {
        check.runtime.block_on(async {
            let Some(identity) = self.reach(report).await? else { return Ok(false) };
            let is_there = self.look_at_index(report).await?;
            let may_write = match identity {
                Identity::NoSecurity => true,
                Identity::User(_) => self.privileges(report).await?,
            };
            Ok(is_there && may_write)
        })
    }

    async fn ask(
        &self,
        method: Method,
        target: &str,
        body: Option<&Value>,
        what: &str,
    ) -> Result<Value, Refusal> {
        match timeout(ANSWERS_WITHIN, self.setup.ask(method, target, body, what)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Refusal {
                status: None,
                message: format!(
                    "{what}: no answer within {ANSWERS_WITHIN:?}: is Elasticsearch overloaded, or stuck?"
                ),
            }),
        }
    }

    async fn reach(&self, report: &mut Report) -> Result<Option<Identity>> {
        const CHECK: &str = "elasticsearch";
        let url = &self.url;
        let identity = match self.identity().await {
            Ok(identity) => identity,
            Err(error) => return report.failure(CHECK, format!("{url}: {error}")).map(|()| None),
        };
        let version = match self.ask(Method::Get, "", None, "asking Elasticsearch for its version").await {
            Ok(answer) => {
                answer.pointer("/version/number").and_then(Value::as_str).unwrap_or_default().to_owned()
            }
            // A key that may only write an index may not ask for it.
            Err(error) if error.status == Some(403) => String::new(),
            Err(error) => return report.failure(CHECK, format!("{url}: {error}")).map(|()| None),
        };
        let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
        if major.is_some_and(|major| major < OLDEST) {
            let message = format!("{url} is version {version}: version {OLDEST} or newer is needed");
            return report.failure(CHECK, message).map(|()| None);
        }
        let version = if version.is_empty() { "answers".to_owned() } else { format!("is version {version}") };
        match &identity {
            Identity::NoSecurity => {
                report.warning(
                    CHECK,
                    format!("{url} {version}, and asks nobody who they are: that is for a laboratory"),
                )?;
            }
            Identity::User(name) if url.starts_with("http:") => {
                report.warning(
                    CHECK,
                    format!("{url} {version}, as {name} and not encrypted: that is for a laboratory"),
                )?;
            }
            Identity::User(name) => report.ok(CHECK, format!("{url} {version}, encrypted, as {name}"))?,
        }
        Ok(Some(identity))
    }

    async fn identity(&self) -> Result<Identity, Refusal> {
        match self.ask(Method::Get, "_security/_authenticate", None, "authenticating").await {
            Ok(answer) => {
                let text = |pointer| answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
                let key = text("/api_key/name").map(|name| format!("the API key {name}"));
                Ok(Identity::User(key.or_else(|| text("/username")).unwrap_or_default()))
            }
            // No such request: security is off.
            Err(error) if matches!(error.status, Some(400 | 405)) => Ok(Identity::NoSecurity),
            Err(error) => Err(error),
        }
    }

    async fn look_at_index(&self, report: &mut Report) -> Result<bool> {
        const CHECK: &str = "index";
        let index = &self.index;
        let answer = match self.ask(Method::Get, index, None, &format!("reading the index {index}")).await {
            Ok(answer) => answer,
            Err(error) if error.status == Some(404) => {
                let message = format!(
                    "there is no index {index}: `bpmonitor prepare` makes it, and in a cluster the operator does"
                );
                return report.failure(CHECK, message).map(|()| false);
            }
            Err(error) => return report.failure(CHECK, error.to_string()).map(|()| false),
        };
        let Some(found) = answer.get(index) else {
            let message = format!(
                "{index} is an alias, and is to be an index: remove it, and have `bpmonitor prepare` make the index"
            );
            return report.failure(CHECK, message).map(|()| false);
        };
        let is_usable = self.look_at_aliases(found, report)?;
        let mappings = found.get("mappings").unwrap_or(&Value::Null);
        Ok(look_at_mapping(&differences(&self.definition["mappings"], mappings), report)? && is_usable)
    }

    /// Looks at the index's aliases and blocks.
    fn look_at_aliases(&self, found: &Value, report: &mut Report) -> Result<bool> {
        const CHECK: &str = "index";
        let index = &self.index;
        let blocks = found.pointer("/settings/index/blocks").and_then(Value::as_object);
        let set: Vec<&str> = blocks
            .into_iter()
            .flatten()
            .filter(|(_, set)| *set == "true")
            .map(|(name, _)| name.as_str())
            .collect();
        if !set.is_empty() {
            let message = format!(
                "{index} is blocked ({}): set index.blocks.{} to false; where a disk is full, make room first",
                set.join(", "),
                set.join(" and ")
            );
            return report.failure(CHECK, message).map(|()| false);
        }
        let expected = &self.definition["aliases"];
        for (name, is_needed) in [(self.alias.as_str(), true), (ALL_ANOMALIES, false)] {
            let wrong = match found["aliases"].get(name) {
                None => "is missing",
                Some(is) if is["filter"] != expected[name]["filter"] => {
                    "has not the filter that hides what was withdrawn"
                }
                Some(_) => continue,
            };
            let message = format!("{index}: its alias {name} {wrong}: `bpmonitor prepare` puts it right");
            if is_needed {
                return report.failure(CHECK, message).map(|()| false);
            }
            return report.warning(CHECK, message).map(|()| true);
        }
        report.ok(CHECK, format!("{index}, with its aliases"))?;
        Ok(true)
    }

    /// Whether we may do what the classifier does; warns where it is more.
    async fn privileges(&self, report: &mut Report) -> Result<bool> {
        const CHECK: &str = "privileges";
        let own = [&self.index, &self.alias];
        let body = json!({
            "cluster": TOO_MUCH_OF_CLUSTER,
            "index": [
                {"names": own, "privileges": NEEDED},
                {"names": [self.index], "privileges": TOO_MUCH_OF_INDEX},
                {"names": ["*"], "privileges": ["read"]},
            ],
        });
        let what = "asking what this key may do";
        let answer = match self.ask(Method::Post, "_security/user/_has_privileges", Some(&body), what).await {
            Ok(answer) => answer,
            Err(error) => return report.failure(CHECK, error.to_string()).map(|()| false),
        };
        let may = |name: &str, privilege: &str| answer["index"][name][privilege] == true;
        let mut missing = Vec::new();
        for name in &own {
            let lacks = NEEDED.iter().filter(|privilege| !may(name, privilege));
            missing.extend(lacks.map(|privilege| format!("{privilege} on {name}")));
        }
        if !missing.is_empty() {
            let message = format!(
                "it lacks {}: `bpmonitor prepare --api-key-file FILE` makes a key that has them",
                missing.join(", ")
            );
            return report.failure(CHECK, message).map(|()| false);
        }
        let of_cluster = TOO_MUCH_OF_CLUSTER.iter().filter(|privilege| answer["cluster"][privilege] == true);
        let of_index = TOO_MUCH_OF_INDEX.iter().filter(|privilege| may(&self.index, privilege));
        let mut more: Vec<String> =
            of_cluster.map(|privilege| format!("{privilege} on the cluster")).collect();
        more.extend(of_index.map(|privilege| format!("{privilege} on {}", self.index)));
        more.extend(may("*", "read").then(|| "read on every index".to_owned()));
        if more.is_empty() {
            report.ok(CHECK, format!("{} on the index and its alias, and no more", NEEDED.join(", ")))?;
        } else {
            let message = format!(
                "it may do more than the classifier needs ({}): `bpmonitor prepare --api-key-file FILE` makes a key that may not",
                more.join(", ")
            );
            report.warning(CHECK, message)?;
        }
        Ok(true)
    }

    /// A document, where it is there.
    pub(super) async fn document(&self, id: &str) -> Result<Option<Value>, Refusal> {
        let target = format!("{}/_doc/{id}", self.index);
        match self.ask(Method::Get, &target, None, "looking for the observation's document").await {
            Ok(mut answer) => Ok(answer.get_mut("_source").map(Value::take)),
            Err(error) if error.status == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn look_at_mapping(differences: &[MappingDifference], report: &mut Report) -> Result<bool> {
    const CHECK: &str = "mapping";
    if differences.is_empty() {
        return report.ok(CHECK, "every field is as this version writes it").map(|()| true);
    }
    let list: Vec<String> = differences.iter().map(MappingDifference::to_string).collect();
    let message = format!(
        "{}: `bpmonitor prepare` adds fields; a field of another type needs a new index, filled by reindexing or from the topic",
        list.join("; ")
    );
    report.failure(CHECK, message).map(|()| false)
}
