//! Anomalies in Elasticsearch: bulks of bounded size, a bounded number at once, each document until it is settled.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use elasticsearch::http::Method;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Mutex;

use super::answer;
use super::bulk::{Render, whole_document};
use super::client::{Client, ConnectError};
use super::lane::{Lane, LaneState};
use super::mapping;
use super::trouble::Trouble;
use super::{BulkStatistics, ElasticsearchConnection};
use crate::cluster::Condition;
use crate::{AnomalyStore, AnomalyWrite, PortError, Refused};

/// Up to so many documents are not worth several lanes.
const WORTH_LANES: usize = 500;

/// How documents are sent.
#[derive(Clone)]
pub struct BulkSettings {
    /// How many bytes a bulk has at most, unless one document has more.
    pub bytes: usize,
    /// How many bulks are under way at once at most.
    pub in_flight: usize,
    /// How long a bulk may take before it is sent again.
    pub timeout: Duration,
    /// How many bytes a document may have: Elasticsearch's `http.max_content_length`, less what stands around it. Larger ones
    /// are refused.
    pub document_bytes: usize,
    /// What a document looks like.
    pub render: Render,
    /// The mappings that the index is to have. A document that does not fit while the index has others is not refused: it waits for
    /// the index.
    pub mappings: Option<Value>,
}

impl Default for BulkSettings {
    fn default() -> Self {
        Self {
            bytes: 5 * 1024 * 1024,
            in_flight: 2,
            timeout: Duration::from_secs(30),
            document_bytes: 99 * 1024 * 1024,
            render: whole_document,
            mappings: None,
        }
    }
}

impl fmt::Debug for BulkSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, in_flight, timeout, .. } = self;
        write!(formatter, "BulkSettings({bytes} bytes, {in_flight} at once, {timeout:?})")
    }
}

/// Anomalies in Elasticsearch, one document an id, the newest version.
#[derive(Clone, Debug)]
pub struct ElasticsearchStore {
    shared: Arc<Shared>,
    /// Each is had by one bulk after another, in the order in which they ask for it.
    lanes: Arc<[Mutex<LaneState>]>,
}

/// What the lanes of a store share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) settings: BulkSettings,
    /// Where bulks go: path and query.
    pub(super) target: String,
    pub(super) statistics: Arc<BulkStatistics>,
    alias: String,
    condition: Condition,
}

impl ElasticsearchStore {
    /// A store that writes through `alias`, which must name one index to write to: an index that is missing is so never made by
    /// writing. `condition` says whether it works.
    ///
    /// # Errors
    ///
    /// The URL is none, or a key, a password or certificates cannot be read. Whether Elasticsearch is there is not looked at.
    pub fn new(
        connection: ElasticsearchConnection,
        alias: &str,
        settings: BulkSettings,
        condition: Condition,
    ) -> Result<Self, ConnectError> {
        // Elasticsearch is to say why it waits before it is no longer listened to.
        let waits = settings.timeout.as_millis() / 3;
        let lane = |_| Mutex::new(LaneState::new(settings.bytes));
        let lanes = (0..settings.in_flight.max(1)).map(lane).collect();
        let shared = Shared {
            client: Client::new(connection)?,
            target: format!(
                "{alias}/_bulk?require_alias=true&timeout={waits}ms&filter_path={}",
                answer::FILTER
            ),
            alias: alias.to_owned(),
            statistics: Arc::default(),
            settings,
            condition,
        };
        Ok(Self { shared: Arc::new(shared), lanes })
    }

    /// Counters of what was sent.
    pub fn statistics(&self) -> Arc<BulkStatistics> {
        Arc::clone(&self.shared.statistics)
    }

    /// Writes what is one lane's. With fewer lanes than there are, all that may have a document of the same id are waited for.
    async fn write_lane(&self, writes: &[AnomalyWrite], lane: usize, lanes: usize) -> Vec<Refused> {
        let mut held = Vec::with_capacity(self.lanes.len().div_ceil(lanes));
        for state in self.lanes.iter().skip(lane).step_by(lanes) {
            held.push(state.lock().await);
        }
        let Some(state) = held.first_mut() else { return Vec::new() };
        let is_mine = |number: &usize| usize::from(writes[*number].id.0[0]) % lanes == lane;
        Lane::new(&self.shared, state, writes, (0..writes.len()).filter(is_mine)).run().await
    }

    /// How many lanes these are worth: all, or one.
    fn worth(&self, writes: &[AnomalyWrite]) -> usize {
        if writes.len() > WORTH_LANES { self.lanes.len() } else { 1 }
    }
}

impl AnomalyStore for ElasticsearchStore {
    async fn write(&mut self, writes: &[AnomalyWrite]) -> Result<Vec<Refused>, PortError> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let lanes = self.worth(writes);
        let running = (0..lanes).map(|lane| self.write_lane(writes, lane, lanes));
        let mut refused: Vec<_> = join_all(running).await.into_iter().flatten().collect();
        refused.sort_unstable_by_key(|refused| refused.write);
        self.shared.condition.recovered();
        Ok(refused)
    }

    /// A batch that keeps all lanes busy may be followed, so that none waits for another. A small one had better grow.
    fn may_be_followed(&self, writes: &[AnomalyWrite]) -> bool {
        self.worth(writes) > 1
    }
}

impl Shared {
    /// What is wrong with the index's mapping, where something is.
    pub(super) async fn mapping_trouble(&self) -> Option<Trouble> {
        let expected = self.settings.mappings.as_ref()?;
        let target = format!("{}/_mapping", self.alias);
        let timeout = self.settings.timeout;
        let answer = match self.client.send(Method::Get, &target, "application/json", None, timeout).await {
            Ok(answer) => answer,
            Err(trouble) => return Some(trouble),
        };
        if answer.status != 200 {
            return Some(answer::trouble(answer.status, ""));
        }
        let Ok(actual) = serde_json::from_slice(&answer.body) else { return Some(Trouble::Unavailable) };
        (!mapping::differences(expected, &mapping::of_only_index(&actual)).is_empty())
            .then_some(Trouble::MappingOutdated)
    }

    /// Says what is wrong. Where keys may be the cause, reads them again, and says whether there are new ones.
    pub(super) fn report(&self, trouble: Trouble) -> bool {
        self.failing(trouble);
        let may_be_keys = matches!(trouble, Trouble::Unauthorized | Trouble::Forbidden | Trouble::Untrusted);
        if !may_be_keys {
            return false;
        }
        self.client.renew().unwrap_or_else(|_| {
            self.failing(Trouble::SecretUnreadable);
            false
        })
    }

    fn failing(&self, trouble: Trouble) {
        self.condition.failing(trouble.reason(), format!("{} ({})", trouble.advice(), self.alias));
    }
}
