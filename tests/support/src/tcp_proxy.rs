//! A TCP proxy that refuses, cuts and stalls.
//!
//! Clients of Kafka go on from the first address to those that the broker names: for them the broker must name the proxy's.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use crate::gate::Gate;

/// A proxy in front of a TCP server. Ends when dropped.
#[derive(Debug)]
pub struct TcpProxy {
    gate: Gate,
    is_flowing: watch::Sender<bool>,
}

impl TcpProxy {
    /// A proxy on a free port of this machine in front of `upstream` (`host:port`), which need not be there yet.
    pub fn start(upstream: &str) -> Self {
        let upstream = upstream.to_owned();
        let (is_flowing, flow) = watch::channel(true);
        let gate = Gate::open(move |client| pass(client, upstream.clone(), flow.clone()));
        Self { gate, is_flowing }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.gate.address()
    }

    /// Refuses new connections, and cuts those there are.
    pub fn refuse(&self) {
        self.gate.close();
    }

    /// Takes connections again.
    pub fn accept(&self) {
        self.gate.reopen();
    }

    /// Cuts the connections that there are.
    pub fn cut(&self) {
        self.gate.cut();
    }

    /// Lets nothing through any more, and keeps connections.
    pub fn stall(&self) {
        self.is_flowing.send_replace(false);
    }

    /// Lets through again, also what was held back.
    pub fn flow(&self) {
        self.is_flowing.send_replace(true);
    }
}

async fn pass(client: TcpStream, upstream: String, flow: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(&upstream).await else { return };
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(copy(from_client, to_server, flow.clone()), copy(from_server, to_client, flow));
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flow: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let Ok(_) = flow.wait_for(|is_flowing| *is_flowing).await else { return };
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
