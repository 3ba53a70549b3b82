//! Volumes that are mirrored with a real S3 server: what is in the bucket when the machine is off.

use crate::cache::disks::Disk;
use crate::support::{busybox, expect_hidden, option, run};
use harness::{Boot, Garage};
use net::http::{Client, Config};
use s3::{Bucket, Endpoint};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The server that all tests of this process share.
pub fn garage() -> &'static Garage {
    static GARAGE: OnceLock<Garage> = OnceLock::new();
    GARAGE.get_or_init(Garage::start)
}

/// `b2c.minio=…` for it.
pub fn alias(name: &str) -> String {
    format!(
        r#"b2c.minio="{name},{},{},{}""#,
        garage().guest_endpoint(),
        Garage::ACCESS_KEY,
        Garage::SECRET_KEY
    )
}

/// A bucket of the shared server, looked at from this computer.
pub struct Store {
    pub name: String,
    bucket: Bucket,
}

impl Store {
    /// A new one.
    pub fn new(name: &str) -> Self {
        garage().create_bucket(name);
        Self::named(name)
    }

    /// One that may not be there.
    pub fn named(name: &str) -> Self {
        let endpoint = Endpoint {
            url: garage().endpoint(),
            access_key: Garage::ACCESS_KEY.to_owned(),
            secret_key: Garage::SECRET_KEY.to_owned(),
            session_token: String::new(),
        };
        let bucket = Bucket::new(&Client::new(Config::default()), &endpoint, name, None).unwrap();
        Self { name: name.to_owned(), bucket }
    }

    /// Stores an object.
    pub fn put(&self, key: &str, content: &str) {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(content.as_bytes(), 0).unwrap();
        self.bucket.put(key, &file, &BTreeMap::new(), &AtomicU64::new(0)).unwrap();
    }

    /// Every key with what it holds.
    pub fn objects(&self) -> BTreeMap<String, String> {
        let content = |key: String| {
            let mut file: File = tempfile::tempfile().unwrap();
            // It may be deleted meanwhile.
            self.bucket.get(&key, &file, &AtomicU64::new(0)).unwrap()?;
            let mut content = String::new();
            file.read_to_string(&mut content).unwrap();
            Some((key, content))
        };
        self.bucket.list("").filter_map(|object| content(object.unwrap().key)).collect()
    }

    #[track_caller]
    fn expect(&self, objects: &[(&str, &str)]) {
        let objects: BTreeMap<_, _> =
            objects.iter().map(|(key, content)| ((*key).to_owned(), (*content).to_owned())).collect();
        assert_eq!(self.objects(), objects);
    }

    fn attributes(&self, key: &str) -> String {
        self.bucket.head(key).unwrap().unwrap().metadata["mc-attrs"].clone()
    }
}

/// A machine with the volume `v`, mirrored with `store` as `keys` say.
fn boot(store: &Store, keys: &str, words: &str) -> Boot {
    Boot::new(&format!("{} b2c.volume=v,mirror=s3/{},{keys} {words}", alias("s3"), store.name))
}

/// A step with the volume at /v.
fn step(script: &str) -> String {
    run("-v v:/v", &format!("sh -c '{script}'"))
}

#[test]
fn the_test_job_of_a_farm() {
    let store = Store::new("bucket-of-a-job");
    store.put("input", "from the bucket\n");
    let (image, name) = (busybox(), &store.name);
    let line = format!(
        r#"{} b2c.volume="job,mirror=job/{name},pull_on=pipeline_start,push_on=changes,expiration=pipeline_end" b2c.container="-ti --tls-verify=false {image} echo check" b2c.container="-t -v job:/results --tls-verify=false {image} sh -c 'cat /results/input; mkdir -p /results/a/b; echo passed > /results/a/b/result'" console=ttyS0,115200 loglevel=6"#,
        alias("job")
    );
    let outcome = Boot::new(&line).run();
    outcome.expect_line("check").expect_line("from the bucket").expect_status(0);
    outcome
        .expect(":execute_hooks")
        .expect("Volume job: pulled 1 files")
        .expect("Volume job: mirrored 1 files");
    outcome.expect("Removing the volume job");
    store.expect(&[("input", "from the bucket\n"), ("a/b/result", "passed\n")]);
    expect_hidden(&outcome, Garage::SECRET_KEY);
}

#[test]
fn results_arrive_when_the_step_fails() {
    let store = Store::new("failed-step");
    let words = format!("b2c.pipefail {} {}", step("echo 1 > /v/a; exit 3"), step("echo 2 > /v/b"));
    boot(&store, "push_on=pipeline_end", &words).run().expect_status(3);
    store.expect(&[("a", "1\n")]);
}

#[test]
fn results_arrive_when_the_step_reboots_the_machine() {
    let store = Store::new("rebooting-step");
    let outcome = boot(&store, "push_on=changes", &step("echo 1 > /v/a; reboot -f")).run();
    outcome.expect("reboot: Restarting system").expect_status(129);
    store.expect(&[("a", "1\n")]);
}

#[test]
fn changes_arrive_while_the_step_runs() {
    let store = Store::new("running-step");
    store.put("old", "");
    let script = "echo 1 > /v/a; rm /v/old; echo rea''dy; sleep 1000";
    let keys = "pull_on=pipeline_start,push_on=changes,overwrite,remove";
    let mut vm = boot(&store, keys, &step(script)).spawn();
    vm.wait_for("ready\r\n", Duration::from_secs(150));
    let mut tries = 0;
    while store.objects() != BTreeMap::from([("a".to_owned(), "1\n".to_owned())]) {
        tries += 1;
        assert!(tries < 600, "{:?}", store.objects());
        std::thread::sleep(Duration::from_millis(100));
    }
    vm.kill();
}

#[test]
fn hooks_around_containers() {
    let store = Store::new("around-containers");
    store.put("in", "1\n");
    let second = step("cat /v/in /v/out; echo 3 >> /v/out");
    let words = format!("{} {second}", step("cat /v/in; echo 2 > /v/out"));
    let keys = "pull_on=container_start,push_on=container_end,overwrite";
    let outcome = boot(&store, keys, &words).run();
    outcome.expect("Execute the container_start hooks").expect("Execute the container_end hooks");
    outcome.expect_line("1").expect_line("2").expect_status(0);
    store.expect(&[("in", "1\n"), ("out", "2\n3\n")]);
}

#[test]
fn attributes_and_links_come_back_in_the_next_boot() {
    let store = Store::new("attributes");
    let write = step(
        "cd /v; echo 1 > a; chmod 640 a; chown 7:8 a; touch -d \"2020-01-02 03:04:05\" a; ln -s a link; mkdir empty",
    );
    boot(&store, "push_on=pipeline_end,preserve", &write).run().expect_status(0);
    let attributes = store.attributes("a");
    assert!(attributes.contains("mode:33184") && attributes.contains("uid:7"), "{attributes}");
    let show = step("cd /v; stat -c \"%n %a %u:%g %Y\" a; readlink link; ls -d empty");
    let outcome = boot(&store, "pull_on=pipeline_start,preserve", &show).run();
    outcome.expect_line("a 640 7:8 1577934245").expect_line("a").expect_line("empty").expect_status(0);
}

#[test]
fn what_cannot_be_pulled_keeps_the_pipeline_from_running() {
    let store = Store::named("no-such-bucket");
    let post = option("b2c.run_post", "", "sh -c 'echo failed by: $B2C_PIPELINE_FAILED_BY'");
    let words = format!("{} {post}", step("echo step"));
    let outcome = boot(&store, "pull_on=pipeline_start,push_on=pipeline_end", &words).run();
    outcome.expect("ERROR: b2c.volume=v: pipeline_start hook: ").expect("NoSuchBucket");
    outcome.expect_line("failed by: Pipeline-start hooks").expect_status(1);
    assert!(!outcome.has_line("step"));
}

#[test]
fn what_cannot_be_pushed_is_kept_and_pushed_by_a_later_boot() {
    let (store, disk) = (Store::named("later-bucket"), Disk::empty("1G"));
    let keys = "push_on=pipeline_end,expiration=pipeline_end";
    let with_disk =
        |words: &str| boot(&store, keys, words).append("b2c.cache_device=auto").qemu(disk.arguments());
    let first = with_disk(&step("echo 1 > /v/a")).run();
    first.expect("ERROR: b2c.volume=v: pipeline_end hook: ").expect_status(1);
    first.expect("The volume v has expired, and stays: not all of it has been pushed");
    garage().create_bucket(&store.name);
    let second = with_disk(&step("ls -A /v; echo 2 > /v/b")).run();
    second.expect("pushed what an earlier boot could not").expect_status(0);
    assert!(!second.has_line("a"), "the new pipeline sees what the old one left");
    store.expect(&[("a", "1\n"), ("b", "2\n")]);
    let third =
        with_disk(&run("-v /container/volumes:/volumes", "sh -c 'echo volumes: $(ls -A /volumes)'")).run();
    third.expect_line("volumes: v").expect_status(0);
}

#[test]
fn after_a_power_cut_the_next_boot_pushes_what_the_last_one_could_not() {
    let (store, disk) = (Store::new("power-cut"), Disk::empty("1G"));
    store.put("old", "old\n");
    let keys = "pull_on=container_start,push_on=pipeline_end,overwrite,remove";
    let with_disk =
        |words: &str| boot(&store, keys, words).append("b2c.cache_device=auto").qemu(disk.arguments());
    let mut vm =
        with_disk(&step("echo 1 > /v/a; echo new > /v/old; sync; echo writ''ten; sleep 1000")).spawn();
    vm.wait_for("written\r\n", Duration::from_secs(150));
    vm.kill();
    store.expect(&[("old", "old\n")]);
    let next = with_disk(&step("cat /v/a /v/old")).run();
    next.expect("pushed what an earlier boot could not").expect_line("1").expect_line("new").expect_status(0);
    store.expect(&[("a", "1\n"), ("old", "new\n")]);
}

#[test]
fn a_mirror_without_conditions_warns() {
    let outcome = Boot::new(&format!("{} b2c.volume=v,mirror=s3/b {}", alias("s3"), step("true"))).run();
    outcome.expect("B2C_WARNING: b2c.volume: `v` is never mirrored; say when: ").expect_status(0);
}

#[test]
fn without_a_hook_at_the_start_a_power_cut_is_noticed_too() {
    let (store, disk) = (Store::new("power-cut-push"), Disk::empty("1G"));
    let with_disk = |push_on: &str, words: &str| {
        boot(&store, push_on, words).append("b2c.cache_device=auto").qemu(disk.arguments())
    };
    let write = step("echo 1 > /v/a; sync; echo writ''ten; sleep 1000");
    let mut vm = with_disk("push_on=pipeline_end", &write).spawn();
    vm.wait_for("written\r\n", Duration::from_secs(150));
    vm.kill();
    let next = with_disk("push_on=container_end", "").run();
    next.expect("Volume v: pushed what an earlier boot could not: 1 files").expect_status(0);
    store.expect(&[("a", "1\n")]);
}

#[test]
fn one_place_that_fails_does_not_make_the_other_one_forgotten() {
    let (good, bad) = (Store::new("good-place"), Store::named("bad-place"));
    let disk = Disk::empty("1G");
    let line = format!(
        "{} b2c.volume=v,pull_from=s3/{},push_to=s3/{},pull_on=changes,push_on=changes,expiration=pipeline_end b2c.cache_device=auto {}",
        alias("s3"),
        good.name,
        bad.name,
        step("echo 1 > /v/a")
    );
    let outcome = Boot::new(&line).qemu(disk.arguments()).run();
    outcome.expect("ERROR: b2c.volume=v: pipeline_end hook: ").expect("The volume v has expired, and stays");
    outcome.expect_status(1);
}

#[test]
fn an_input_that_a_step_edits_stays_in_the_bucket_without_overwrite() {
    let store = Store::new("edited-input");
    store.put("in", "1\n");
    let outcome =
        boot(&store, "pull_on=pipeline_start,push_on=changes", &step("echo 2 > /v/in; echo 3 > /v/out"))
            .run();
    outcome.expect("stay as they are").expect_status(0);
    store.expect(&[("in", "1\n"), ("out", "3\n")]);
}

#[test]
fn a_push_that_fails_around_a_post_container_is_a_failure() {
    let store = Store::named("post-bucket");
    let post = option("b2c.run_post", "-v v:/v", "true");
    let outcome = boot(&store, "push_on=container_start", &post).run();
    outcome.expect("ERROR: Not all of v has been pushed").expect_status(1);
}
