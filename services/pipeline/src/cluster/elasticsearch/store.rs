//! Anomalies in Elasticsearch: bulks of bounded size, each document until it is settled, none before another of its id.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use elasticsearch::http::Method;
use serde_json::Value;

use super::answer;
use super::bulk::{Render, whole_document};
use super::client::{Client, ConnectError};
use super::lane::{Lane, LaneState};
use super::mapping;
use super::trouble::Trouble;
use super::under_way::UnderWay;
use super::{BulkStatistics, ElasticsearchConnection};
use crate::cluster::Condition;
use crate::{AnomalyStore, AnomalyWrite, PortError, Refused};

/// Up to so many documents had better be followed by nothing: what comes meanwhile makes one bulk.
const WORTH_FOLLOWING: usize = 500;

/// How documents are sent.
#[derive(Clone)]
pub struct BulkSettings {
    /// How many bytes a bulk has at most, unless one document has more.
    pub bytes: usize,
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
            timeout: Duration::from_secs(30),
            document_bytes: 99 * 1024 * 1024,
            render: whole_document,
            mappings: None,
        }
    }
}

impl fmt::Debug for BulkSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, timeout, .. } = self;
        write!(formatter, "BulkSettings({bytes} bytes, {timeout:?})")
    }
}

/// Anomalies in Elasticsearch, one document an id, the newest version.
#[derive(Clone, Debug)]
pub struct ElasticsearchStore {
    shared: Arc<Shared>,
    under_way: Arc<UnderWay>,
    /// What the writes that are done have left for those that come.
    lanes: Arc<Mutex<Vec<LaneState>>>,
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
        Ok(Self { shared: Arc::new(shared), under_way: Arc::default(), lanes: Arc::default() })
    }

    /// Counters of what was sent.
    pub fn statistics(&self) -> Arc<BulkStatistics> {
        Arc::clone(&self.shared.statistics)
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<LaneState>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AnomalyStore for ElasticsearchStore {
    async fn write(&mut self, writes: &[AnomalyWrite]) -> Result<Vec<Refused>, PortError> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let turn = self.under_way.begin(writes.iter().map(|write| write.id).collect());
        turn.comes().await;
        let left = self.lanes().pop();
        let mut lane = left.unwrap_or_else(|| LaneState::new(self.shared.settings.bytes));
        let mut refused = Lane::new(&self.shared, &mut lane, writes).run().await;
        self.lanes().push(lane);
        refused.sort_unstable_by_key(|refused| refused.write);
        self.shared.condition.recovered();
        Ok(refused)
    }

    fn may_be_followed(&self, writes: &[AnomalyWrite]) -> bool {
        writes.len() > WORTH_FOLLOWING
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
