//! The desk tool's parts, as a library for the tests.

#[cfg(feature = "check")]
pub mod check;
pub mod cpio;
pub mod initramfs;
#[cfg(feature = "report")]
pub mod report;
pub mod vm;
