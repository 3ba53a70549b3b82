//! The public users' own command lines, blanks and quotes theirs; only names and ports of the test's servers are filled in.

use crate::cache::disks::Disk;
use crate::mirrors::{Store, alias};
use crate::support::{busybox, expect_hidden, serve};
use harness::{Authority, Boot, Farm, Garage, Image, Registry, RegistryOptions};
use std::collections::BTreeMap;

/// 64 bytes as base64.
const KEY: &str = "c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmV0a2V5MQ==";

/// The names that the lines use.
const NAMES: [&str; 4] = ["ci-gateway", "registry.freedesktop.org", "pool.ntp.org", "10.42.0.1"];

/// The lines' network: names, the time, an https registry of the web, and the farm's own registries with the images that the lines name.
struct Lines {
    farm: Farm,
    authority: String,
    registry: Registry,
}

impl Lines {
    fn new() -> Self {
        let (authority, farm) = (Authority::new(), Farm::new(&NAMES[..3]));
        let registry =
            Registry::start_with(&RegistryOptions { tls: Some(authority.sign(&NAMES)), users: Vec::new() });
        let script = r#"echo "machine_registration: $*""#;
        let image = Image::busybox()
            .config("Entrypoint", serde_json::json!(["sh", "-c", script, "register"]))
            .config("Cmd", serde_json::json!([]));
        for name in [
            "mupuf/valve-infra/machine_registration:latest",
            "infra/machine-registration:latest",
            "tests/mesa:12345",
        ] {
            image.push(&registry, name);
            image.push(Registry::shared(), name);
        }
        Image::busybox().push(Registry::shared(), "gfx-ci/ci-tron/executorctl:latest");
        farm.forward(443, registry.port()).forward(8001, registry.port());
        Lines { farm, authority: authority.certificate(), registry }
    }

    /// The farm's own registry speaks plain http.
    fn with_plain_8002(self) -> Self {
        self.farm.forward(8002, Registry::shared().port());
        self
    }

    /// It speaks https.
    fn with_secure_8002(self) -> Self {
        self.farm.forward(8002, self.registry.port());
        self
    }

    fn boot(&self, line: &str) -> Boot {
        Boot::new(line).inside(&self.farm).extra_cpio([("etc/ssl/certs/farm.pem", self.authority.clone())])
    }
}

#[test]
fn line_1_no_quotes() {
    let outcome = Lines::new()
        .boot("b2c.container=docker://registry.freedesktop.org/mupuf/valve-infra/machine_registration:latest b2c.cache_device=auto b2c.ntp_peer=auto nomodeset")
        .run();
    outcome
        .expect("ERROR: b2c.cache_device=auto: ")
        .expect("Getting the time from the NTP server pool.ntp.org: DONE");
    outcome.expect_line("machine_registration: ").expect_status(0);
}

#[test]
fn line_2_the_result_as_the_machine_computes_it() {
    let disk = Disk::empty("1G");
    let outcome = Lines::new()
        .boot(r#"b2c.container="-ti docker://registry.freedesktop.org/mupuf/valve-infra/machine_registration:latest check" b2c.ntp_peer="10.42.0.1" b2c.pipefail b2c.cache_device=auto b2c.shutdown_cmd="echo JOB_RESULT=$B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE; poweroff -f" console=ttyS0,115200 earlyprintk=vga,keep SALAD.machine_id=x loglevel=6"#)
        .qemu(disk.arguments())
        .run();
    outcome.expect("Getting the time from the NTP server 10.42.0.1: DONE");
    outcome.expect_line("machine_registration: check").expect_line("JOB_RESULT=0").expect_status(0);
}

#[test]
fn line_3_the_default_for_unknown_machines() {
    let outcome = Lines::new().with_plain_8002()
        .boot(r#"b2c.container="-ti --tls-verify=false docker://ci-gateway:8002/mupuf/valve-infra/machine_registration:latest register" b2c.ntp_peer="ci-gateway" b2c.cache_device=none loglevel=6"#)
        .run();
    outcome
        .expect("Getting the time from the NTP server ci-gateway: DONE")
        .expect("Do not use a partition cache");
    outcome.expect_line("machine_registration: register").expect_status(0);
}

#[test]
fn line_4_cache_reset_without_a_container() {
    let disk = Disk::empty("1G");
    let line =
        "console=ttyS0,115200 SALAD.machine_id=x b2c.cache_device=reset b2c.poweroff_delay=1 loglevel=6";
    let outcome = Boot::new(line).qemu(disk.arguments()).run();
    outcome.expect("Mounting the partition /dev/vda1 to /storage: DONE").expect_status(0);
    disk.expect_clean_cache(1);
}

#[test]
fn line_5_two_steps_and_an_empty_quoted_value() {
    let disk = Disk::empty("1G");
    let outcome = Lines::new().with_secure_8002()
        .boot(r#"b2c.container="docker://10.42.0.1:8001/infra/machine-registration:latest check" b2c.ntp_peer="10.42.0.1" b2c.pipefail b2c.cache_device=auto b2c.container="-v /container/tmp:/storage docker://10.42.0.1:8002/tests/mesa:12345" console=ttyS0,115200 earlyprintk=vga,keep SALAD.machine_id=b4:2e:99:f0:76:c5 extra="""#)
        .qemu(disk.arguments())
        .run();
    outcome.expect("Mounting the partition /dev/vda1 to /storage: DONE");
    outcome.expect_line("machine_registration: check").expect_line("machine_registration: ").expect_status(0);
}

#[test]
fn line_6_a_volume_made_on_the_fly() {
    let image = busybox();
    let line = format!(
        r#"b2c.pipefail b2c.poweroff_delay=1 b2c.container="-v 42-results:/builds/x/results --tls-verify=false docker://{image} sh -c 'echo 1 > /builds/x/results/a'" b2c.post_container="-v 42-results:/results -e CI_JOB_ID=42 --tls-verify=false docker://{image} sh -c 'echo reaped $CI_JOB_ID $(cat /results/a)'""#
    );
    Boot::new(&line).run().expect_line("reaped 42 1").expect_status(0);
}

#[test]
fn line_7_volumes_and_its_own_resolver() {
    let line = format!(
        r#"b2c.volume="tmp" b2c.volume="perm" b2c.hostname=vivian b2c.container="-ti --dns=none -v tmp:/mnt/tmp -v perm:/mnt/permanent --tls-verify=false --entrypoint=/bin/ls docker://{} /mnt/permanent /etc/resolv.conf" b2c.ntp_peer=auto b2c.pipefail b2c.cache_device=auto net.ifnames=0 quiet console=ttyS0"#,
        busybox()
    );
    let outcome = Boot::new(&line).run();
    // The image has no /etc/resolv.conf, and nobody gives it one.
    outcome.expect("/mnt/permanent:").expect("/etc/resolv.conf: No such file").expect_status(1);
}

#[test]
fn line_8_mirrored_and_encrypted_volumes() {
    let (job, traces, disk) = (Store::new("job-1234"), Store::new("valvetraces"), Disk::empty("1G"));
    traces.put("a/trace", "draw\n");
    let minio = alias("gateway");
    // The farm gives each machine a cache; without one there is nothing that could be encrypted.
    let line = format!(
        r#"{minio} b2c.volume="job-1234-job,mirror=gateway/job-1234,pull_on=pipeline_start,push_on=changes,overwrite,preserve,remove,expiration=pipeline_end" b2c.volume=valvetraces,mirror=gateway/valvetraces,pull_on=pipeline_start,overwrite,preserve,remove,fscrypt_key={KEY} b2c.container="-v job-1234-job:/job -w /job -v valvetraces:/traces --tls-verify=false -w /job docker://{}  sh -c 'pwd; cat /traces/a/trace; echo fast > frames'" b2c.cache_device=auto"#,
        busybox()
    );
    let outcome = Boot::new(&line).qemu(disk.arguments()).run();
    outcome.expect_line("/job").expect_line("draw").expect_status(0);
    assert_eq!(job.objects(), BTreeMap::from([("frames".to_owned(), "fast\n".to_owned())]));
    assert_eq!(traces.objects(), BTreeMap::from([("a/trace".to_owned(), "draw\n".to_owned())]));
    expect_hidden(&outcome, Garage::SECRET_KEY);
    expect_hidden(&outcome, KEY);
}

#[test]
fn line_9_hello_world_of_the_newest_farm() {
    let outcome = Lines::new().with_plain_8002()
        .boot(r#"b2c.ntp_peer=ci-gateway b2c.poweroff_delay=15 b2c.run="--tls-verify=false -t ci-gateway:8002/gfx-ci/ci-tron/executorctl:latest echo Hello world" SALAD.machine_id=x console=ttyS0,115200"#)
        .run();
    outcome.expect_line("Hello world").expect_status(0);
}

#[test]
fn line_10_two_stages() {
    let lines = Lines::new().with_plain_8002();
    let arguments = serve(
        "b2c.pipefail
b2c.poweroff_delay=15
b2c.minio=\"gateway,http://ci-gateway:9000,KEY,s3cr3t\"
b2c.volume=\"job,mirror=gateway/job\"
b2c.run_service=\"--privileged --tls-verify=false --pid=host ci-gateway:8002/gfx-ci/ci-tron/executorctl:latest sleep 1000\" b2c.hostname=dut-1
b2c.run=\"--tls-verify=false ci-gateway:8002/gfx-ci/ci-tron/executorctl:latest hostname\"
"
        .into(),
    );
    lines.farm.forward(38453, port_of(&arguments));
    let disk = Disk::empty("16G");
    let outcome = lines
        .boot("b2c.cache_device=auto b2c.extra_args_url=http://ci-gateway:38453/b2c-extra-args b2c.ntp_peer=ci-gateway b2c.swap=8G,swappiness=60 console=ttyS0,115200")
        .qemu(disk.arguments())
        .run();
    outcome.expect("Swapping to /storage/").expect_line("dut-1").expect_status(0);
}

/// Of a URL that [`serve`] gave.
fn port_of(url: &str) -> u16 {
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap();
    port.parse().unwrap()
}
