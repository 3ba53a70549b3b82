//! Values that cannot be used.

use crate::support::{assert_default_after, assert_fine, assert_line, lines};
use options::{Fatal, Options};
use std::time::Duration;

/// Every option with values that it cannot take: the line, and the default stays.
#[test]
fn bad_values_are_said_and_left_out() {
    for (text, line) in [
        (
            "b2c.cache_device=/dev/../x",
            "error: b2c.cache_device: `/dev/../x` is not a device; write its path, such as /dev/sda1 | /dev/../x",
        ),
        (
            "b2c.cache_device=a/b",
            "error: b2c.cache_device: `a/b` is not a name; use letters, digits, _ . - and start with a letter or a digit | a/b",
        ),
        (
            "b2c.cache_device=auto,budget=0%",
            "error: b2c.cache_device: `0` is not a whole number from 1 to 100 | 0",
        ),
        (
            "b2c.cache_device=auto,budget=lots",
            "error: b2c.cache_device: `lots` is not a size; write a number and K, M, G or T, such as 8G | lots",
        ),
        (
            "b2c.cache_device=auto,budget",
            "error: b2c.cache_device: `budget` needs a value; write budget=… | budget",
        ),
        (
            "b2c.swap=8x",
            "error: b2c.swap: `8x` is not a size; write a number and K, M, G or T, such as 8G | 8x",
        ),
        ("b2c.swap=8G,swappiness=201", "error: b2c.swap: `201` is not a whole number from 0 to 200 | 201"),
        (
            "b2c.swap=",
            "error: b2c.swap needs a value; write b2c.swap=SIZE[,swappiness=N] | /dev/X[,swappiness=N] | b2c.swap",
        ),
        (
            "b2c.ntp_peer=http://x",
            "error: b2c.ntp_peer: `http://x` is not a host name or an IP address; write one alone, such as ci-gateway or 10.42.0.1 | http://x",
        ),
        (
            "b2c.iface=,dhcp",
            "error: b2c.iface: an empty value is not the name of an interface; begin with one, such as eth0, or with its MAC, such as 52:54:00:12:34:56 | ",
        ),
        (
            "b2c.iface=address=10.0.0.1/24",
            "error: b2c.iface: `address=10.0.0.1/24` is not the name of an interface; begin with one, such as eth0, or with its MAC, such as 52:54:00:12:34:56 | address=10.0.0.1/24",
        ),
        (
            "b2c.iface=52:54:00:12:34:5g,dhcp",
            "error: b2c.iface: `52:54:00:12:34:5g` is not the name of an interface; begin with one, such as eth0, or with its MAC, such as 52:54:00:12:34:56 | 52:54:00:12:34:5g",
        ),
        (
            "b2c.iface=eth0,vlan=4095,dhcp",
            "error: b2c.iface: `4095` is not a whole number from 1 to 4094 | 4095",
        ),
        ("b2c.iface=eth0,vlan", "error: b2c.iface: `vlan` needs a value; write vlan=… | vlan"),
        (
            "b2c.hostname=\"a b\"",
            "error: b2c.hostname: `a b` is not a name; use letters, digits, _ . - and start with a letter or a digit | a b",
        ),
        (
            "b2c.minio=job,http://h,a",
            "error: b2c.minio: `job,http://h,***` has not four parts; write ALIAS,URL,ACCESS,SECRET | job,http://h,a",
        ),
        (
            "b2c.minio=job,h,a,b",
            "error: b2c.minio: `h` is not a URL; write http://HOST/… or https://HOST/… | h",
        ),
        (
            "b2c.filesystem=fs,type=nfs",
            "error: b2c.filesystem: `fs,type=nfs` lacks src=; say what is mounted: src=/dev/sda1 | fs,type=nfs",
        ),
        (
            "b2c.nbd=/dev/sda,host=h,port=1",
            "error: b2c.nbd: `/dev/sda` is not an NBD device; begin with one, such as /dev/nbd0 | /dev/sda",
        ),
        ("b2c.nbd=/dev/nbd0,host=h,port=0", "error: b2c.nbd: `0` is not a whole number from 1 to 65535 | 0"),
        (
            "b2c.nbd=/dev/nbd0,port=1",
            "error: b2c.nbd: `/dev/nbd0,port=1` lacks host=; name the server: host=10.42.0.1 | /dev/nbd0,port=1",
        ),
        (
            "b2c.nbd=/dev/nbd0,host=h",
            "error: b2c.nbd: `/dev/nbd0,host=h` lacks port=; name the server's port: port=10809 | /dev/nbd0,host=h",
        ),
        (
            "b2c.storage=additionalimagestores",
            "error: b2c.storage: `additionalimagestores` needs a value; write additionalimagestores=… | additionalimagestores",
        ),
        (
            "b2c.storage=x=fs",
            "warning: b2c.storage: `x=fs` is not known and ignored; write additionalimagestores=FILESYSTEM | x=fs",
        ),
        (
            "b2c.report=serial",
            "error: b2c.report: `serial` is not known; write console, file:VOLUME/PATH, http://HOST/…, https://HOST/…, virtio or debug-exit | serial",
        ),
        ("b2c.report=file:job", "error: b2c.report: `job` has no path; write file:VOLUME/PATH | job"),
        (
            "b2c.report=file:job/../x",
            "error: b2c.report: `../x` is not a path in a volume; write its names, with / between them | ../x",
        ),
        (
            "b2c.report=file:-/x",
            "error: b2c.report: `-` is not a name; use letters, digits, _ . - and start with a letter or a digit | -",
        ),
        (
            "b2c.report=ftp://h/x",
            "error: b2c.report: `ftp://h/x` is not a URL; write http://HOST/… or https://HOST/… | ftp://h/x",
        ),
        (
            "b2c.proxy=ftp=http://h",
            "error: b2c.proxy: `ftp` is not known; write https=URL, http=URL or no=HOSTS | ftp",
        ),
        (
            "b2c.proxy=https=h:3128",
            "error: b2c.proxy: `h:3128` is not a URL; write http://HOST/… or https://HOST/… | h:3128",
        ),
        (
            "b2c.ca=ca.pem",
            "error: b2c.ca: `ca.pem` is neither a URL nor a path; write http://HOST/…, https://HOST/… or /path/in/the/initramfs.pem | ca.pem",
        ),
        (
            "b2c.ca=ftp://h/ca.pem",
            "error: b2c.ca: `ftp://h/ca.pem` is not a URL; write http://HOST/… or https://HOST/… | ftp://h/ca.pem",
        ),
        (
            "b2c.ca=/ca.pem,sha256=12",
            "error: b2c.ca: `12` is not a SHA-256; write the 64 hex digits that sha256sum prints | 12",
        ),
        (
            "b2c.registry_mirror=docker.io",
            "error: b2c.registry_mirror: `docker.io` names no mirror; write REGISTRY=MIRROR[,MIRROR…][,insecure] | docker.io",
        ),
        (
            "b2c.registry_mirror=docker.io=insecure",
            "error: b2c.registry_mirror: `docker.io=insecure` names no mirror; write REGISTRY=MIRROR[,MIRROR…][,insecure] | docker.io=insecure",
        ),
        (
            "b2c.registry_mirror=https://docker.io=m",
            "error: b2c.registry_mirror: `https://docker.io` is not a registry; write HOST[:PORT], without http:// | https://docker.io",
        ),
        (
            "b2c.registry_mirror=docker.io=http://m/x",
            "error: b2c.registry_mirror: `http://m/x` is not a mirror; write HOST[:PORT][/PREFIX], without http:// | http://m/x",
        ),
        (
            "b2c.registry_mirror=docker.io=m:5000/../x",
            "error: b2c.registry_mirror: `m:5000/../x` is not a mirror; write HOST[:PORT][/PREFIX], without http:// | m:5000/../x",
        ),
        (
            "b2c.registry_mirror=docker.io=me:hunter2@m",
            "error: b2c.registry_mirror: `***@m` is not a mirror; write HOST[:PORT][/PREFIX], without http:// | me:hunter2@m",
        ),
        ("b2c.login=r", "error: b2c.login: `***` has not three parts; write REGISTRY,USER,PASSWORD | r"),
        (
            "b2c.login=r:5000,hunter2",
            "error: b2c.login: `r:5000,***` has not three parts; write REGISTRY,USER,PASSWORD | r:5000,hunter2",
        ),
        (
            "b2c.login=http://r,me,hunter2",
            "error: b2c.login: `http://r` is not a registry; write HOST[:PORT], without http:// | http://r",
        ),
        (
            "b2c.insmods=a.ko,../b.ko",
            "error: b2c.insmods: `../b.ko` is not a file below /usr_mods; write its name, such as nbd.ko | ../b.ko",
        ),
        (
            "b2c.keymap=/x",
            "error: b2c.keymap: `/x` is not a name; use letters, digits, _ . - and start with a letter or a digit | /x",
        ),
        (
            "b2c.watchdog=5",
            "error: b2c.watchdog: `5` is not a whole number from 10 to 3600; or write off | 5",
        ),
        (
            "b2c.watchdog=no",
            "error: b2c.watchdog: `no` is not a whole number from 10 to 3600; or write off | no",
        ),
        (
            "b2c.timeout=90",
            "error: b2c.timeout: `90` is not a duration; write a number and s, m, h, d or w, such as 90m | 90",
        ),
        (
            "b2c.timeout=0s",
            "error: b2c.timeout: `0s` is not a duration; write a number and s, m, h, d or w, such as 90m | 0s",
        ),
        (
            "b2c.poweroff_delay=soon",
            "error: b2c.poweroff_delay: `soon` is not a whole number from 0 to 31536000 | soon",
        ),
        (
            "b2c.poweroff_delay=-1",
            "error: b2c.poweroff_delay: `-1` is not a whole number from 0 to 31536000 | -1",
        ),
        (
            "b2c.shutdown_cmd=\"echo 'x\"",
            "error: b2c.shutdown_cmd: `'x` has an opening ' without a closing one; close it, or write \\' for a plain one | 'x",
        ),
        ("b2c.reboot_cmd=;", "error: b2c.reboot_cmd: `;` is empty; write at least one command | ;"),
    ] {
        assert_line(text, line);
        assert!(!assert_default_after(text).is_fatal(), "{text}");
    }
}

#[test]
fn a_bad_url_for_extra_arguments_keeps_everything_from_running() {
    assert_line(
        "b2c.extra_args_url=ci-gateway/args",
        "error: b2c.extra_args_url: `ci-gateway/args` is not a URL; write http://HOST/… or https://HOST/… | ci-gateway/args",
    );
    assert_eq!(assert_default_after("b2c.extra_args_url=ci-gateway/args").fatal, Some(Fatal::ExtraArgs));
    assert_eq!(
        lines(&["b2c.extra_args_url=http://a/", "b2c.extra_args_url=http://b/"]),
        [
            "warning: b2c.extra_args_url: `http://b/` is ignored: extra arguments do not name further ones | http://b/"
        ]
    );
}

#[test]
fn a_machine_may_hang_for_a_while_and_a_boot_take_one() {
    let minute = Duration::from_secs(60);
    assert_eq!((Options::default().watchdog, Options::default().timeout), (Some(minute), None));
    let options = assert_fine("b2c.watchdog=3600 b2c.timeout=90m");
    assert_eq!((options.watchdog, options.timeout), (Some(60 * minute), Some(90 * minute)));
    assert_eq!(assert_fine("b2c.watchdog=10 b2c.watchdog=off").watchdog, None);
}
