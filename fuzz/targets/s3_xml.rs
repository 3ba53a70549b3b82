//! What an S3 store answers with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use s3::answers;

fuzz_target!(|data: &[u8]| {
    let printable = |text: &str| assert!(!text.contains(char::is_control));
    if let Ok(page) = answers::list(data) {
        assert!(page.objects.len() <= data.len());
    }
    if let Some(refusal) = answers::refusal(data) {
        [&refusal.code, &refusal.message, &refusal.region].into_iter().for_each(|text| printable(text));
    }
    for it in answers::not_deleted(data).unwrap_or_default() {
        [&it.code, &it.message].into_iter().for_each(|text| printable(text));
    }
    let _ = (answers::upload_id(data), answers::completed(data));
});
