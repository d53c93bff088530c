//! A listening socket on a thread of its own, which can be closed and opened again, and whose connections can be cut.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc as commands, watch};

/// What a gate is told, and whom it tells that it is done.
type Command = (Order, mpsc::Sender<()>);

#[derive(Clone, Copy, Debug)]
enum Order {
    Open,
    Close,
    Cut,
}

/// A listening socket. Ends, with all its connections, when dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    address: SocketAddr,
    commands: Option<commands::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    /// Listens on a free port of this machine, and has `serve` serve each connection.
    pub(crate) fn open<S, F>(serve: S) -> Self
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = commands::unbounded_channel();
        let (tell_address, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await;
                let address = listener.local_addr().expect("a listening socket has an address");
                tell_address.send(address).expect("whoever opens waits for the address");
                keep(listener, address, receiver, serve).await;
            });
        });
        let address = address.recv().expect("the gate's thread says its address");
        Self { address, commands: Some(sender), thread: Some(thread) }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses new connections, and cuts those there are.
    pub(crate) fn close(&self) {
        self.order(Order::Close);
    }

    /// Takes connections again.
    pub(crate) fn reopen(&self) {
        self.order(Order::Open);
    }

    /// Cuts the connections that there are.
    pub(crate) fn cut(&self) {
        self.order(Order::Cut);
    }

    fn order(&self, order: Order) {
        let (done, is_done) = mpsc::channel();
        let sender = self.commands.as_ref().expect("it is there until the gate is dropped");
        sender.send((order, done)).expect("the gate's thread runs");
        is_done.recv().expect("the gate's thread runs");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.commands = None;
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(
            !matches!(ended, Some(Err(_))) || thread::panicking(),
            "the proxy's thread panicked: see above"
        );
    }
}

async fn listen(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.unwrap_or_else(|error| panic!("listening on {address}: {error}"))
}

async fn keep<S, F>(
    listener: TcpListener,
    address: SocketAddr,
    mut commands: commands::UnboundedReceiver<Command>,
    serve: S,
) where
    S: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut listener = Some(listener);
    let (mut alive, _) = watch::channel(());
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some((order, done)) = command else { return };
                match order {
                    Order::Open if listener.is_none() => listener = Some(listen(address).await),
                    Order::Open => {}
                    Order::Close | Order::Cut => {
                        let ended = std::mem::replace(&mut alive, watch::channel(()).0);
                        ended.send_replace(());
                        if matches!(order, Order::Close) {
                            listener = None;
                        }
                        ended.closed().await;
                    }
                }
                // The test may have given up waiting.
                let _ = done.send(());
            }
            accepted = accept(listener.as_ref()) => {
                let mut cut = alive.subscribe();
                let served = serve(accepted);
                tokio::spawn(async move {
                    tokio::select! {
                        _ = cut.changed() => {}
                        () = served => {}
                    }
                });
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    let (stream, _) = listener.accept().await.expect("accepting");
    // Not delayed: the proxy is not to be what a test measures.
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream
}
