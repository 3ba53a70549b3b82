//! Handing one module file to the kernel.

use crate::{Error, image, image::Packing, modinfo};
use rustix::{
    io::Errno,
    system::{finit_module, init_module},
};
use std::{ffi::CString, fs::File, path::Path};

/// `MODULE_INIT_COMPRESSED_FILE` (linux/module.h): the kernel unpacks the file itself, from 5.17 on.
const COMPRESSED_FILE: i32 = 4;

/// Loads one module file from anywhere, without its dependencies, with parameters as `insmod` takes them (`a=1 b="x y"`). One
/// that is loaded already is fine.
///
/// # Errors
/// When the file cannot be read, or the kernel refuses it.
pub fn load_file(path: &Path, params: &str) -> Result<(), Error> {
    insert(&name_of(path), path, params).map(|_| ())
}

/// The module's name: that of its file up to the first dot behind it, folded.
pub(crate) fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let end = file.find(".ko").unwrap_or(file.len());
    crate::alias::fold(&file[..end])
}

/// `false`: it was there already.
pub(crate) fn insert(name: &str, path: &Path, params: &str) -> Result<bool, Error> {
    let c_params = CString::new(params)
        .map_err(|_| Error::Parameters { name: name.to_owned(), params: params.to_owned() })?;
    let mut file = File::open(path).map_err(Error::read(path))?;
    let packing = Packing::of(&mut file).map_err(Error::read(path))?;
    let flags = if packing == Packing::Plain { 0 } else { COMPRESSED_FILE };
    let answer = match finit_module(&file, &c_params, flags) {
        // An older kernel, or one that was built to unpack something else; it may also be a fault of the module, which
        // then comes up again.
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOEXEC) if packing != Packing::Plain => {
            let image = image::read(&mut file).map_err(Error::read(path))?;
            init_module(&image, &c_params)
        }
        answer => answer,
    };
    match answer {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(errno) => Err(Error::Refused {
            name: name.to_owned(),
            path: path.to_owned(),
            reason: explain(errno, &mut file, params),
            errno: errno.raw_os_error(),
        }),
    }
}

/// The kernel's error number as init_module(2) means it, which often is not what its usual text says.
fn explain(errno: Errno, file: &mut File, params: &str) -> String {
    match errno {
        Errno::NOEXEC => wrong_kernel(file),
        Errno::NOENT => "it needs a symbol that no loaded module has; add the modules it depends on (the kernel's log names the symbol)".into(),
        Errno::INVAL | Errno::RANGE if !params.is_empty() => {
            format!("the kernel does not accept it with the parameters {params:?}; correct them (the kernel's log names the one)")
        }
        Errno::NODEV | Errno::NXIO => "there is no device for it in this machine".into(),
        Errno::PERM => "the kernel does not allow it: it is named in module_blacklist=, or modules are locked (lockdown=, modules_disabled)".into(),
        Errno::NOKEY | Errno::KEYREJECTED | Errno::BADMSG => {
            "this kernel takes only modules signed with its own key; use the modules that came with it".into()
        }
        Errno::NOSYS => "this kernel is built without loadable modules; build into it what the machine needs".into(),
        Errno::NOMEM => "there is not enough memory for it; give the machine more, or pack fewer files into the initramfs".into(),
        other => format!("the kernel refuses it ({}); its log may say more", std::io::Error::from(other)),
    }
}

/// ENOEXEC: usually a module of another kernel; its own version string tells.
fn wrong_kernel(file: &mut File) -> String {
    let image = std::io::Seek::rewind(file).and_then(|()| image::read(file)).unwrap_or_default();
    let made_for = modinfo::values(&image, "vermagic").next().unwrap_or_default();
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    match made_for.split_ascii_whitespace().next() {
        None => "it is not a kernel module, or it is damaged".into(),
        Some(made_for) if made_for != release => {
            format!(
                "it is made for another kernel release, {made_for}, and this is {release}; use the modules that came with this kernel"
            )
        }
        Some(_) => format!(
            "it is made for a kernel with this release number ({release}) but another configuration or processor; use the modules that came with this kernel"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modinfo::tests::image as module_image;
    use std::io::Write;

    fn refusal(errno: Errno, bytes: &[u8], params: &str) -> String {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        explain(errno, &mut file, params)
    }

    #[test]
    fn names_come_from_files() {
        assert_eq!(name_of(Path::new("/x/snd-hda-intel.ko.xz")), "snd_hda_intel");
        assert_eq!(name_of(Path::new("overlay.ko")), "overlay");
        assert_eq!(name_of(Path::new("/")), "");
    }

    /// The real kernel: it takes no modules at all, or not this one.
    #[test]
    fn the_kernel_refuses_what_is_no_module() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foo-bar.ko");
        std::fs::write(&path, b"not a module").unwrap();
        let error = load_file(&path, "").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(r#"kernel module "foo_bar" (/"#), "{text}");
        let built_without =
            text.ends_with("built without loadable modules; build into it what the machine needs");
        assert!(built_without || text.ends_with("it is not a kernel module, or it is damaged"), "{text}");
    }

    #[test]
    fn a_module_of_another_kernel_is_named_so() {
        let other = module_image(true, true, &["vermagic=2.4.0-7-foo SMP"]);
        let text = refusal(Errno::NOEXEC, &other, "");
        assert!(
            text.starts_with("it is made for another kernel release, 2.4.0-7-foo, and this is "),
            "{text}"
        );
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let same = module_image(true, true, &[&format!("vermagic={release} SMP")]);
        let text = refusal(Errno::NOEXEC, &same, "");
        assert!(text.contains("but another configuration"), "{text}");
        assert!(refusal(Errno::NOEXEC, b"", "").contains("damaged"));
    }

    #[test]
    fn the_kernels_numbers_become_words() {
        assert!(refusal(Errno::NOENT, b"", "").contains("symbol"));
        assert!(refusal(Errno::INVAL, b"", "a=x").contains(r#"parameters "a=x""#));
        assert!(refusal(Errno::INVAL, b"", "").contains("Invalid argument"));
        assert!(refusal(Errno::PERM, b"", "").contains("module_blacklist="));
        assert!(refusal(Errno::KEYREJECTED, b"", "").contains("signed"));
    }

    #[test]
    fn missing_files_and_bad_parameters_are_named() {
        let text = load_file(Path::new("/nowhere/a.ko"), "").unwrap_err().to_string();
        assert!(text.starts_with("cannot read /nowhere/a.ko: "), "{text}");
        let text = load_file(Path::new("/nowhere/a.ko"), "x=\0").unwrap_err().to_string();
        assert!(text.contains("NUL"), "{text}");
    }
}
