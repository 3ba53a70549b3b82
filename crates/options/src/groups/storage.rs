//! Where data is kept: the cache, swap, file systems and what they are on.

mod cache;
mod filesystem;
mod nbd;
mod swap;

pub use cache::{Budget, Cache, CacheDevice, ImageStores};
pub use filesystem::Filesystem;
pub use nbd::Nbd;
pub use swap::{Swap, SwapSpace};

use crate::table::Group;

/// The options of this group.
pub static GROUP: Group = Group {
    title: "Storage",
    options: &[&cache::CACHE_DEVICE, &swap::SWAP, &filesystem::FILESYSTEM, &nbd::NBD, &cache::STORAGE],
};
