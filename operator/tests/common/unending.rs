//! A request to the API server that never ends: what it has begun with is all that comes.

use std::sync::Arc;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Patches Deployments of a namespace, one after the other, each for as long as the API server waits for the rest of it.
pub(crate) async fn patch(kubeconfig: String, token: String, namespace: String) {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let mut roots = RootCertStore::empty();
    for certificate in config.root_cert.unwrap() {
        roots.add(CertificateDer::from(certificate)).unwrap();
    }
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(client));
    let (host, port) =
        (config.cluster_url.host().unwrap().to_owned(), config.cluster_url.port_u16().unwrap());
    let head = format!(
        "PATCH /apis/apps/v1/namespaces/{namespace}/deployments/unending HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/merge-patch+json\r\nContent-Length: 100\r\n\r\n{{"
    );
    loop {
        let stream = TcpStream::connect((host.as_str(), port)).await.unwrap();
        let name = ServerName::try_from(host.clone()).unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // Until the API server gives it up.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    }
}
