//! Folders and buckets of a real store, made equal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod attributes;
mod changing;
mod hostile;
mod many;
mod paths;
mod round_trips;
mod rules;
mod store;
