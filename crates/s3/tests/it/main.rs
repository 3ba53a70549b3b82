//! Objects against real stores.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod round_trips;
mod store;
