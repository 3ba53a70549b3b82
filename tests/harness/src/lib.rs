//! Real servers, images and machines for the tests.
