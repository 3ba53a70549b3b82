//! Container lines: shell words, then the flags of podman run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use options::ContainerLine;

fuzz_target!(|text: &str| {
    let Ok(line) = ContainerLine::parse(text) else { return };
    let words: Vec<String> = line.expand(&|_| None).into_iter().map(|word| word.text).collect();
    match container::flags::parse(&words) {
        Ok(request) => assert!(words.contains(&request.image), "the image is none of the words"),
        Err(error) => drop(error.to_string()),
    }
});
