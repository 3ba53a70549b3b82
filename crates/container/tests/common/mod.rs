//! A machine with a root file system and volumes, in a temporary folder.
#![allow(dead_code, reason = "each test program uses a part")]

use container::{BuildError, Host, Spec, StandIn, build, flags};
use image::ImageConfig;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub struct Fixture {
    dir: tempfile::TempDir,
    pub volumes: BTreeMap<String, PathBuf>,
    pub env: Vec<(String, String)>,
    pub environment: Vec<(String, String)>,
    pub stand_ins: Vec<StandIn>,
}

/// An image that runs a shell.
pub fn image() -> ImageConfig {
    ImageConfig { cmd: vec!["/bin/sh".into()], ..ImageConfig::default() }
}

pub fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

impl Fixture {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/etc")).unwrap();
        fs::write(dir.path().join("resolv.conf"), "nameserver 10.0.2.3\nsearch lan\noptions ndots:2\n")
            .unwrap();
        fs::write(dir.path().join("hosts"), "127.0.0.1 localhost\n10.42.0.1 ci-gateway").unwrap();
        Self {
            dir,
            volumes: BTreeMap::new(),
            env: Vec::new(),
            environment: Vec::new(),
            stand_ins: Vec::new(),
        }
    }

    /// A path of the machine.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// A path of the image, its parent made.
    pub fn in_image(&self, path: &str) -> PathBuf {
        let path = self.path("root").join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.in_image(path), text).unwrap();
    }

    /// Makes a volume and returns its folder.
    pub fn volume(&mut self, name: &str) -> PathBuf {
        let folder = self.path(&format!("volumes/{}", name.replace('/', "_")));
        fs::create_dir_all(&folder).unwrap();
        self.volumes.insert(name.into(), folder.clone());
        folder
    }

    /// What the container line `line` makes of `image`; volumes that it needs and that are not there are made.
    pub fn build(&self, line: &str, image: &ImageConfig) -> Result<Spec, BuildError> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let request = flags::parse(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut volumes = self.volumes.clone();
        for (number, destination) in request.anonymous_volumes(image).into_iter().enumerate() {
            let folder = self.path(&format!("anonymous/{number}"));
            fs::create_dir_all(&folder).unwrap();
            volumes.entry(destination.to_str().unwrap().into()).or_insert(folder);
        }
        build(
            &request,
            image,
            &Host {
                id: "c1",
                rootfs: &self.path("root"),
                run_dir: &self.path("run"),
                hostname: "dut-1",
                env: &self.env,
                environment: &self.environment,
                volumes: &volumes,
                resolv_conf: &self.path("resolv.conf"),
                hosts: &self.path("hosts"),
                stand_ins: &self.stand_ins,
            },
        )
    }

    /// What is written for the container at `destination`.
    pub fn written(&self, spec: &Spec, destination: &str) -> Option<String> {
        let mount = spec.mounts.iter().find(|mount| mount.destination == Path::new(destination))?;
        match &mount.source {
            container::spec::MountSource::Bind { path, .. } => Some(fs::read_to_string(path).unwrap()),
            container::spec::MountSource::Filesystem { .. } => None,
        }
    }
}
