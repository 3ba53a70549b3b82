//! The result of a boot as one JSON document: what it holds (docs/report.md, docs/report.schema.json), how it is written, and how it is found again.
//!
//! `init` writes it, `b2c report` reads it. A reader passes over what it does not know: fields are added, and never change their meaning, as long as
//! [`SCHEMA`] stays.
#![forbid(unsafe_code)]

mod document;
#[cfg(feature = "read")]
mod find;
mod write;

pub use document::{
    Container, Document, Kind, LeftOut, Machine, Message, Millis, ShutdownMode, Stage, Transfer,
};
#[cfg(feature = "read")]
pub use find::{Error, find};
pub use write::{MARK, cut, to_json};

/// The version of the document's form.
pub const SCHEMA: u32 = 1;
