//! `--device`.

use super::error::Why;
use super::mount::clean_path;
use super::request::RunRequest;
use crate::spec::Device;
use std::path::Path;

/// `SOURCE[:DESTINATION][:PERMISSIONS]`.
pub(super) fn device(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, destination, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, second] if second.starts_with('/') => (source, second, "rwm"),
        [source, permissions] => (source, source, permissions),
        [source, destination, permissions] => (source, destination, permissions),
        _ => return Err("too many colons; write PATH[:PATH][:rwm]".into()),
    };
    if !source.starts_with('/') || !destination.starts_with('/') {
        return Err(
            "write an absolute path, such as /dev/dri; device names of CDI are not supported here".into()
        );
    }
    if permissions.is_empty() || !permissions.bytes().all(|b| matches!(b, b'r' | b'w' | b'm')) {
        return Err("permissions are letters of rwm".into());
    }
    let may = |letter| permissions.contains(letter);
    request.devices.push(Device {
        source: clean_path(Path::new(source)),
        destination: clean_path(Path::new(destination)),
        read: may('r'),
        write: may('w'),
        mknod: may('m'),
    });
    Ok(())
}
