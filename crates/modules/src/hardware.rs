//! Automatic loading: what the devices of this machine ask for.

use crate::{
    Error, Modules, Uevents,
    alias::{Match, Wanted},
    uevent::News,
};
use std::{
    collections::VecDeque,
    convert::Infallible,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

/// Devices bring devices (a bus, a controller, a disk), but never this many generations.
const MAX_ROUNDS: usize = 16;
/// sysfs gives at most a page.
const MAX_MODALIAS: u64 = 4096;
/// Names remembered; hot-plugging for years must not fill the memory.
const MAX_SEEN: usize = 65_536;
/// Drivers that are initialised at the same time, besides the network's.
const HELPERS: usize = 3;
/// Enough to unpack a module.
pub(crate) const STACK: usize = 256 << 10;

impl Modules {
    /// Loads the modules for all devices there are, and for those that appear thereby. Unknown devices are silent, failing
    /// modules are warnings. Gives the names of the modules loaded.
    ///
    /// Drivers of network cards are loaded first, one after the other in the order of their device names, so that `eth0` is the same card at
    /// each boot and DHCP begins as early as it can; then all others, several at once, watchdogs before the rest.
    ///
    /// # Errors
    /// When a module index cannot be read.
    pub fn load_for_hardware(&self) -> Result<Vec<String>, Error> {
        let mut loaded = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let devices = self.unseen(devices(&self.sysfs));
            if devices.is_empty() {
                break;
            }
            loaded.extend(self.load_for_devices(devices)?);
        }
        Ok(loaded)
    }

    /// Loads the modules for devices that appear from now on. Runs until it fails; meant for a thread of its own.
    ///
    /// # Errors
    /// When a module index cannot be read, or the kernel's events cannot be received any more.
    pub fn watch(&self, events: &Uevents) -> Result<Infallible, Error> {
        loop {
            let news = events.next().map_err(Error::read("the kernel's device events (netlink)"))?;
            match news {
                News::Devices(devices) => self.load_for_devices(self.unseen(devices))?,
                News::Lost => self.load_for_hardware()?,
            };
        }
    }

    /// Leaves out the devices that were dealt with, and remembers the rest.
    fn unseen(&self, mut devices: Vec<String>) -> Vec<String> {
        // A set of names is whole even if a thread died while it held the lock.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() > MAX_SEEN {
            seen.clear();
        }
        devices.retain(|device| seen.insert(device.clone()));
        devices
    }

    fn load_for_devices(&self, devices: Vec<String>) -> Result<Vec<String>, Error> {
        let wanted = Wanted::new(devices);
        let mut found = self.find(&wanted)?;
        found.retain(|found| !self.is_cipher_of_processor(found, wanted.device(found.device)));
        let (network, mut others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|found| is_network_card(wanted.device(found.device)));
        // The sooner somebody watches, the more is watched over.
        others.sort_by_key(|found| !self.is_below(&found.module, "watchdog"));
        let others = by_device(others);
        let helpers = HELPERS.min(others.len());
        let others = Mutex::new(others);
        let loaded = Mutex::new(Vec::new());
        let load = |found: Match| {
            if !self.is_present(&found.module) && self.load_for_device(&found.module) == Some(true) {
                loaded.lock().unwrap_or_else(PoisonError::into_inner).push(found.module);
            }
        };
        let next = || others.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let load_others = || {
            while let Some(found) = next() {
                found.into_iter().for_each(load);
            }
        };
        network.into_iter().for_each(load);
        thread::scope(|scope| {
            for _ in 0..helpers {
                // Without it, the work is done below.
                let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, load_others);
            }
            load_others();
        });
        Ok(loaded.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ciphers that use a processor's own instructions: the kernel asks for them when somebody uses the cipher, and testing themselves takes
    /// them as long as all other drivers of a small machine together.
    fn is_cipher_of_processor(&self, found: &Match, device: &str) -> bool {
        device.starts_with("cpu:") && self.is_below(&found.module, "crypto")
    }

    /// Whether a folder of that name is on the way to the module's file.
    fn is_below(&self, module: &str, folder: &str) -> bool {
        let path = self.found().trees.iter().find_map(|tree| tree.path(module));
        path.is_some_and(|path| path.iter().any(|name| name == folder))
    }
}

/// What one device asks for, one after the other: several drivers may be able to drive it, and the first has to be the same one at each boot.
fn by_device(found: Vec<Match>) -> VecDeque<Vec<Match>> {
    let mut devices: VecDeque<Vec<Match>> = VecDeque::new();
    for found in found {
        match devices.back_mut() {
            Some(same) if same.iter().all(|other| other.device == found.device) => same.push(found),
            _ => devices.push_back(vec![found]),
        }
    }
    devices
}

/// PCI class 02 is "network controller"; virtio device 1 is the network card (Virtual I/O Device specification, 5).
fn is_network_card(device: &str) -> bool {
    device.starts_with("pci:") && device.contains("bc02sc") || device.starts_with("virtio:d00000001v")
}

/// Names (modaliases) of all devices. Devices that have one are on a bus, except for these classes and the processor; to walk
/// all of /sys/devices instead takes many times as long.
fn devices(sysfs: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for bus in entries(&sysfs.join("bus")) {
        collect(&bus.join("devices"), &mut names);
    }
    for class in ["class/dmi", "class/input"] {
        collect(&sysfs.join(class), &mut names);
    }
    read_names(&sysfs.join("devices/system/cpu"), &mut names);
    names
}

fn collect(folder: &Path, names: &mut Vec<String>) {
    for device in entries(folder) {
        read_names(&device, names);
    }
}

/// Devices come and go while this looks at them, so what cannot be read is not there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn read_names(device: &Path, names: &mut Vec<String>) {
    let mut text = String::new();
    let read = File::open(device.join("modalias"))
        .and_then(|file| file.take(MAX_MODALIAS).read_to_string(&mut text));
    if read.is_ok() {
        names.extend(text.lines().filter(|name| !name.is_empty()).map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A /sys with these devices, each by its folder and its name.
    fn sysfs(devices: &[(&str, &str)]) -> tempfile::TempDir {
        let sysfs = tempfile::tempdir().unwrap();
        for (folder, name) in devices {
            let folder = sysfs.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("modalias"), name).unwrap();
        }
        sysfs
    }

    #[test]
    fn devices_are_found_on_every_bus() {
        let sysfs = sysfs(&[
            ("bus/pci/devices/0000:00:03.0", "pci:v00001AF4d\n"),
            ("bus/acpi/devices/PNP0A08:00", "acpi:PNP0A08:PNP0A03:\n"),
            ("bus/usb/devices/1-1:1.0", ""),
            ("class/dmi/id", "dmi:bvnX:\n"),
            ("class/input/input0", "input:b0003-e0,\n"),
            ("devices/system/cpu", "cpu:type:x86\n"),
            ("class/tty/tty0", "not:looked:at\n"),
        ]);
        fs::create_dir_all(sysfs.path().join("bus/virtio/devices/virtio0")).unwrap();
        let mut names = devices(sysfs.path());
        names.sort_unstable();
        assert_eq!(
            names,
            ["acpi:PNP0A08:PNP0A03:", "cpu:type:x86", "dmi:bvnX:", "input:b0003-e0,", "pci:v00001AF4d"]
        );
    }

    /// Looking only there must not miss a device of the machine the test runs on.
    #[test]
    fn the_real_sysfs_holds_no_other_devices() {
        let mut everywhere = Vec::new();
        let mut pending = vec![PathBuf::from("/sys/devices")];
        while let Some(folder) = pending.pop() {
            read_names(&folder, &mut everywhere);
            pending.extend(entries(&folder).into_iter().filter(|path| path.is_dir() && !path.is_symlink()));
        }
        let found = devices(Path::new("/sys"));
        assert!(!everywhere.is_empty());
        for name in everywhere {
            assert!(found.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_device_is_dealt_with_once_and_failures_are_only_warnings() {
        let sysfs = sysfs(&[("bus/pci/devices/0000:00:03.0", "pci:v00001AF4d\n")]);
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("1.0");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("modules.dep"), "gone.ko:\n").unwrap();
        fs::write(tree.join("modules.alias"), "alias pci:v* gone\nalias pci:v* nowhere\n").unwrap();
        let mut modules = Modules::open(&[root.path()], "1.0").unwrap();
        modules.sysfs = sysfs.path().into();
        assert!(modules.load_for_hardware().unwrap().is_empty());
        assert!(modules.unseen(devices(sysfs.path())).is_empty());
        assert_eq!(modules.unseen(vec!["pci:new".into()]), ["pci:new"]);
    }

    #[test]
    fn network_cards_are_told_from_other_devices() {
        assert!(is_network_card("pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00"));
        assert!(is_network_card("virtio:d00000001v00001AF4"));
        assert!(!is_network_card("virtio:d00000002v00001AF4"));
        assert!(!is_network_card("pci:v00001234d00001111sv00001AF4sd00001100bc03sc00i00"));
    }

    /// QEMU's usb-net has three drivers; loaded at the same time, now this one got it and now that one.
    #[test]
    fn drivers_of_one_device_are_loaded_in_the_same_order_at_each_boot() {
        let found = [(1, "cdc_ether"), (1, "cdc_subset"), (1, "rndis_host"), (2, "usbhid"), (3, "uas")];
        let found = found.map(|(device, module)| Match { device, module: module.to_owned() });
        let modules = |device: &Vec<Match>| {
            device.iter().map(|found| found.module.clone()).collect::<Vec<_>>().join(" ")
        };
        let grouped: Vec<_> = by_device(found.into()).iter().map(modules).collect();
        assert_eq!(grouped, ["cdc_ether cdc_subset rndis_host", "usbhid", "uas"]);
    }
}
