//! Real servers, images and machines for the tests.
//!
//! Everything here panics when it cannot do its work: in a test that is the report. What is started ends with the value that stands
//! for it, or with the test's process, whichever comes first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "part of the tests")]

mod boot;
mod console;
mod disk;
mod drive;
mod farm;
mod faults;
mod image;
mod layer;
mod podman;
mod push;
mod registry;
mod s3;
mod server;
mod share;
mod slots;
mod smb;
mod tls;
mod web;

pub use b2c::cpio::Entry;
pub use b2c::vm::Network;
pub use boot::{Boot, dist};
pub use console::{Outcome, Vm};
pub use disk::Disk;
pub use drive::{Drive, Losses, WriteCache};
pub use farm::Farm;
pub use faults::{Fault, Faults, Request, Tokens};
pub use image::{Format, Image, Pushed, push_index};
pub use layer::{Compression, Layer};
pub use podman::PodmanStore;
pub use registry::{Registry, RegistryOptions};
pub use s3::{Garage, S3s};
pub use share::{NbdProgram, NbdServer, NfsServer, VirtioFs};
pub use smb::SmbServer;
pub use tls::{Authority, Certificate};
pub use web::{Proxy, WebServer};
