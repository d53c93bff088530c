//! A record of Kafka as a message of the pipeline.

use std::sync::Arc;

use jiff::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use super::LetterHeaders;
use crate::{Extent, Message, Origin};

/// A record as a message.
pub fn message(record: &BorrowedMessage<'_>, topic: &Arc<str>) -> Message {
    Message {
        origin: Origin {
            topic: Arc::clone(topic),
            partition: record.partition(),
            offset: u64::try_from(record.offset()).unwrap_or_default(),
            line: 0,
        },
        time: originally_written_at(record),
        bytes: record.payload().unwrap_or_default().to_vec(),
        extent: Extent::Whole,
        entry: None,
    }
}

/// When a record's content was written first: where it is published again, its header says so, for Kafka soon removes records whose own
/// time is past the topic's retention.
fn originally_written_at(record: &BorrowedMessage<'_>) -> Timestamp {
    let said = header(record, LetterHeaders::TIME).and_then(|time| time.parse().ok());
    said.unwrap_or_else(|| written_at(record))
}

/// What a header says, where it is there and text.
pub fn header<'r>(record: &'r BorrowedMessage<'_>, name: &str) -> Option<&'r str> {
    let header = record.headers()?.iter().find(|header| header.key == name)?;
    std::str::from_utf8(header.value?).ok()
}

/// When a record was written.
pub fn written_at(record: &BorrowedMessage<'_>) -> Timestamp {
    let time = record.timestamp().to_millis().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.unwrap_or(Timestamp::UNIX_EPOCH)
}
