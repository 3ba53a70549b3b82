//! What every boot needs: an image in a registry, and its name as the machine sees it.

use harness::{Boot, Image, Registry};
use std::sync::OnceLock;

/// Flags that let a container run from the tests' plain http registry.
pub const HTTP: &str = "--tls-verify=false";

/// busybox in the shared registry.
pub fn busybox() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| push(&Image::busybox(), "busybox:latest"))
}

/// Pushes an image to the shared registry; gives its name for the machine.
pub fn push(image: &Image, name: &str) -> String {
    image.push(Registry::shared(), name);
    format!("{}/{name}", Registry::shared().guest_address())
}

/// `b2c.run="FLAGS busybox COMMAND"`
pub fn run(flags: &str, command: &str) -> String {
    option("b2c.run", flags, command)
}

/// `OPTION="FLAGS busybox COMMAND"`
pub fn option(name: &str, flags: &str, command: &str) -> String {
    b2c::vm::option(name, &format!("{HTTP} {flags} {} {command}", busybox()))
}

/// Boots with a pipeline of one busybox step.
pub fn boot(flags: &str, command: &str) -> Boot {
    Boot::new(&run(flags, command))
}
