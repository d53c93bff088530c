//! How Elasticsearch is reached, and which index is written, through which alias: flags, environment, manifest.

use std::path::PathBuf;

use bpmonitor_crds::names::Names;
use bpmonitor_crds::{Elasticsearch, ElasticsearchAccess};
use bpmonitor_pipeline::cluster::elasticsearch::{Authentication, ElasticsearchConnection};
use bpmonitor_pipeline::cluster::{Pem, SecretSource};
use clap::Args;

use crate::SettingsError;
use crate::given::{HttpUrl, exclude, http_url, missing, readable, secret, secret_in, unresolved};
use crate::manifest::Settings;
use crate::names::or_derived;

/// How Elasticsearch is reached. TLS is the default.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Elasticsearch")]
pub struct ElasticsearchArgs {
    /// Its URL; the manifest's spec.elasticsearch.url unless given
    #[arg(long, value_name = "URL", env = "BPMONITOR_ELASTICSEARCH_URL", hide_env_values = true)]
    pub elasticsearch_url: Option<String>,
    /// The certificate authorities to trust, in PEM; the built-in ones unless given
    #[arg(long, value_name = "FILE", env = "BPMONITOR_ELASTICSEARCH_CA")]
    pub elasticsearch_ca: Option<PathBuf>,
    /// An API key in its encoded form, in a file; or the key itself in the environment as `BPMONITOR_ELASTICSEARCH_API_KEY`
    #[arg(long, value_name = "FILE", env = "BPMONITOR_ELASTICSEARCH_API_KEY_FILE")]
    pub elasticsearch_api_key_file: Option<PathBuf>,
    /// A user name to authenticate with
    #[arg(long, value_name = "NAME", env = "BPMONITOR_ELASTICSEARCH_USERNAME")]
    pub elasticsearch_username: Option<String>,
    /// The user's password, in a file; or the password itself in the environment as `BPMONITOR_ELASTICSEARCH_PASSWORD`
    #[arg(long, value_name = "FILE", env = "BPMONITOR_ELASTICSEARCH_PASSWORD_FILE")]
    pub elasticsearch_password_file: Option<PathBuf>,
    /// Let the URL be without encryption (http), for a laboratory only; the manifest's spec.elasticsearch.insecure counts for its
    /// own URL
    #[arg(long, env = "BPMONITOR_ELASTICSEARCH_INSECURE", value_parser = clap::builder::BoolishValueParser::new())]
    pub elasticsearch_insecure: bool,
    /// The index of anomalies; bp.NAMESPACE.NAME.anomalies unless given
    #[arg(long, value_name = "INDEX", env = "BPMONITOR_ELASTICSEARCH_INDEX", value_parser = index_name)]
    pub index: Option<String>,
    /// The alias that the index is written through and read by; bp.NAMESPACE.NAME unless given
    #[arg(long, value_name = "ALIAS", env = "BPMONITOR_ELASTICSEARCH_ALIAS", value_parser = index_name)]
    pub alias: Option<String>,
    /// The API key from the environment: never a flag, which every user of the machine could read.
    #[arg(skip = secret_in("BPMONITOR_ELASTICSEARCH_API_KEY"))]
    pub elasticsearch_api_key: Option<SecretSource>,
    /// The password from the environment.
    #[arg(skip = secret_in("BPMONITOR_ELASTICSEARCH_PASSWORD"))]
    pub elasticsearch_password: Option<SecretSource>,
}

impl ElasticsearchArgs {
    /// How Elasticsearch is reached. What the manifest says of encryption and authentication counts only for its own URL.
    ///
    /// # Errors
    ///
    /// A URL is given nowhere or is not encrypted, a file cannot be read, two settings exclude each other, or the manifest leaves
    /// to the operator what no flag gives.
    pub fn connection(&self, manifest: Option<&Settings>) -> Result<ElasticsearchConnection, SettingsError> {
        self.check()?;
        let elasticsearch = manifest.map(|settings| &settings.resource.spec.elasticsearch);
        let (url, elasticsearch) = match &self.elasticsearch_url {
            Some(url) => (http_url("--elasticsearch-url", url)?, None),
            None => (manifests_url(elasticsearch)?, elasticsearch),
        };
        let insecure = self.elasticsearch_insecure || elasticsearch.is_some_and(|its| its.insecure);
        if url.is_plain() && !insecure {
            return Err(SettingsError::Contradiction(format!(
                "{url} is not encrypted: use https, or, in a laboratory, give --elasticsearch-insecure"
            )));
        }
        let ca = readable("--elasticsearch-ca", self.elasticsearch_ca.as_ref())?;
        if url.is_plain() && ca.is_some() {
            return Err(SettingsError::Contradiction(format!(
                "{url} is not encrypted, so --elasticsearch-ca has nothing to check: use https, or remove it"
            )));
        }
        if ca.is_none() && !url.is_plain() && elasticsearch.is_some_and(|its| its.ca_secret_ref.is_some()) {
            return Err(unresolved(
                "the manifest's spec.elasticsearch.caSecretRef names a Secret, which the operator reads: outside of a cluster give --elasticsearch-ca",
            ));
        }
        Ok(ElasticsearchConnection {
            url: url.to_string(),
            ca: ca.map(Pem::from),
            authentication: self.authentication(elasticsearch)?,
        })
    }

    /// The index of anomalies.
    ///
    /// # Errors
    ///
    /// Neither it nor a manifest is given.
    pub fn index(&self, manifest: Option<&Settings>) -> Result<String, SettingsError> {
        or_derived("--index", self.index.as_ref(), manifest, Names::index)
    }

    /// The alias that the index is written through and read by. Whoever writes requires it, so an index that is missing is never made
    /// by writing.
    ///
    /// # Errors
    ///
    /// Neither it nor a manifest is given.
    pub fn alias(&self, manifest: Option<&Settings>) -> Result<String, SettingsError> {
        or_derived("--alias", self.alias.as_ref(), manifest, Names::alias)
    }

    /// Refuses flags that exclude each other.
    fn check(&self) -> Result<(), SettingsError> {
        let key_file = self.elasticsearch_api_key_file.is_some();
        let key = key_file || self.elasticsearch_api_key.is_some();
        let password_file = self.elasticsearch_password_file.is_some();
        let password = password_file || self.elasticsearch_password.is_some();
        let user = self.elasticsearch_username.is_some();
        exclude(&[
            (
                self.elasticsearch_insecure,
                self.elasticsearch_ca.is_some(),
                "--elasticsearch-insecure is for a URL without encryption, so --elasticsearch-ca has nothing to check: remove one of them",
            ),
            (
                key,
                user || password,
                "an API key and a user name with its password are two ways to authenticate: keep --elasticsearch-api-key-file (or BPMONITOR_ELASTICSEARCH_API_KEY), or --elasticsearch-username with its password",
            ),
            (
                user,
                !password,
                "--elasticsearch-username needs a password: give --elasticsearch-password-file, or BPMONITOR_ELASTICSEARCH_PASSWORD in the environment",
            ),
            (
                !user,
                password,
                "a password for Elasticsearch needs a user name: give --elasticsearch-username, or remove --elasticsearch-password-file and BPMONITOR_ELASTICSEARCH_PASSWORD",
            ),
        ])
    }

    fn authentication(&self, manifest: Option<&Elasticsearch>) -> Result<Authentication, SettingsError> {
        let (file, value) = (self.elasticsearch_api_key_file.as_ref(), self.elasticsearch_api_key.as_ref());
        if let Some(key) = secret("--elasticsearch-api-key-file", file, value)? {
            return Ok(Authentication::ApiKey(key));
        }
        let (file, value) = (self.elasticsearch_password_file.as_ref(), self.elasticsearch_password.as_ref());
        let password = secret("--elasticsearch-password-file", file, value)?;
        if let (Some(username), Some(password)) = (self.elasticsearch_username.clone(), password) {
            return Ok(Authentication::Password { username, password });
        }
        if manifest.is_some_and(|elasticsearch| elasticsearch.auth.is_some()) {
            return Err(unresolved(
                "the manifest's spec.elasticsearch.auth.secretRef names a Secret, which the operator reads: outside of a cluster give --elasticsearch-api-key-file, or --elasticsearch-username and --elasticsearch-password-file",
            ));
        }
        Ok(Authentication::None)
    }
}

fn manifests_url(elasticsearch: Option<&Elasticsearch>) -> Result<HttpUrl, SettingsError> {
    match elasticsearch.map(Elasticsearch::access) {
        Some(ElasticsearchAccess::Url(url)) => http_url("the manifest's spec.elasticsearch.url", url),
        Some(ElasticsearchAccess::Cluster(cluster)) => Err(unresolved(format!(
            "the manifest's Elasticsearch is the cluster {}, which the operator resolves: outside of a cluster give --elasticsearch-url",
            cluster.name
        ))),
        None => Err(missing(
            "no Elasticsearch is given: give --elasticsearch-url, or a manifest with spec.elasticsearch.url",
        )),
    }
}

/// An index's name as Elasticsearch allows it.
fn index_name(text: &str) -> Result<String, String> {
    const FORBIDDEN: &str = "\\/*?\"<>|,#: ";
    let is_forbidden =
        |letter: char| letter.is_uppercase() || letter.is_control() || FORBIDDEN.contains(letter);
    let is_name = (1..=255).contains(&text.len())
        && !text.contains(is_forbidden)
        && !text.starts_with(['-', '_', '+'])
        && text != "."
        && text != "..";
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        format!(
            "must be 1 to 255 bytes without capitals, spaces and any of {}, and not begin with -, _ or +",
            FORBIDDEN.trim_end()
        )
    })
}
