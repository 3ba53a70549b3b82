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
    replace(Path::new(FIRST), "", USR_LIB)
}

/// From now on all firmware is in /lib/firmware, in the right order.
pub fn look_into_lib_alone() -> io::Result<()> {
    replace(Path::new(FIRST), USR_LIB, LIB)
}

/// Names another folder, if it is the expected one so far. A kernel that loads no firmware has none.
fn replace(parameter: &Path, expected: &str, folder: &str) -> io::Result<()> {
    match fs::read_to_string(parameter) {
        Ok(now) if now.trim_end() == expected => fs::write(parameter, folder),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_firmware_class_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let parameter = folder.path().join("path");
        replace(&parameter, "", USR_LIB).unwrap();
        assert!(!parameter.exists());
        fs::write(&parameter, "\n").unwrap();
        replace(&parameter, "", USR_LIB).unwrap();
        replace(&parameter, "/other", LIB).unwrap();
        assert_eq!(fs::read_to_string(&parameter).unwrap(), USR_LIB);
    }
}
