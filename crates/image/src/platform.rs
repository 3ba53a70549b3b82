//! Operating systems and processors, in the words of Go that images use (OCI image-spec, image-index.md, "platform").

use serde::Deserialize;
use std::fmt;

/// For whom an image is made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// `GOOS`.
    #[serde(default)]
    pub os: String,
    /// `GOARCH`.
    #[serde(default)]
    pub architecture: String,
    /// The generation of the processor, such as `v7`; often empty.
    #[serde(default)]
    pub variant: String,
}

impl Platform {
    /// This machine.
    pub fn host() -> Platform {
        let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
        let (architecture, variant) = go_names(std::env::consts::ARCH, &machine);
        Platform { os: "linux".into(), architecture: architecture.into(), variant: variant.into() }
    }

    /// How well an image for `offered` suits this machine, 0 best; `None` if it cannot run.
    ///
    /// A 32-bit arm machine also runs what is for older generations. Elsewhere a variant must be the same, or the architecture's first,
    /// which builders leave out or not (containerd's platforms package normalises likewise).
    pub fn rank(&self, offered: &Platform) -> Option<usize> {
        if offered.os != self.os || offered.architecture != self.architecture {
            return None;
        }
        let wanted = default_variant(&self.architecture, &self.variant);
        let variant = default_variant(&self.architecture, &offered.variant);
        if self.architecture == "arm" {
            const NEWEST_FIRST: [&str; 4] = ["v8", "v7", "v6", "v5"];
            let place = |variant: &str| NEWEST_FIRST.iter().position(|v| *v == variant);
            return place(variant)?.checked_sub(place(wanted)?);
        }
        let first = default_variant(&self.architecture, "");
        [wanted, first].iter().position(|acceptable| *acceptable == variant)
    }

    /// Whether many processors and kernels of this platform also run what is for `image`, its 32-bit predecessor.
    pub fn may_run(&self, image: &Platform) -> bool {
        let pair = (self.architecture.as_str(), image.architecture.as_str());
        self.os == image.os && matches!(pair, ("amd64", "386") | ("arm64", "arm"))
    }
}

fn default_variant<'a>(architecture: &str, variant: &'a str) -> &'a str {
    match (architecture, variant) {
        ("arm", "") => "v7",
        ("arm64", "") => "v8",
        ("amd64", "") => "v1",
        _ => variant,
    }
}

/// From Rust's name of the architecture and the kernel's name of the machine.
fn go_names(rust: &'static str, machine: &str) -> (&'static str, &'static str) {
    match rust {
        "x86_64" => ("amd64", ""),
        "x86" => ("386", ""),
        "aarch64" => ("arm64", "v8"),
        "arm" if machine.starts_with("armv6") => ("arm", "v6"),
        "arm" if machine.starts_with("armv5") => ("arm", "v5"),
        // A 64-bit kernel says aarch64 or armv8l, and runs v7.
        "arm" => ("arm", "v7"),
        "loongarch64" => ("loong64", ""),
        "powerpc64" if cfg!(target_endian = "little") => ("ppc64le", ""),
        "powerpc64" => ("ppc64", ""),
        // riscv64 and s390x have one name everywhere.
        other => (other, ""),
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        Platform {
            os: parts.next().unwrap_or_default(),
            architecture: parts.next().unwrap_or_default(),
            variant: parts.next().unwrap_or_default(),
        }
    }

    #[test]
    fn the_nearest_platform_ranks_first() {
        for (machine, offered, expected) in [
            ("linux/amd64", "linux/amd64", Some(0)),
            ("linux/amd64", "linux/amd64/v1", Some(0)),
            ("linux/amd64", "linux/amd64/v3", None),
            ("linux/amd64/v3", "linux/amd64/v3", Some(0)),
            ("linux/amd64/v3", "linux/amd64", Some(1)),
            ("linux/amd64", "linux/arm64", None),
            ("linux/amd64", "windows/amd64", None),
            ("linux/amd64", "unknown/unknown", None),
            ("linux/arm64/v8", "linux/arm64", Some(0)),
            ("linux/arm/v7", "linux/arm", Some(0)),
            ("linux/arm/v7", "linux/arm/v6", Some(1)),
            ("linux/arm/v7", "linux/arm/v5", Some(2)),
            ("linux/arm/v7", "linux/arm/v8", None),
            ("linux/arm/v6", "linux/arm/v7", None),
            ("linux/riscv64", "linux/riscv64", Some(0)),
        ] {
            assert_eq!(platform(machine).rank(&platform(offered)), expected, "{offered} on {machine}");
        }
    }

    #[test]
    fn the_kernel_tells_old_arm_machines_apart() {
        assert_eq!(go_names("arm", "armv6l"), ("arm", "v6"));
        assert_eq!(go_names("arm", "armv7l"), ("arm", "v7"));
        assert_eq!(go_names("arm", "aarch64"), ("arm", "v7"));
        assert_eq!(go_names("riscv64", "riscv64"), ("riscv64", ""));
    }

    #[test]
    fn this_machine_runs_its_own_platform() {
        assert_eq!(Platform::host().rank(&Platform::host()), Some(0));
    }
}
