//! Named volumes and the S3 endpoints they are mirrored with.

mod expiration;
mod minio;
mod volume;

pub use expiration::Expiration;
pub use minio::S3Alias;
pub use volume::{Conditions, Remote, Volume};

use crate::table::Group;

/// The options of this group.
pub static GROUP: Group = Group { title: "Volumes", options: &[&volume::VOLUME, &minio::MINIO] };
