//! What is run, and where.

use super::BuildError;
use crate::flags::{RunRequest, clean_path};
use image::ImageConfig;
use std::path::{Path, PathBuf};

/// Entrypoint and command; the user's own entrypoint makes the image's command meaningless, so that goes with it.
pub(super) fn args(request: &RunRequest, image: &ImageConfig) -> Result<Vec<String>, BuildError> {
    let entrypoint = request.entrypoint.as_ref().unwrap_or(&image.entrypoint);
    let command = match (&request.command[..], &request.entrypoint) {
        ([], None) => &image.cmd[..],
        (command, _) => command,
    };
    let args: Vec<String> = entrypoint.iter().chain(command).cloned().collect();
    if args.is_empty() { Err(BuildError::NoCommand(request.image.clone())) } else { Ok(args) }
}

/// The user's, the image's, or `/`.
pub(super) fn cwd(request: &RunRequest, image: &ImageConfig) -> PathBuf {
    let path = request.workdir.as_deref().unwrap_or(Path::new(&image.working_dir));
    clean_path(&Path::new("/").join(path))
}
