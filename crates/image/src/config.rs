//! The part of an image's configuration that says how to run it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `config` of an OCI image configuration (OCI image-spec, config.md, "Properties"); Docker's has the same fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageConfig {
    /// `USER[:GROUP]`, names or numbers; empty is root.
    #[serde(deserialize_with = "null_is_default")]
    pub user: String,
    /// `KEY=VALUE`.
    #[serde(deserialize_with = "null_is_default")]
    pub env: Vec<String>,
    /// First words of the command.
    #[serde(deserialize_with = "null_is_default")]
    pub entrypoint: Vec<String>,
    /// The words after the entrypoint, unless the user gives his own.
    #[serde(deserialize_with = "null_is_default")]
    pub cmd: Vec<String>,
    /// Empty is `/`.
    #[serde(deserialize_with = "null_is_default")]
    pub working_dir: String,
    /// Paths that get an anonymous volume each; the values are empty objects.
    #[serde(deserialize_with = "null_is_default")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    /// Name or number of the signal that stops the container; empty is SIGTERM.
    #[serde(deserialize_with = "null_is_default")]
    pub stop_signal: String,
    /// Free text by key.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
}

/// Docker writes `null` for what is empty.
fn null_is_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
