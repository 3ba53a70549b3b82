//! The lines that a person reads: one for each way in which a text can be wrong, and what becomes of the option then.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod containers;
mod modules;
mod network;
mod secrets;
mod storage;
mod support;
mod values;
mod volumes;
mod words;
