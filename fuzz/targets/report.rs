//! What `b2c report` reads: a report, or the log of a console. Whatever it holds, the picture has no elements but its own.
#![no_main]

use libfuzzer_sys::fuzz_target;

const ELEMENTS: [&str; 6] = ["svg", "title", "style", "rect", "text", "path"];

fuzz_target!(|data: &[u8]| {
    let document = match report::find(&String::from_utf8_lossy(data)) {
        Ok(document) => document,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    let picture = b2c::report::draw(&document);
    for element in picture.split('<').skip(1) {
        let name = element.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
        assert!(name.is_some_and(|name| ELEMENTS.contains(&name)), "{element}");
    }
});
