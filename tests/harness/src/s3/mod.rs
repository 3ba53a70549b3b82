//! S3 servers that tools/setup has built.

mod garage;
mod s3s;

use std::path::PathBuf;

pub use garage::Garage;
pub use s3s::S3s;

/// Where tools/setup has put a server.
fn program(name: &str, version: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let program = cache.join(format!("boot2container/{name}-{version}/bin/{name}"));
    assert!(program.exists(), "{} is missing; run tools/setup test", program.display());
    program
}
