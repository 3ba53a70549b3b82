//! The machine itself: kernel modules, name, keyboard.

mod modules;

pub use modules::{Fetched, ModuleSource};

use crate::diagnostic::Problem;
use crate::options::Options;
use crate::table::{Group, Mark, OptionSpec};
use crate::values;
use std::time::Duration;

/// A module's name with `-` folded to `_`, and `param=value` or `param`.
pub type ModuleParam = (String, String);

/// The options of this group.
pub static GROUP: Group = Group {
    title: "The machine",
    options: &[&INSMODS, &MODULES_LOAD, &modules::MODULES, &NAME, &KEYMAP, &WATCHDOG],
};

static INSMODS: OptionSpec = OptionSpec {
    name: "b2c.insmods",
    aliases: &[],
    value: "FILE[,FILE…]",
    default: "",
    repeatable: false,
    help: "Kernel module files to load from /usr_mods, in this order, before anything else.",
    doc: "The files come with another cpio archive. Dependencies are not looked up: write them first.",
    example: "b2c.insmods=nbd.ko,e1000e.ko",
    marks: &[],
    update: |value, options, _| {
        for file in value.split(',').filter(|file| !file.is_empty()) {
            if file.text().split('/').any(|part| matches!(part, "" | "." | "..")) {
                return Err(Problem::new(file, "is not a file below /usr_mods")
                    .help("write its name, such as nbd.ko"));
            }
        }
        options.insmods = values::texts(value, ',');
        Ok(())
    },
    refuse: None,
};

static MODULES_LOAD: OptionSpec = OptionSpec {
    name: "modules_load",
    aliases: &[],
    value: "MODULE[,MODULE…]",
    default: "",
    repeatable: true,
    help: "Kernel modules to load by name.",
    doc: "With their dependencies, and with the parameters that `MODULE.PARAM=VALUE` words of the command line give them. Modules that \
the hardware asks for are loaded without being named.",
    example: "modules_load=overlay,vc4 vc4.force_hotplug=1",
    marks: &[],
    update: |value, options, _| {
        options.modules_load.extend(values::texts(value, ','));
        Ok(())
    },
    refuse: None,
};

/// The name of a machine that nobody names.
pub const HOSTNAME: &str = "boot2container";

static NAME: OptionSpec = OptionSpec {
    name: "b2c.hostname",
    aliases: &[],
    value: "NAME",
    default: HOSTNAME,
    repeatable: false,
    help: "The machine's name.",
    doc: "Also the name in containers that share the machine's UTS namespace, and in /etc/hostname. At most 64 characters. Without the \
option, a name that the DHCP server gives is taken before the default.",
    example: "b2c.hostname=dut-1",
    marks: &[Mark::New("A name from the DHCP server.")],
    update: |value, options, _| {
        if value.text().len() > 64 {
            return Err(Problem::new(value, "is longer than the 64 characters that Linux allows"));
        }
        options.hostname = Some(values::name(value)?);
        Ok(())
    },
    refuse: None,
};

static KEYMAP: OptionSpec = OptionSpec {
    name: "b2c.keymap",
    aliases: &[],
    value: "NAME",
    default: "",
    repeatable: false,
    help: "The keyboard layout of the console.",
    doc: "A name from console-data, such as `de`, `fr-latin9` or `dvorak`. The keymaps are in an archive of their own, keymaps.cpio.xz, which is appended to the initramfs. A missing one, or a machine \
without a virtual terminal, is an error line, and the boot goes on.",
    example: "b2c.keymap=de",
    marks: &[],
    update: |value, options, _| {
        options.keymap = Some(values::name(value)?);
        Ok(())
    },
    refuse: None,
};

static WATCHDOG: OptionSpec = OptionSpec {
    name: "b2c.watchdog",
    aliases: &[],
    value: "SECONDS | off",
    default: "60",
    repeatable: false,
    help: "After how long a machine that hangs is reset.",
    doc: "From 10 to 3600 seconds. By the hardware's watchdog, /dev/watchdog, as soon as there is one; without one, process 1 ends a machine whose boot logic \
hangs, after a minute at least. `off` leaves /dev/watchdog to a container that wants it for itself, and waits for ever. \
[watchdog.md](watchdog.md) tells the rest.",
    example: "b2c.watchdog=off",
    marks: &[Mark::New("The original leaves the watchdog alone.")],
    update: |value, options, _| {
        options.watchdog = match value.text() {
            "off" => None,
            _ => Some(Duration::from_secs(
                values::number(value, 10..=3600).map_err(|problem| problem.help("or write off"))?,
            )),
        };
        Ok(())
    },
    refuse: None,
};

/// Takes `module.param` or `module.param=value` over; other words are nobody's business.
pub(crate) fn foreign(name: &str, value: Option<&str>, options: &mut Options) {
    let Some((module, param)) = name.split_once('.') else { return };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if module.is_empty() || param.is_empty() || !module.chars().all(allowed) {
        return;
    }
    let setting = match value {
        None => param.to_owned(),
        // The kernel splits a module's parameters at blanks again, with the same quotes.
        Some(value) if value.contains(char::is_whitespace) => format!("{param}=\"{value}\""),
        Some(value) => format!("{param}={value}"),
    };
    options.module_params.push((module.replace('-', "_"), setting));
}
