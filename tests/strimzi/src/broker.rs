//! Connections to the broker, spoken to in Kafka's own protocol: what librdkafka's bindings lack (rights, SCRAM), and quickly.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// How many milliseconds the broker may take to do what it is asked for.
pub(crate) const BROKER_LIMIT: i32 = 10_000;

/// The one broker, in plain text, where whoever comes may do all.
#[derive(Debug)]
pub struct Broker {
    address: String,
    /// Those that nobody uses: the broker takes its time for each change, so many are asked for at once.
    idle: Mutex<Vec<TcpStream>>,
}

/// What the broker refuses: the name of Kafka's exception, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("org.apache.kafka.common.errors.{exception}: {message}")]
pub struct Refused {
    /// As in `InvalidConfigurationException`.
    pub exception: String,
    /// A sentence.
    pub message: String,
}

impl Broker {
    /// At `host:port`, which need not be there yet.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), idle: Mutex::default() }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask<R: Request>(&self, version: i16, request: R) -> Result<R::Response> {
        let idle = self.idle().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => TcpStream::connect(&self.address).await.context("connecting to Kafka")?,
        };
        let answered = timeout(REQUEST_LIMIT, converse(&mut stream, version, request)).await;
        let answered = answered.context("Kafka does not answer").flatten();
        // One that failed is not used again, and the others are not likely to be any better.
        let answer = answered.inspect_err(|_| self.idle().clear())?;
        self.idle().push(stream);
        Ok(answer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn converse<R: Request>(stream: &mut TcpStream, version: i16, request: R) -> Result<R::Response> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("strimzi-stand-in")));
    let mut message = BytesMut::new();
    encode_request_header_into_buffer(&mut message, &header)?;
    request.encode(&mut message, version)?;
    stream.write_i32(i32::try_from(message.len())?).await?;
    stream.write_all(&message).await?;
    stream.flush().await?;
    let length = usize::try_from(stream.read_i32().await?)?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, R::Response::header_version(version))?;
    R::Response::decode(&mut answer, version)
}

/// Fails where the broker says so.
pub(crate) fn check(code: i16, message: Option<&StrBytes>) -> Result<()> {
    let Some(error) = ResponseError::try_from_code(code) else { return Ok(()) };
    let message = message.map_or_else(|| error.to_string(), ToString::to_string);
    bail!(Refused { exception: exception(error), message })
}

/// The name of the exception that Kafka's own clients, and so Strimzi, give an error.
fn exception(error: ResponseError) -> String {
    match error {
        ResponseError::InvalidConfig => "InvalidConfigurationException".to_owned(),
        ResponseError::InvalidTopicException => "InvalidTopicException".to_owned(),
        other => format!("{other:?}Exception"),
    }
}
