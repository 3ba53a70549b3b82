//! Image references: what is accepted is safe in a URL and in a file name, and means the same when it is read again.
#![no_main]

use image::Reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(Reference::Name(name)) = Reference::parse(text) else { return };
    for part in [name.host(), name.registry(), name.repository(), &name.version()] {
        assert!(!part.is_empty() && part.is_ascii(), "{part:?}");
        assert!(part.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%\\@\"".contains(&byte)), "{part:?}");
        assert!(part.split('/').all(|component| !matches!(component, "" | "." | "..")), "{part:?}");
    }
    assert_eq!(Reference::parse(&name.to_string()), Ok(Reference::Name(name)));
});
