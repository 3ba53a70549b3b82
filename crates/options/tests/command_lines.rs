//! Command lines of real users: each parses without a word of complaint, into what its user meant.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use options::{CacheDevice, ContainerLine, Expiration, NtpPeer, Options, SwapSpace, parse};
use std::time::Duration;

#[track_caller]
fn read(texts: &[&str]) -> Options {
    let parsed = parse(texts);
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.fatal, None);
    parsed.options
}

fn words(line: &ContainerLine) -> Vec<String> {
    line.expand(&|_| None).into_iter().map(|word| word.text).collect()
}

/// Where there are no quotes, blanks separate.
fn plain(text: &str) -> Vec<&str> {
    text.split_ascii_whitespace().collect()
}

#[test]
fn line_1_without_quotes() {
    let options = read(&[
        "b2c.container=docker://registry.freedesktop.org/mupuf/valve-infra/machine_registration:latest b2c.cache_device=auto b2c.ntp_peer=auto nomodeset",
    ]);
    assert_eq!(
        words(&options.run[0]),
        ["docker://registry.freedesktop.org/mupuf/valve-infra/machine_registration:latest"]
    );
    assert_eq!((options.cache.device, options.ntp_peer), (CacheDevice::Auto, NtpPeer::Auto));
}

#[test]
fn line_2_with_a_variable_in_the_shutdown_command() {
    let options = read(&[
        r#"b2c.container="-ti docker://registry.freedesktop.org/mupuf/valve-infra/machine_registration:latest check" b2c.ntp_peer="10.42.0.1" b2c.pipefail b2c.cache_device=auto b2c.shutdown_cmd="echo JOB_RESULT=$B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE; poweroff -f" console=ttyS0,115200 earlyprintk=vga,keep SALAD.machine_id=x loglevel=6"#,
    ]);
    assert!(options.pipefail);
    assert_eq!(options.ntp_peer, NtpPeer::Host("10.42.0.1".to_owned()));
    let commands = options
        .shutdown_cmd
        .expand(&|name| (name == "B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE").then(|| "0".to_owned()));
    assert_eq!(commands, [["echo", "JOB_RESULT=0"], ["poweroff", "-f"]]);
}

#[test]
fn line_3_for_unknown_machines() {
    let text = r#"b2c.container="-ti --tls-verify=false docker://ci-gateway:8002/mupuf/valve-infra/machine_registration:latest register" b2c.ntp_peer="ci-gateway" b2c.cache_device=none loglevel=6"#;
    let options = read(&[text]);
    let expected = plain(
        "-ti --tls-verify=false docker://ci-gateway:8002/mupuf/valve-infra/machine_registration:latest register",
    );
    assert_eq!(words(&options.run[0]), expected);
}

#[test]
fn line_4_resets_the_cache_and_runs_nothing() {
    let options = read(&[
        "console=ttyS0,115200 SALAD.machine_id=x b2c.cache_device=reset b2c.poweroff_delay=15 loglevel=6",
    ]);
    assert!(options.run.is_empty());
    assert_eq!((options.cache.device, options.poweroff_delay), (CacheDevice::Reset, Duration::from_secs(15)));
}

#[test]
fn line_5_two_steps_and_an_empty_value() {
    let options = read(&[
        r#"b2c.container="docker://10.42.0.1:8001/infra/machine-registration:latest check" b2c.ntp_peer="10.42.0.1" b2c.pipefail b2c.cache_device=auto b2c.container="-v /container/tmp:/storage docker://10.42.0.1:8002/tests/mesa:12345" console=ttyS0,115200 earlyprintk=vga,keep SALAD.machine_id=b4:2e:99:f0:76:c5 extra="""#,
    ]);
    assert_eq!(
        words(&options.run[0]),
        plain("docker://10.42.0.1:8001/infra/machine-registration:latest check")
    );
    assert_eq!(
        words(&options.run[1]),
        plain("-v /container/tmp:/storage docker://10.42.0.1:8002/tests/mesa:12345")
    );
}

#[test]
fn line_6_shares_a_volume_with_a_post_step() {
    let options = read(&[
        r#"b2c.pipefail b2c.poweroff_delay=15 b2c.container="-v 42-results:/builds/x/results --tls-verify=false docker://REG/img" b2c.post_container="-v 42-results:/results -e CI_JOB_ID=42 --tls-verify=false docker://REG/artifact-reaper:latest""#,
    ]);
    assert_eq!((options.run.len(), options.run_post.len()), (1, 1));
    assert_eq!(words(&options.run_post[0])[..4], ["-v", "42-results:/results", "-e", "CI_JOB_ID=42"]);
}

#[test]
fn line_7_a_gateway() {
    let options = read(&[
        r#"b2c.volume="tmp" b2c.volume="perm" b2c.hostname=vivian b2c.container="-ti --dns=none -v tmp:/mnt/tmp -v perm:/mnt/permanent --tls-verify=false --entrypoint=/bin/init docker://10.0.2.2:8088/valve-infra/valve-infra-container:latest" b2c.ntp_peer=auto b2c.pipefail b2c.cache_device=auto net.ifnames=0 quiet console=ttyS0"#,
    ]);
    assert_eq!(options.volume.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>(), ["tmp", "perm"]);
    assert_eq!(options.hostname.as_deref(), Some("vivian"));
    assert_eq!(options.module_params, [("net".to_owned(), "ifnames=0".to_owned())]);
}

#[test]
fn line_8_game_traces() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let text = r#"b2c.minio="gateway,http://10.42.0.1:9000,KEY,SECRET" b2c.volume="job-1234-job,mirror=gateway/job-1234,pull_on=pipeline_start,push_on=changes,overwrite,preserve,remove,expiration=pipeline_end" b2c.volume=valvetraces,mirror=gateway/valvetraces,pull_on=pipeline_start,overwrite,preserve,remove,fscrypt_key=BASE64= b2c.container="-v job-1234-job:/job -w /job -v valvetraces:/traces --tls-verify=false -w /job docker://10.42.0.1:8002/img  /entrypoint-dxvk""#;
    let options = read(&[&text.replace("BASE64=", key)]);
    let [job, traces] = &options.volume[..] else { panic!("{:?}", options.volume) };
    let remote = job.pull_from.as_ref().unwrap();
    assert_eq!(
        (remote.alias.as_str(), remote.bucket.as_str(), remote.path.as_str()),
        ("gateway", "job-1234", "")
    );
    assert_eq!(job.push_to.as_ref(), Some(remote));
    assert!(job.pull_on.pipeline_start && job.push_on.changes && job.overwrite && job.preserve && job.remove);
    assert_eq!(job.expiration, Expiration::PipelineEnd);
    assert_eq!(*traces.fscrypt_key.as_ref().unwrap().reveal(), (0..32).collect::<Vec<u8>>());
    let expected = plain(
        "-v job-1234-job:/job -w /job -v valvetraces:/traces --tls-verify=false -w /job docker://10.42.0.1:8002/img /entrypoint-dxvk",
    );
    assert_eq!(words(&options.run[0]), expected);
}

#[test]
fn line_9_hello_world() {
    let options = read(&[
        r#"b2c.ntp_peer=ci-gateway b2c.poweroff_delay=15 b2c.run="--tls-verify=false -t ci-gateway:8002/gfx-ci/ci-tron/executorctl:latest echo Hello world" SALAD.machine_id=x console=ttyS0,115200"#,
    ]);
    assert_eq!(words(&options.run[0])[3..], ["echo", "Hello", "world"]);
}

#[test]
fn line_10_two_stages() {
    let first = "b2c.cache_device=auto b2c.extra_args_url=http://ci-gateway:38453/b2c-extra-args b2c.ntp_peer=ci-gateway b2c.swap=8G,swappiness=60 console=ttyS0,115200";
    let extra = r#"b2c.pipefail
b2c.poweroff_delay=15
b2c.minio="job,http://10.42.0.1:9000,KEY,SECRET"
b2c.volume="job,mirror=job/bucket,pull_on=pipeline_start,push_on=changes,expiration=pipeline_end"
b2c.run_service="--privileged --tls-verify=false --pid=host REG/telegraf:latest" b2c.hostname=dut-1
b2c.run="-t -v job:/results REG/igt:master
  igt_runner -o /results"
"#;
    let options = read(&[first]);
    assert_eq!(options.extra_args_url.as_deref(), Some("http://ci-gateway:38453/b2c-extra-args"));
    let options = read(&[first, extra]);
    assert!(options.pipefail && options.cache.device == CacheDevice::Auto);
    let swap = options.swap.unwrap();
    assert_eq!((swap.space, swap.swappiness), (SwapSpace::File(8 << 30), Some(60)));
    assert_eq!(words(&options.run_service[0])[0], "--privileged");
    assert_eq!(words(&options.run[0]), plain("-t -v job:/results REG/igt:master igt_runner -o /results"));
    assert_eq!((options.hostname.as_deref(), options.poweroff_delay.as_secs()), (Some("dut-1"), 15));
}
