//! Single requests, and what their answers mean.

use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Kibana, KibanaError};

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Its body where the request was done.
    pub(crate) fn done(self, what: &str) -> Result<Value, KibanaError> {
        match self.status {
            200..300 => Ok(self.body),
            status => {
                Err(KibanaError::answered(what, status, self.body["message"].as_str().unwrap_or_default()))
            }
        }
    }
}

impl Kibana {
    /// Whether Kibana is up.
    ///
    /// # Errors
    ///
    /// It is not, or not yet.
    pub async fn is_up(&self) -> Result<(), KibanaError> {
        let what = "asking Kibana for its status";
        let Answer { status, body } = self.ask(Method::GET, "", "/api/status", None, what).await?;
        let level = body.pointer("/status/overall/level").and_then(Value::as_str).unwrap_or_default();
        match (status, level) {
            // Degraded is up, without some plugin.
            (200, "available" | "degraded") => Ok(()),
            (200 | 503, _) => Err(KibanaError::starting(what, status, level)),
            (status, _) => Err(KibanaError::answered(what, status, "")),
        }
    }

    /// Makes a space where it is not there.
    ///
    /// # Errors
    ///
    /// Kibana's.
    pub async fn ensure_space(&self, space: &str) -> Result<(), KibanaError> {
        if space.is_empty() {
            return Ok(());
        }
        let what = format!("making the space {space}");
        let found = self.ask(Method::GET, "", &format!("/api/spaces/space/{space}"), None, &what).await?;
        if found.status != 404 {
            return found.done(&what).map(drop);
        }
        let body = json!({"id": space, "name": space, "disabledFeatures": []});
        let made = self.ask(Method::POST, "", "/api/spaces/space", Some(&body), &what).await?;
        // Somebody else made it meanwhile.
        if made.status == 409 { Ok(()) } else { made.done(&what).map(drop) }
    }

    /// Imports a file of saved objects, over those of the same ids.
    pub(crate) async fn import(&self, space: &str, ndjson: &str) -> Result<Value, KibanaError> {
        let what = "importing the dashboards";
        // Kibana takes a file by the end of its name.
        let part = Part::text(ndjson.to_owned()).file_name("bp-monitor.ndjson");
        let form = Form::new().part("file", part);
        let target = "/api/saved_objects/_import?overwrite=true";
        let request = self.request(Method::POST, space, target).multipart(form);
        Self::send(request, what).await?.done(what)
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        space: &str,
        target: &str,
        body: Option<&Value>,
        what: &str,
    ) -> Result<Answer, KibanaError> {
        let mut request = self.request(method, space, target);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        Self::send(request, what).await
    }

    fn request(&self, method: Method, space: &str, target: &str) -> RequestBuilder {
        let space = if space.is_empty() { String::new() } else { format!("/s/{space}") };
        self.authenticated(self.client.request(method, format!("{}{space}{target}", self.base)))
    }

    async fn send(request: RequestBuilder, what: &str) -> Result<Answer, KibanaError> {
        let answer = request.send().await.map_err(|_| KibanaError::unreachable(what))?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|_| KibanaError::unreachable(what))?;
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() })
    }
}
