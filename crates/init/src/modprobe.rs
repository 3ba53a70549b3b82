//! What the kernel calls when it wants a module by itself: a container mounts a file system, adds a kind of link, opens a socket of a rare family.

use modules::Modules;
use std::path::Path;
use std::process::ExitCode;

/// Where kernels expect it (CONFIG_MODPROBE_PATH). A program that another archive of the initrd brought there is used instead.
pub const PATH: &str = "/sbin/modprobe";

/// Where archives of the initrd bring modules.
pub const ROOTS: [&str; 2] = ["/lib/modules", "/usr/lib/modules"];

/// The modules of the running kernel, with the parameters that the command line has for them.
pub fn modules(params: &[(String, String)]) -> Result<Modules, modules::Error> {
    let uname = rustix::system::uname();
    Modules::open(&ROOTS.map(Path::new), &uname.release().to_string_lossy(), params)
}

/// `modprobe -q -- NAME`, as the kernel calls it. Nobody reads what it says: the exit code is the answer.
pub fn run() -> ExitCode {
    let Some(name) = std::env::args().skip(1).find(|word| !word.starts_with('-')) else {
        return ExitCode::FAILURE;
    };
    // The kernel calls it with an empty environment, but /proc is there since before the first container.
    let text = std::fs::read("/proc/cmdline").unwrap_or_default();
    let options = options::parse(&[&String::from_utf8_lossy(&text)]).options;
    match modules(&options.module_params).and_then(|modules| modules.load(&name)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
