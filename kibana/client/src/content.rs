//! A monitor's content in Kibana: written, read back, looked for, removed.

use bpmonitor_kibana::{Connector, Content, Rule};
use reqwest::Method;
use serde_json::{Value, json};

use crate::requests::Answer;
use crate::{Kibana, KibanaError};

/// Something that was written into a space: what kind, and its id. The kinds are those of saved objects, `alert-rule` and `connector`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// The kind of a rule.
const RULE: &str = "alert-rule";
/// The kind of a connector.
const CONNECTOR: &str = "connector";

impl Written {
    /// All of a monitor's content; without what only a user with a password can make, where `with_rules` is false.
    pub fn of(content: &Content, with_rules: bool) -> Vec<Self> {
        let of = |kind: &str, id: &str| Self { kind: kind.to_owned(), id: id.to_owned() };
        let objects = content.objects.iter().map(|object| of(object.kind.as_str(), &object.id));
        let rules = content.rules.iter().map(|rule| of(RULE, &rule.id));
        let connectors = content.connectors.iter().map(|connector| of(CONNECTOR, &connector.id));
        objects.chain(rules.chain(connectors).filter(|_| with_rules)).collect()
    }

    /// Where the API has it.
    fn target(&self) -> String {
        let Self { kind, id } = self;
        match kind.as_str() {
            RULE => format!("/api/alerting/rule/{id}"),
            CONNECTOR => format!("/api/actions/connector/{id}"),
            kind => format!("/api/saved_objects/{kind}/{id}"),
        }
    }
}

impl Kibana {
    /// Writes a monitor's content over what is there of it, and reads it back.
    ///
    /// # Errors
    ///
    /// Kibana's; also where something is not there although it was written.
    pub async fn write(&self, content: &Content) -> Result<(), KibanaError> {
        self.ensure_space(&content.space).await?;
        let answer = self.import(&content.space, &content.ndjson()).await?;
        // It answers with 200 also where it wrote nothing.
        if answer["success"] != true {
            return Err(KibanaError::import(&import_errors(&answer)));
        }
        if self.may_make_rules() {
            for connector in &content.connectors {
                self.put_connector(&content.space, connector).await?;
            }
            for rule in &content.rules {
                self.put_rule(&content.space, rule).await?;
            }
        }
        let missing = self.missing(content).await?;
        match missing.first() {
            Some(Written { kind, id }) => Err(KibanaError::lost(&format!("{kind} {id}"))),
            None => Ok(()),
        }
    }

    /// What of a monitor's content is not there.
    ///
    /// # Errors
    ///
    /// Kibana's.
    pub async fn missing(&self, content: &Content) -> Result<Vec<Written>, KibanaError> {
        let mut missing = self.missing_objects(content).await?;
        let all = Written::of(content, self.may_make_rules());
        for written in all.into_iter().filter(|written| [RULE, CONNECTOR].contains(&written.kind.as_str())) {
            let what = format!("looking for the {} {}", written.kind, written.id);
            let answer = self.ask(Method::GET, &content.space, &written.target(), None, &what).await?;
            if answer.status == 404 {
                missing.push(written);
            } else {
                answer.done(&what)?;
            }
        }
        Ok(missing)
    }

    /// All saved objects with one request.
    async fn missing_objects(&self, content: &Content) -> Result<Vec<Written>, KibanaError> {
        let what = "looking for the dashboards";
        let wanted = Written::of(content, false);
        let body = wanted.iter().map(|Written { kind, id }| json!({"type": kind, "id": id}));
        let body = Value::Array(body.collect());
        let target = "/api/saved_objects/_bulk_get";
        let found = self.ask(Method::POST, &content.space, target, Some(&body), what).await?.done(what)?;
        let found: Vec<_> = found["saved_objects"].as_array().into_iter().flatten().collect();
        let is_there = |written: &Written| {
            found.iter().any(|object| {
                object["type"] == written.kind && object["id"] == written.id && object["error"].is_null()
            })
        };
        Ok(wanted.into_iter().filter(|written| !is_there(written)).collect())
    }

    /// Removes these from a space. Those that are not there are no matter, and the space stays: others may use it.
    ///
    /// # Errors
    ///
    /// Kibana's.
    pub async fn remove(&self, space: &str, all: &[Written]) -> Result<(), KibanaError> {
        // Dashboards before what they refer to, rules before their connectors.
        let of_rules = |written: &&Written| written.kind == RULE;
        let (rules, others): (Vec<_>, Vec<_>) = all.iter().partition(of_rules);
        for written in rules.into_iter().chain(others.into_iter().rev()) {
            let what = format!("removing the {} {}", written.kind, written.id);
            let answer = self.ask(Method::DELETE, space, &written.target(), None, &what).await?;
            if answer.status != 404 {
                answer.done(&what)?;
            }
        }
        Ok(())
    }

    async fn put_connector(&self, space: &str, connector: &Connector) -> Result<(), KibanaError> {
        let target = format!("/api/actions/connector/{}", connector.id);
        self.put(
            space,
            &target,
            connector.to_create(),
            &connector.to_update(),
            "making the connector of alerts",
        )
        .await
    }

    async fn put_rule(&self, space: &str, rule: &Rule) -> Result<(), KibanaError> {
        let target = format!("/api/alerting/rule/{}", rule.id);
        self.put(space, &target, rule.to_create(), &rule.to_update(), "making an alert rule").await
    }

    /// Makes something; where it is there, brings it up to date.
    async fn put(
        &self,
        space: &str,
        target: &str,
        create: &Value,
        update: &Value,
        what: &str,
    ) -> Result<(), KibanaError> {
        let made = self.ask(Method::POST, space, target, Some(create), what).await?;
        let answer: Answer = match made.status {
            409 => self.ask(Method::PUT, space, target, Some(update), what).await?,
            _ => made,
        };
        answer.done(what).map(drop)
    }
}

/// What went wrong with an import, in few words: kinds and ids are ours, and types of errors Kibana's.
fn import_errors(answer: &Value) -> String {
    let errors = answer["errors"].as_array().into_iter().flatten();
    let words = errors.map(|error| {
        let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
        format!("{} {}: {}", text(&error["type"]), text(&error["id"]), text(&error["error"]["type"]))
    });
    words.take(3).collect::<Vec<_>>().join("; ")
}
