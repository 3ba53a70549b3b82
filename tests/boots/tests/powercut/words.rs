//! Words of kernel command lines.

use harness::{Image, Registry};
use std::sync::OnceLock;

/// Pushes an image to the shared registry; gives its name for a machine.
pub fn push(image: &Image, name: &str) -> String {
    image.push(Registry::shared(), name);
    format!("{}/{name}", Registry::shared().guest_address())
}

/// busybox in the shared registry.
pub fn busybox() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| push(&Image::busybox(), "busybox:latest"))
}

/// `b2c.run=` that image with that shell command.
pub fn run(flags: &str, image: &str, command: &str) -> String {
    b2c::vm::option("b2c.run", &format!("--tls-verify=false {flags} {image} sh -c '{command}'"))
}
