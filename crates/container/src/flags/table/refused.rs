//! Flags that podman run has and that cannot work, or do not work, here.

use super::{Flag, Value};
use Value::{Each, List, One, Switch};

const V1: &str = "it exists in cgroup v1 only, and this is v2";
const NO_CHECKS: &str = "there are no health checks; run the check as a step, or in the command";
const NO_BRIDGE: &str = "there are no bridges; a container has the machine's network (host) or none";
const NO_IDS: &str = "there are no user namespaces; users are the machine's";
const NO_PODS: &str = "there are no pods; services and steps share the machine's network";
const NO_IO: &str = "block device limits are not supported; use --cgroup-conf=io.max=…";
const NO_PASSWD: &str = "the image's users are never changed; use --user with a number";
const NO_PIDS: &str = "no files with process ids are written";

pub(super) static FLAGS: [Flag; 64] = [
    Flag::refused(
        "attach",
        List("STREAM"),
        "a step is attached to the console, a service is not; use -i for input",
    )
    .short('a'),
    Flag::refused("blkio-weight", One("WEIGHT"), NO_IO),
    Flag::refused("blkio-weight-device", List("DEVICE:WEIGHT"), NO_IO),
    Flag::refused("cert-dir", One("PATH"), "add the certificates of registries to the initramfs"),
    Flag::refused("cgroup-parent", One("PATH"), "b2c places cgroups itself"),
    Flag::refused(
        "chrootdirs",
        List("PATH"),
        "files such as /etc/resolv.conf are mounted in the root file system only",
    ),
    Flag::refused("cidfile", One("PATH"), "containers are known by --name, not by an id"),
    Flag::refused("conmon-pidfile", One("PATH"), "there is no conmon"),
    Flag::refused("cpu-rt-period", One("MICROSECONDS"), V1),
    Flag::refused("cpu-rt-runtime", One("MICROSECONDS"), V1),
    Flag::refused("decryption-key", List("KEY"), "encrypted images are not supported"),
    Flag::refused("device-cgroup-rule", List("RULE"), "use --device, or --privileged"),
    Flag::refused("device-read-bps", List("PATH:RATE"), NO_IO),
    Flag::refused("device-read-iops", List("PATH:RATE"), NO_IO),
    Flag::refused("device-write-bps", List("PATH:RATE"), NO_IO),
    Flag::refused("device-write-iops", List("PATH:RATE"), NO_IO),
    Flag::refused("env-merge", Each("KEY=VALUE"), "write the whole value with --env"),
    Flag::refused("gidmap", List("MAP"), NO_IDS),
    Flag::refused("gpus", List("GPU"), "use --device=/dev/dri, or --privileged"),
    Flag::refused("group-entry", One("ENTRY"), NO_PASSWD),
    Flag::refused("health-cmd", One("COMMAND"), NO_CHECKS).aliases(&["healthcheck-command"]),
    Flag::refused("health-interval", One("DURATION"), NO_CHECKS).aliases(&["healthcheck-interval"]),
    Flag::refused("health-log-destination", One("PATH"), NO_CHECKS),
    Flag::refused("health-max-log-count", One("NUMBER"), NO_CHECKS),
    Flag::refused("health-max-log-size", One("NUMBER"), NO_CHECKS),
    Flag::refused("health-on-failure", One("ACTION"), NO_CHECKS),
    Flag::refused("health-retries", One("NUMBER"), NO_CHECKS).aliases(&["healthcheck-retries"]),
    Flag::refused("health-start-period", One("DURATION"), NO_CHECKS).aliases(&["healthcheck-start-period"]),
    Flag::refused("health-startup-cmd", One("COMMAND"), NO_CHECKS),
    Flag::refused("health-startup-interval", One("DURATION"), NO_CHECKS),
    Flag::refused("health-startup-retries", One("NUMBER"), NO_CHECKS),
    Flag::refused("health-startup-success", One("NUMBER"), NO_CHECKS),
    Flag::refused("health-startup-timeout", One("DURATION"), NO_CHECKS),
    Flag::refused("health-timeout", One("DURATION"), NO_CHECKS).aliases(&["healthcheck-timeout"]),
    Flag::refused("help", Switch, "docs/run-flags.md lists the flags"),
    Flag::refused("hosts-file", One("PATH"), "use --add-host, or mount a file with -v /path:/etc/hosts"),
    Flag::refused("hostuser", List("NAME"), NO_PASSWD),
    Flag::refused("init-path", One("PATH"), "--init has its own program"),
    Flag::refused("ip", One("ADDRESS"), NO_BRIDGE),
    Flag::refused("ip6", One("ADDRESS"), NO_BRIDGE),
    Flag::refused("kernel-memory", One("SIZE"), V1),
    Flag::refused("link-local-ip", List("ADDRESS"), NO_BRIDGE),
    Flag::refused("mac-address", One("ADDRESS"), NO_BRIDGE),
    Flag::refused("memory-swappiness", One("NUMBER"), V1),
    Flag::refused("network-alias", List("NAME"), NO_BRIDGE).aliases(&["net-alias"]),
    Flag::refused("oom-kill-disable", Switch, V1),
    Flag::refused("passwd-entry", One("ENTRY"), NO_PASSWD),
    Flag::refused("personality", One("PERSONA"), "use setarch(8) in the container"),
    Flag::refused("pidfile", One("PATH"), NO_PIDS),
    Flag::refused("pod", One("NAME"), NO_PODS),
    Flag::refused("pod-id-file", One("PATH"), NO_PODS),
    Flag::refused("preserve-fd", List("FD"), "a container gets its standard streams and no other files"),
    Flag::refused("preserve-fds", One("NUMBER"), "a container gets its standard streams and no other files"),
    Flag::refused("rdt-class", One("CLASS"), "cache allocation is not supported"),
    Flag::refused("requires", List("CONTAINER"), "containers start in the order of the command line"),
    Flag::refused("rootfs", Switch, "a container is made of an image"),
    Flag::refused(
        "seccomp-policy",
        One("POLICY"),
        "there is one profile; --security-opt=seccomp=unconfined turns it off",
    ),
    Flag::refused(
        "secret",
        Each("SECRET"),
        "there is no secret store; use --env-file or -v with a file of the initramfs",
    ),
    Flag::refused("subgidname", One("NAME"), NO_IDS),
    Flag::refused("subuidname", One("NAME"), NO_IDS),
    Flag::refused("timeout", One("SECONDS"), "limit the time in the command, with timeout(1)"),
    Flag::refused("tz", One("ZONE"), "there are no time zone files on the machine; use -e TZ=ZONE"),
    Flag::refused("uidmap", List("MAP"), NO_IDS),
    Flag::refused(
        "volumes-from",
        Each("CONTAINER"),
        "share a volume by its name: -v NAME:/path in each container",
    ),
];
