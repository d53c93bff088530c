//! Files as a source: read from where they were left, to the end or following them.

mod chunks;
mod named;
mod open;
mod position;
mod source;

pub use chunks::{Chunks, Filled, PassedOver};
pub use named::{NamedFileError, resolve};
pub use open::Input;
pub use position::{FilePosition, Fingerprint};
pub use source::{Feed, FileSource, NoFeed};
