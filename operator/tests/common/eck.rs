//! Stands in for ECK, whose operator needs a node for its pods: the resource's Secrets and status as ECK writes them, over the lab's real
//! Elasticsearch, which answers under the name of ECK's Service to the operator alone.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bpmonitor_operator::eck::Elasticsearch;
use bpmonitor_test_support::lab::{self, SecureElasticsearch};
use kube::api::{Patch, PatchParams};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Ward;
use super::replica::Replica;

/// The name of the resource.
const NAME: &str = "bp-elasticsearch";
/// Where ECK's Service listens.
const PORT: u16 = 9200;

/// An Elasticsearch as ECK would have made it. Ends when dropped.
pub(crate) struct Eck {
    /// Its certificate authority, in PEM.
    pub(crate) ca: String,
    pub(crate) password: String,
    hosts: TempDir,
    relay: JoinHandle<()>,
}

impl Drop for Eck {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

impl Eck {
    /// Makes the resource, with nothing that ECK adds to it yet.
    pub(crate) async fn begin(ward: &Ward) -> Self {
        ward.apply(json!({
            "apiVersion": "elasticsearch.k8s.elastic.co/v1", "kind": "Elasticsearch", "metadata": {"name": NAME},
            "spec": {"version": "8.19.13", "nodeSets": [{"name": "default", "count": 1}]},
        }))
        .await;
        let upstream = lab::elasticsearch_secure();
        let service = format!("{NAME}-es-http.{}.svc", ward.namespace);
        let (ca, config) = certified(&service);
        let address = SocketAddr::from((address_of(&ward.namespace), PORT));
        let listener = TcpListener::bind(address).await.unwrap();
        let hosts = tempfile::tempdir().unwrap();
        let lines = format!("127.0.0.1 localhost\n{} {service}\n", address.ip());
        fs::write(hosts.path().join("hosts"), lines).unwrap();
        let password = upstream.password.clone();
        let relay = tokio::spawn(relay(listener, config, upstream));
        Self { ca, password, hosts, relay }
    }

    /// Starts an operator that knows the Service by its name, as pods do.
    pub(crate) fn operator(&self, ward: &Ward, kubeconfig: &str) -> Replica {
        let hosts = self.hosts.path().join("hosts");
        let operator = Path::new(env!("CARGO_BIN_EXE_bpmonitor-operator"));
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]);
        command.arg(hosts).arg(operator).args(["--namespaces", &ward.namespace]);
        Replica::spawn(ward, kubeconfig, command, &["--no-leader-election"])
    }

    /// Writes the Secrets: the CA, and the user with this password.
    pub(crate) async fn say_secrets(&self, ward: &Ward, password: &str) {
        let secret = |name: String, data| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
        let certificates = json!({"ca.crt": self.ca, "tls.crt": self.ca});
        ward.apply(secret(format!("{NAME}-es-http-certs-public"), certificates)).await;
        ward.apply(secret(format!("{NAME}-es-elastic-user"), json!({"elastic": password}))).await;
    }

    /// Says how it is: `green`, `yellow`, `red` or `unknown`.
    pub(crate) async fn say_health(ward: &Ward, health: &str) {
        let api = ward.api::<Elasticsearch>();
        let generation = api.get(NAME).await.unwrap().metadata.generation;
        let status = json!({"status": {
            "health": health, "phase": "Ready", "version": "8.19.13", "availableNodes": 1, "observedGeneration": generation,
        }});
        api.patch_status(NAME, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    }
}

/// An address of this machine that no other test has.
fn address_of(namespace: &str) -> Ipv4Addr {
    let sum = namespace.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let [_, b, c, d] = sum.to_be_bytes();
    Ipv4Addr::new(127, b | 1, c, d.clamp(1, 254))
}

/// A certificate authority of its own, in PEM, and what a server of this name answers with.
fn certified(name: &str) -> (String, ServerConfig) {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "elasticsearch-http");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    (ca, config.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap())
}

/// Passes everything on to the lab's Elasticsearch.
async fn relay(listener: TcpListener, config: ServerConfig, upstream: SecureElasticsearch) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&upstream.ca).unwrap()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(client));
    let address = upstream.url.strip_prefix("https://").unwrap().trim_end_matches('/').to_owned();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, connector, address) = (acceptor.clone(), connector.clone(), address.clone());
        tokio::spawn(async move {
            let mut from = acceptor.accept(stream).await?;
            let upstream = TcpStream::connect(&address).await?;
            let name = ServerName::try_from("127.0.0.1").map_err(std::io::Error::other)?;
            let mut to = connector.connect(name, upstream).await?;
            tokio::io::copy_bidirectional(&mut from, &mut to).await
        });
    }
}
