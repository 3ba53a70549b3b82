//! Where the kernel looks for firmware.

use std::fs;
use std::io;
use std::path::Path;

/// The folder that it looks into before /lib/firmware (Documentation/driver-api/firmware/fw_search_path.rst); `firmware_class.path=` on the command line sets it.
const FIRST: &str = "/sys/module/firmware_class/parameters/path";
/// Where it always looks.
const LIB: &str = "/lib/firmware";
/// Where archives of the initrd may bring firmware, too, and /lib may be another folder than /usr/lib.
const USR_LIB: &str = "/usr/lib/firmware";

/// Makes it look into /usr/lib/firmware as well, unless the user has named another folder.
pub fn look_into_usr_lib() -> io::Result<()> {
    if !Path::new(USR_LIB).is_dir() || fs::canonicalize(LIB).ok() == fs::canonicalize(USR_LIB).ok() {
        return Ok(());
    }
    match fs::read_to_string(FIRST)?.trim_end() {
        "" => fs::write(FIRST, USR_LIB),
        _ => Ok(()),
    }
}

/// From now on all firmware is in /lib/firmware, in the right order.
pub fn look_into_lib_alone() -> io::Result<()> {
    match fs::read_to_string(FIRST)?.trim_end() {
        USR_LIB => fs::write(FIRST, LIB),
        _ => Ok(()),
    }
}
