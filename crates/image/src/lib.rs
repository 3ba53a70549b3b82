//! Image reference → verified layers in a store → a root file system.
//!
//! All that comes from a registry is hostile until its digest was checked, and its content stays hostile after that: sizes are
//! bounded, names are checked, and unpacking a layer cannot reach outside the layer's own folder.

pub mod additional;
mod ahead;
pub mod archive;
pub mod compression;
pub mod config;
pub mod digest;
pub mod fitness;
mod layers;
pub mod manifest;
pub mod overlay;
pub mod platform;
pub mod progress;
pub mod pull;
pub mod reference;
pub mod registry;
pub mod store;
pub mod unpack;

pub use additional::{AdditionalStore, find_or_pull};
pub use config::ImageConfig;
pub use digest::Digest;
pub use layers::LayerError;
pub use overlay::RootFs;
pub use platform::Platform;
pub use pull::{Fetched, Image, Policy, PullError, PullOptions, pull};
pub use reference::Reference;
pub use registry::{Credentials, Keyring, Mirror};
pub use store::Store;
