//! Image reference → verified layers in a store → a root file system.
pub mod config;
pub use config::ImageConfig;
