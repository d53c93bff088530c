//! How Kafka is reached: flags, environment, manifest.

use std::path::PathBuf;

use bpmonitor_crds::{Kafka, KafkaAccess, KafkaMechanism as ManifestMechanism};
use bpmonitor_pipeline::cluster::kafka::{Authentication, KafkaConnection, Mechanism, Transport};
use bpmonitor_pipeline::cluster::{Pem, SecretSource};
use clap::{Args, ValueEnum};

use crate::SettingsError;
use crate::given::{exclude, missing, readable, secret, secret_in, unresolved};
use crate::manifest::Settings;

/// How Kafka is reached. TLS is the default.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// The servers to begin with, several separated by commas; the manifest's spec.kafka.bootstrapServers unless given
    #[arg(long, value_name = "HOST:PORT,...", env = "BPMONITOR_KAFKA_BOOTSTRAP_SERVERS", value_parser = servers)]
    pub bootstrap_servers: Option<String>,
    /// The certificate authorities to trust, in PEM; the system's unless given
    #[arg(long, value_name = "FILE", env = "BPMONITOR_KAFKA_CA")]
    pub kafka_ca: Option<PathBuf>,
    /// A client certificate to authenticate with, in PEM
    #[arg(long, value_name = "FILE", env = "BPMONITOR_KAFKA_CERTIFICATE")]
    pub kafka_certificate: Option<PathBuf>,
    /// The client certificate's private key, in PEM
    #[arg(long, value_name = "FILE", env = "BPMONITOR_KAFKA_KEY")]
    pub kafka_key: Option<PathBuf>,
    /// How a password is proven; SCRAM-SHA-512 unless given here or in the manifest
    #[arg(long, value_name = "MECHANISM", env = "BPMONITOR_KAFKA_MECHANISM", ignore_case = true)]
    pub kafka_mechanism: Option<KafkaMechanism>,
    /// A user name to authenticate with
    #[arg(long, value_name = "NAME", env = "BPMONITOR_KAFKA_USERNAME")]
    pub kafka_username: Option<String>,
    /// The user's password, in a file; or the password itself in the environment as `BPMONITOR_KAFKA_PASSWORD`
    #[arg(long, value_name = "FILE", env = "BPMONITOR_KAFKA_PASSWORD_FILE")]
    pub kafka_password_file: Option<PathBuf>,
    /// Connect without encryption, for a laboratory only; the manifest's spec.kafka.insecure counts for its own servers
    #[arg(long, env = "BPMONITOR_KAFKA_INSECURE", value_parser = clap::builder::BoolishValueParser::new())]
    pub kafka_insecure: bool,
    /// The password from the environment: never a flag, which every user of the machine could read.
    #[arg(skip = secret_in("BPMONITOR_KAFKA_PASSWORD"))]
    pub kafka_password: Option<SecretSource>,
}

/// How a password is proven (SASL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KafkaMechanism {
    /// A salted hash with SHA-512
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
    /// A salted hash with SHA-256
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    /// The password itself
    #[value(name = "PLAIN")]
    Plain,
}

impl From<KafkaMechanism> for Mechanism {
    fn from(mechanism: KafkaMechanism) -> Self {
        match mechanism {
            KafkaMechanism::ScramSha512 => Self::ScramSha512,
            KafkaMechanism::ScramSha256 => Self::ScramSha256,
            KafkaMechanism::Plain => Self::Plain,
        }
    }
}

impl KafkaArgs {
    /// How Kafka is reached. What the manifest says of encryption and authentication counts only for its own servers: another
    /// Kafka is never reached without encryption because of it.
    ///
    /// # Errors
    ///
    /// Servers are given nowhere, a file cannot be read, two settings exclude each other, or the manifest leaves to the operator
    /// what no flag gives.
    pub fn connection(&self, manifest: Option<&Settings>) -> Result<KafkaConnection, SettingsError> {
        self.check()?;
        let kafka = manifest.map(|settings| &settings.resource.spec.kafka);
        let (bootstrap_servers, kafka) = match &self.bootstrap_servers {
            Some(servers) => (servers.clone(), None),
            None => (manifests_servers(kafka)?, kafka),
        };
        let authentication = self.authentication(kafka)?;
        Ok(KafkaConnection { bootstrap_servers, transport: self.transport(kafka)?, authentication })
    }

    /// Refuses flags that exclude each other.
    fn check(&self) -> Result<(), SettingsError> {
        let password = self.kafka_password_file.is_some() || self.kafka_password.is_some();
        let user = self.kafka_username.is_some();
        let (certificate, key) = (self.kafka_certificate.is_some(), self.kafka_key.is_some());
        exclude(&[
            (
                self.kafka_insecure,
                self.kafka_ca.is_some(),
                "--kafka-insecure connects without encryption, so --kafka-ca has nothing to check: remove one of them",
            ),
            (
                self.kafka_insecure,
                certificate || key,
                "--kafka-insecure connects without encryption, and --kafka-certificate needs it: remove one of them",
            ),
            (
                certificate || key,
                user || password,
                "a client certificate and a user name with its password are two ways to authenticate: keep --kafka-certificate with --kafka-key, or --kafka-username with its password",
            ),
            (certificate, !key, "--kafka-certificate needs its private key: give --kafka-key"),
            (key, !certificate, "--kafka-key needs its certificate: give --kafka-certificate"),
            (
                user,
                !password,
                "--kafka-username needs a password: give --kafka-password-file, or BPMONITOR_KAFKA_PASSWORD in the environment",
            ),
            (
                !user,
                password,
                "a password for Kafka needs a user name: give --kafka-username, or remove --kafka-password-file and BPMONITOR_KAFKA_PASSWORD",
            ),
            (
                !user,
                self.kafka_mechanism.is_some(),
                "--kafka-mechanism says how a password is proven, and there is none: give --kafka-username, or remove it",
            ),
        ])
    }

    fn transport(&self, manifest: Option<&Kafka>) -> Result<Transport, SettingsError> {
        let wants_tls = self.kafka_ca.is_some() || self.kafka_certificate.is_some();
        if self.kafka_insecure || (manifest.is_some_and(|kafka| kafka.insecure) && !wants_tls) {
            return Ok(Transport::Insecure);
        }
        let ca = readable("--kafka-ca", self.kafka_ca.as_ref())?;
        let is_secret = |kafka: &Kafka| kafka.tls.as_ref().is_some_and(|tls| tls.ca_secret_ref.is_some());
        if ca.is_none() && manifest.is_some_and(is_secret) {
            return Err(unresolved(
                "the manifest's spec.kafka.tls.caSecretRef names a Secret, which the operator reads: outside of a cluster give --kafka-ca",
            ));
        }
        Ok(Transport::Tls { ca: ca.map(Pem::from) })
    }

    fn authentication(&self, manifest: Option<&Kafka>) -> Result<Authentication, SettingsError> {
        let auth = manifest.and_then(|kafka| kafka.auth.as_ref());
        let certificate = readable("--kafka-certificate", self.kafka_certificate.as_ref())?;
        let key = readable("--kafka-key", self.kafka_key.as_ref())?;
        if let (Some(certificate), Some(key)) = (certificate, key) {
            let (certificate, key) = (certificate.into(), key.into());
            return Ok(Authentication::Certificate { certificate, key });
        }
        let file = self.kafka_password_file.as_ref();
        let password = secret("--kafka-password-file", file, self.kafka_password.as_ref())?;
        if let (Some(username), Some(password)) = (self.kafka_username.clone(), password) {
            let mechanism = auth.and_then(|auth| mechanism_of(auth.mechanism));
            let mechanism = self.kafka_mechanism.map(Mechanism::from).or(mechanism).unwrap_or_default();
            return Ok(Authentication::Password { mechanism, username, password });
        }
        match auth.map(|auth| auth.mechanism) {
            None => Ok(Authentication::None),
            Some(ManifestMechanism::Tls) => Err(unresolved(
                "the manifest's spec.kafka.auth.secretRef names a Secret, which the operator reads: outside of a cluster give --kafka-certificate and --kafka-key",
            )),
            Some(_) => Err(unresolved(
                "the manifest's spec.kafka.auth.secretRef names a Secret, which the operator reads: outside of a cluster give --kafka-username and --kafka-password-file",
            )),
        }
    }
}

fn manifests_servers(kafka: Option<&Kafka>) -> Result<String, SettingsError> {
    match kafka.map(Kafka::access) {
        Some(KafkaAccess::BootstrapServers(servers)) => Ok(servers.to_owned()),
        Some(KafkaAccess::Cluster(cluster)) => Err(unresolved(format!(
            "the manifest's Kafka is the cluster {}, which the operator resolves: outside of a cluster give --bootstrap-servers HOST:PORT",
            cluster.name
        ))),
        None => Err(missing(
            "no Kafka is given: give --bootstrap-servers HOST:PORT, or a manifest with spec.kafka.bootstrapServers",
        )),
    }
}

const fn mechanism_of(mechanism: ManifestMechanism) -> Option<Mechanism> {
    match mechanism {
        ManifestMechanism::ScramSha512 => Some(Mechanism::ScramSha512),
        ManifestMechanism::ScramSha256 => Some(Mechanism::ScramSha256),
        ManifestMechanism::Plain => Some(Mechanism::Plain),
        ManifestMechanism::Tls => None,
    }
}

/// Servers as the manifest's rule has them.
fn servers(text: &str) -> Result<String, String> {
    if text.split(',').all(is_server) {
        return Ok(text.to_owned());
    }
    Err("must be host:port, several separated by commas without spaces, as in kafka-0:9092,kafka-1:9092"
        .to_owned())
}

fn is_server(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
    };
    is_port && is_host
}
