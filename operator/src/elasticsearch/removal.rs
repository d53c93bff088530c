//! Removes what is a monitor's from Elasticsearch: its keys always, its data where that is asked for.

use bpmonitor_pipeline::cluster::elasticsearch::{ElasticsearchSetup, SetupError};
use elasticsearch::http::Method;
use serde_json::json;

use super::{keys, provision};
use crate::context::Context;
use crate::finding::Looked;
use crate::model::Monitor;
use crate::validate::Admin;

/// Removes it.
///
/// # Errors
///
/// What Elasticsearch would not do.
pub async fn remove(context: &Context, monitor: &Monitor, admin: &Admin, with_data: bool) -> Looked<()> {
    let setup = context.elasticsearch.get(admin)?;
    let removed = async {
        if admin.makes_keys {
            invalidate_all(&setup, monitor).await?;
        }
        if with_data {
            setup.delete_index(&monitor.elasticsearch.index).await?;
            setup.delete_template(&monitor.elasticsearch.index).await?;
        }
        Ok::<_, SetupError>(())
    };
    removed.await.map_err(|error| provision::trouble(&error))
}

async fn invalidate_all(setup: &ElasticsearchSetup, monitor: &Monitor) -> Result<(), SetupError> {
    let body = json!({"name": keys::name(monitor)});
    let answer =
        setup.ask(Method::Delete, "_security/api_key", Some(&body), "invalidating the API keys").await;
    match answer {
        Err(error) if error.status != Some(404) => Err(error),
        _ => Ok(()),
    }
}
