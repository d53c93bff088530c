//! What sets Elasticsearch up for a monitor, and looks whether it is: index, template, API key.

use std::fmt;
use std::time::Duration;

use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::answer;
use super::client::{Answer, Client, ConnectError};
use super::mapping::{self, MappingDifference};
use super::trouble::Trouble;
use super::{ElasticsearchConnection, differences};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What Elasticsearch would not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError {
    /// What was being done.
    pub what: String,
    /// The status of its answer; none where there was no answer.
    pub status: Option<u16>,
    /// A code, such as `ElasticsearchForbidden`.
    pub reason: &'static str,
    /// The type of error that Elasticsearch names; empty where it names none.
    pub kind: String,
    advice: &'static str,
}

impl std::error::Error for SetupError {}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, status, kind, advice, .. } = self;
        match status {
            None => write!(formatter, "{what}: {advice}"),
            Some(status) if kind.is_empty() => write!(formatter, "{what}: answered with {status}: {advice}"),
            Some(status) => write!(formatter, "{what}: answered with {status} ({kind}): {advice}"),
        }
    }
}

/// An API key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// By which it is invalidated.
    pub id: String,
    /// With which a client authenticates.
    pub encoded: String,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKey({}, ..)", self.id)
    }
}

/// Sets Elasticsearch up for a monitor.
#[derive(Debug)]
pub struct ElasticsearchSetup {
    client: Client,
}

impl ElasticsearchSetup {
    /// # Errors
    ///
    /// The URL is none, or a key, a password or certificates cannot be read. Whether Elasticsearch is there is not looked at.
    pub fn new(connection: ElasticsearchConnection) -> Result<Self, ConnectError> {
        Ok(Self { client: Client::new(connection)? })
    }

    /// Whether Elasticsearch answers; gives its version.
    ///
    /// # Errors
    ///
    /// It does not, or not to us.
    pub async fn version(&self) -> Result<String, SetupError> {
        let answer = self.ask(Method::Get, "", None, "asking Elasticsearch for its version").await?;
        Ok(answer.pointer("/version/number").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Makes an index template, or replaces it.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn put_template(&self, name: &str, body: &Value) -> Result<(), SetupError> {
        let what = format!("putting the index template {name}");
        self.ask(Method::Put, &format!("_index_template/{name}"), Some(body), &what).await.map(drop)
    }

    /// Removes an index template; nothing where there is none.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn delete_template(&self, name: &str) -> Result<(), SetupError> {
        let what = format!("deleting the index template {name}");
        let deleted = self.ask(Method::Delete, &format!("_index_template/{name}"), None, &what).await;
        unless(404, deleted)
    }

    /// Makes an index of settings, mappings and aliases; where it is there, adds fields and aliases that it has not.
    /// Says whether it was made.
    ///
    /// # Errors
    ///
    /// Elasticsearch's; also where a field is there with another type.
    pub async fn ensure_index(&self, name: &str, body: &Value) -> Result<bool, SetupError> {
        let made = self.ask(Method::Put, name, Some(body), &format!("making the index {name}")).await;
        match made {
            Ok(_) => return Ok(true),
            Err(error) if error.kind == "resource_already_exists_exception" => {}
            Err(error) => return Err(error),
        }
        if let Some(mappings) = body.get("mappings") {
            let what = format!("bringing the mapping of the index {name} up to date");
            self.ask(Method::Put, &format!("{name}/_mapping"), Some(mappings), &what).await?;
        }
        if let Some(Value::Object(aliases)) = body.get("aliases") {
            let add = aliases.iter().map(|(alias, settings)| {
                let mut action = settings.as_object().cloned().unwrap_or_default();
                action.insert("index".to_owned(), json!(name));
                action.insert("alias".to_owned(), json!(alias));
                json!({"add": action})
            });
            let actions = json!({"actions": add.collect::<Vec<_>>()});
            let what = format!("giving the index {name} its aliases");
            self.ask(Method::Post, "_aliases", Some(&actions), &what).await?;
        }
        Ok(false)
    }

    /// Removes an index with all its documents. Says whether there was one.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn delete_index(&self, name: &str) -> Result<bool, SetupError> {
        match self.ask(Method::Delete, name, None, &format!("deleting the index {name}")).await {
            Ok(_) => Ok(true),
            Err(error) if error.status == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where the mapping behind an index or alias is not as `expected`.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn mapping_differences(
        &self,
        name: &str,
        expected: &Value,
    ) -> Result<Vec<MappingDifference>, SetupError> {
        let what = format!("reading the mapping of {name}");
        let answer = self.ask(Method::Get, &format!("{name}/_mapping"), None, &what).await?;
        Ok(differences(expected, &mapping::of_only_index(&answer)))
    }

    /// How many documents an index or alias shows.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn count(&self, name: &str) -> Result<u64, SetupError> {
        let what = format!("counting the documents of {name}");
        let answer = self.ask(Method::Get, &format!("{name}/_count"), None, &what).await?;
        Ok(answer.get("count").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Makes an API key of these roles (`role_descriptors`). A user can, another key cannot: its keys have no privileges.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn create_api_key(&self, name: &str, roles: &Value) -> Result<ApiKey, SetupError> {
        let body = json!({"name": name, "role_descriptors": roles});
        let what = format!("making the API key {name}");
        let answer = self.ask(Method::Post, "_security/api_key", Some(&body), &what).await?;
        let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(ApiKey { id: text("id"), encoded: text("encoded") })
    }

    /// Makes an API key worthless; nothing where there is none.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn invalidate_api_key(&self, id: &str) -> Result<(), SetupError> {
        let body = json!({"ids": [id]});
        let what = "invalidating an API key";
        unless(404, self.ask(Method::Delete, "_security/api_key", Some(&body), what).await)
    }

    /// Sends any request, and gives its answer. `what` says in an error what was being done.
    ///
    /// # Errors
    ///
    /// Elasticsearch's.
    pub async fn ask(
        &self,
        method: Method,
        target: &str,
        body: Option<&Value>,
        what: &str,
    ) -> Result<Value, SetupError> {
        let body = body.map(|body| body.to_string().into());
        let answer = self.client.send(method, target, "application/json", body, TIMEOUT).await;
        let answer = answer.map_err(|trouble| unanswered(what, trouble))?;
        if !(200..300).contains(&answer.status) {
            return Err(refused(what, &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|_| unanswered(what, Trouble::Unavailable))
    }
}

fn unanswered(what: &str, trouble: Trouble) -> SetupError {
    let (reason, advice) = (trouble.reason(), trouble.advice());
    SetupError { what: what.to_owned(), status: None, reason, kind: String::new(), advice }
}

fn refused(what: &str, answer: &Answer) -> SetupError {
    let kind = answer::kind(&answer.body);
    let trouble = match kind.as_str() {
        "validation_exception" => Trouble::ShardLimit,
        _ => answer::trouble(answer.status, &kind),
    };
    let advice = match trouble {
        Trouble::Refused => "see Elasticsearch's log",
        other => other.advice(),
    };
    SetupError { what: what.to_owned(), status: Some(answer.status), reason: trouble.reason(), kind, advice }
}

fn unless(status: u16, result: Result<Value, SetupError>) -> Result<(), SetupError> {
    match result {
        Err(error) if error.status != Some(status) => Err(error),
        _ => Ok(()),
    }
}
