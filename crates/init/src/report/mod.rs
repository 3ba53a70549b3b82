//! The report: what a boot does is kept while it does it, and sent where `b2c.report` says when its status is known. What is in it: docs/report.md.

pub mod debug_exit;
mod deliver;
mod file;
mod http;
mod recorder;
mod virtio;

pub use deliver::deliver;
pub use recorder::{Record, begin_stage, container, end_stage, error, line, now, options, transfer};
