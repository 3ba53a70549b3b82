//! An image's configuration (OCI image-spec, config.md): how to run it, for whom it is, and what its layers hash to.

use crate::digest::Digest;
use crate::platform::Platform;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest configuration, in bytes.
pub const MAX_CONFIG: u64 = 4 << 20;

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

/// The whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// For whom the image is; empty fields where it does not say.
    pub platform: Platform,
    /// How to run it.
    pub run: ImageConfig,
    /// What each layer hashes to once it is no longer compressed; lowest first.
    pub diff_ids: Vec<Digest>,
}

/// The document is no image configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON, or not the fields of a configuration.
    #[error("the image's configuration cannot be read: {0}")]
    Syntax(String),
    /// Larger than [`MAX_CONFIG`].
    #[error("the image's configuration has {0} bytes, more than the {MAX_CONFIG} that are allowed")]
    Size(u64),
    /// `rootfs.type`.
    #[error("the image's root file system is of type {0:?}: only \"layers\" is defined")]
    RootFsType(String),
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    config: Option<ImageConfig>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    r#type: String,
    #[serde(default, deserialize_with = "null_is_default")]
    diff_ids: Vec<Digest>,
}

impl Config {
    /// Reads a configuration.
    pub fn parse(bytes: &[u8]) -> Result<Config, ConfigError> {
        if bytes.len() as u64 > MAX_CONFIG {
            return Err(ConfigError::Size(bytes.len() as u64));
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|e| ConfigError::Syntax(e.to_string()))?;
        if document.rootfs.r#type != "layers" {
            return Err(ConfigError::RootFsType(document.rootfs.r#type.chars().take(100).collect()));
        }
        Ok(Config {
            platform: Platform {
                os: document.os,
                architecture: document.architecture,
                variant: document.variant,
            },
            run: document.config.unwrap_or_default(),
            diff_ids: document.rootfs.diff_ids,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn document(config: &str) -> String {
        format!(
            r#"{{"architecture":"arm","os":"linux","variant":"v7","created":"x","config":{config},"rootfs":{{"type":"layers","diff_ids":["{DIGEST}"]}},"history":[]}}"#
        )
    }

    #[test]
    fn docker_writes_null_for_what_is_empty() {
        let text = document(
            r#"{"User":"","Env":null,"Cmd":["sh"],"Entrypoint":null,"Labels":null,"Volumes":{"/d":{}}}"#,
        );
        let config = Config::parse(text.as_bytes()).unwrap();
        assert_eq!(config.platform.to_string(), "linux/arm/v7");
        assert_eq!(config.run.cmd, ["sh"]);
        assert!(config.run.entrypoint.is_empty() && config.run.volumes.contains_key("/d"));
        assert_eq!(config.diff_ids[0].to_string(), DIGEST);
        assert_eq!(Config::parse(document("null").as_bytes()).unwrap().run, ImageConfig::default());
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for bad in [
            "",
            "{}",
            r#"{"rootfs":{"type":"squashfs"}}"#,
            r#"{"rootfs":{"type":"layers","diff_ids":["x"]}}"#,
        ] {
            assert!(Config::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Config::parse(document(r#"{"Cmd":"sh"}"#).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Config::parse(&bytes);
        }
    }
}
