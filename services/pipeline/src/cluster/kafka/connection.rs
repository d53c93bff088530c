//! How Kafka is reached: servers, encryption, authentication.

use rdkafka::ClientConfig;

use crate::cluster::{Pem, SecretError, SecretSource};

/// How Kafka is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaConnection {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// Whether what is sent is encrypted.
    pub transport: Transport,
    /// As whom.
    pub authentication: Authentication,
}

/// Whether what is sent is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// It is not: for a laboratory only.
    Insecure,
    /// TLS.
    Tls {
        /// The certificate authorities to trust, in PEM; the system's where none is given.
        ca: Option<Pem>,
    },
}

/// As whom a client comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// As nobody.
    None,
    /// With a client certificate.
    Certificate {
        /// In PEM.
        certificate: Pem,
        /// Its private key, in PEM.
        key: Pem,
    },
    /// With a user name and a password.
    Password {
        /// How they are proven.
        mechanism: Mechanism,
        /// The user name.
        username: String,
        /// The password.
        password: SecretSource,
    },
}

/// How a password is proven (SASL).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mechanism {
    /// A salted hash (RFC 5802) with SHA-512.
    #[default]
    ScramSha512,
    /// A salted hash (RFC 5802) with SHA-256.
    ScramSha256,
    /// The password itself.
    Plain,
}

impl Mechanism {
    const fn name(self) -> &'static str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }
}

impl KafkaConnection {
    /// A client's settings: servers, encryption, authentication, and `client_id`, under which brokers log it.
    ///
    /// # Errors
    ///
    /// The password cannot be read.
    pub fn config(&self, client_id: &str) -> Result<ClientConfig, SecretError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers).set("client.id", client_id);
        // Reconnecting as soon as a broker is back matters more than sparing it: a monitor has few clients.
        config.set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "2000");
        // Where a broker's pod has moved, its old address swallows what is sent there: the name is looked up again after this.
        config.set("socket.connection.setup.timeout.ms", "5000");
        config.set("security.protocol", self.protocol());
        if let Transport::Tls { ca: Some(ca) } = &self.transport {
            set(&mut config, "ssl.ca", ca);
        }
        match &self.authentication {
            Authentication::None => {}
            Authentication::Certificate { certificate, key } => {
                set(&mut config, "ssl.certificate", certificate);
                set(&mut config, "ssl.key", key);
            }
            Authentication::Password { mechanism, username, password } => {
                config.set("sasl.mechanisms", mechanism.name()).set("sasl.username", username);
                config.set("sasl.password", password.read()?);
            }
        }
        Ok(config)
    }

    const fn protocol(&self) -> &'static str {
        match (&self.transport, &self.authentication) {
            (Transport::Insecure, Authentication::Password { .. }) => "sasl_plaintext",
            (Transport::Insecure, _) => "plaintext",
            (Transport::Tls { .. }, Authentication::Password { .. }) => "sasl_ssl",
            (Transport::Tls { .. }, _) => "ssl",
        }
    }
}

fn set(config: &mut ClientConfig, what: &str, pem: &Pem) {
    match pem {
        Pem::File(path) => config.set(format!("{what}.location"), path.to_string_lossy()),
        Pem::Text(text) => config.set(format!("{what}.pem"), text),
    };
}
