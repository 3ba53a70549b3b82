//! `/init`.
fn main() {}
