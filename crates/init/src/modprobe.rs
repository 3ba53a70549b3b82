//! What the kernel calls when it wants a module by itself: a container mounts a file system, adds a kind of link, opens a socket of a rare family.

use modules::Modules;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where kernels expect it (CONFIG_MODPROBE_PATH). A program that another archive of the initrd brought there is used instead.
pub const PATH: &str = "/sbin/modprobe";

/// Where modules and firmware are in a root file system.
pub const LIBRARIES: [&str; 2] = ["lib", "usr/lib"];

/// What `b2c.modules` fetched: a folder each, with its root file system in `merged`. Then also [`own_root`] is there.
pub const FETCHED: &str = "/run/drivers";
const MERGED: &str = "merged";

/// The modules of the running kernel.
pub fn modules() -> Result<Modules, modules::Error> {
    Modules::open(&paths(&roots()), &release())
}

/// Finds the modules again, when more were fetched.
pub fn reopen(modules: &Modules) -> Result<(), modules::Error> {
    modules.reopen(&paths(&roots()), &release())
}

/// Of the running kernel.
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// The initramfs' own libraries, once something is mounted over them.
pub fn own_root() -> PathBuf {
    // Behind the numbers of what was fetched.
    Path::new(FETCHED).join("own").join(MERGED)
}

/// The folders of that kind (`modules`, `firmware`) below a root file system, each once. A link that leads out of it is not followed.
pub fn folders(root: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = LIBRARIES
        .iter()
        .filter_map(|library| root.join(library).join(kind).canonicalize().ok())
        .filter(|folder| folder.starts_with(root) && folder.is_dir())
        .collect();
    found.dedup();
    found
}

/// All folders of that kind: those that were fetched, and then the initramfs' own.
pub fn all_folders(kind: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FETCHED).into_iter().flatten().flatten();
    let mut roots: Vec<_> = entries.map(|entry| entry.path().join(MERGED)).collect();
    roots.sort_unstable();
    roots.iter().flat_map(|root| folders(root, kind)).collect()
}

/// Where archives of the initrd bring modules, unless some were fetched.
fn roots() -> Vec<PathBuf> {
    let fetched = all_folders("modules");
    if fetched.is_empty() {
        LIBRARIES.map(|library| Path::new("/").join(library).join("modules")).to_vec()
    } else {
        fetched
    }
}

fn paths(roots: &[PathBuf]) -> Vec<&Path> {
    roots.iter().map(PathBuf::as_path).collect()
}

/// Where [`run`] finds the parameters that are not on the kernel's command line.
const PARAMS: &str = "/run/b2c/module-params";

/// Keeps parameters for when the kernel wants a module by itself: one a line, as module and `param=value`.
pub fn remember(params: &[(String, String)]) {
    // A line end can only stand in a value that no module takes.
    let lines = params.iter().filter(|(_, param)| !param.contains('\n'));
    let text: String = lines.map(|(module, param)| format!("{module} {param}\n")).collect();
    let written = std::fs::create_dir_all("/run/b2c").and_then(|()| std::fs::write(PARAMS, text));
    if let Err(error) = written {
        log::warn!(
            "Modules that the kernel wants by itself get no parameters of the extra arguments: {error}"
        );
    }
}

fn remembered() -> Option<Vec<(String, String)>> {
    let text = std::fs::read_to_string(PARAMS).ok()?;
    let pair = |line: &str| line.split_once(' ').map(|(module, param)| (module.to_owned(), param.to_owned()));
    Some(text.lines().filter_map(pair).collect())
}

fn of_command_line() -> Vec<(String, String)> {
    // The kernel calls us with an empty environment, but /proc is there since before the first container.
    let text = std::fs::read("/proc/cmdline").unwrap_or_default();
    options::parse(&[&String::from_utf8_lossy(&text)]).options.module_params
}

/// `modprobe -q -- NAME`, as the kernel calls it. Nobody reads what it says: the exit code is the answer.
pub fn run() -> ExitCode {
    let Some(name) = std::env::args().skip(1).find(|word| !word.starts_with('-')) else {
        return ExitCode::FAILURE;
    };
    let params = remembered().unwrap_or_else(of_command_line);
    match modules().and_then(|modules| modules.with_params(&params).load(&name)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
