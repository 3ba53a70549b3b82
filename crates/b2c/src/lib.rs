//! The desk tool's parts, as a library for the tests.
