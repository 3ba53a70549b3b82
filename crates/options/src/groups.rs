//! The rows of the table: one file per group, in it one static per option, its types and the function that reads its value.

pub mod containers;
pub mod machine;
pub mod network;
pub mod shutdown;
pub mod storage;
pub mod volumes;

use crate::table::Group;

/// All groups, in the order of the docs.
pub static GROUPS: &[&Group] = &[
    &containers::GROUP,
    &network::GROUP,
    &machine::GROUP,
    &storage::GROUP,
    &volumes::GROUP,
    &shutdown::GROUP,
];
