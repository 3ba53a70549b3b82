//! When volumes go, on a real file system. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use harness::Disk;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs;
use std::time::Duration;
use volume::{Error, Expiration, Over, Volumes};

const NOON: u64 = 1_800_000_000;
const DAY: Duration = Duration::from_secs(86_400);

fn next_start(volumes: &Volumes, now: Option<u64>) -> Vec<String> {
    volumes.expire(Over::Boot, now).unwrap();
    volumes.list().unwrap()
}

#[test]
fn each_volume_goes_in_its_time() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    for (name, expiration) in [
        ("forever", Expiration::Never),
        ("job", Expiration::PipelineEnd),
        ("day", Expiration::After(DAY)),
        ("date", Expiration::At(NOON + 10)),
    ] {
        assert_eq!(volumes.create(name, expiration, Some(NOON)).unwrap().1, expiration);
    }
    volumes.ensure("fly").unwrap();
    volumes.expire(Over::Pipeline, Some(NOON + 1_000_000)).unwrap();
    assert_eq!(volumes.list().unwrap(), ["date", "day", "fly", "forever"]);
    assert_eq!(next_start(&volumes, Some(NOON + 9)), ["date", "day", "fly", "forever"]);
    assert_eq!(next_start(&volumes, Some(NOON + 10)), ["day", "fly", "forever"]);
    assert_eq!(next_start(&volumes, Some(NOON + 86_399)), ["day", "fly", "forever"]);
    assert_eq!(next_start(&volumes, Some(NOON + 86_400)), ["fly", "forever"]);
}

#[test]
fn a_volume_of_a_pipeline_that_was_cut_goes_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    volumes.create("job", Expiration::PipelineEnd, None).unwrap();
    assert!(next_start(&volumes, None).is_empty());
}

#[test]
fn what_was_decided_first_stays() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    volumes.create("kept", Expiration::Never, Some(NOON)).unwrap();
    volumes.ensure("fly").unwrap();
    for name in ["kept", "fly"] {
        let (_, expiration) = volumes.create(name, Expiration::PipelineEnd, Some(NOON)).unwrap();
        assert_eq!(expiration, Expiration::Never);
    }
    volumes.create("job", Expiration::PipelineEnd, Some(NOON)).unwrap();
    assert_eq!(volumes.create("job", Expiration::Never, Some(NOON)).unwrap().1, Expiration::PipelineEnd);
    assert_eq!(next_start(&volumes, Some(NOON)), ["fly", "kept"]);
    // The name is free for another volume, and another decision.
    assert_eq!(volumes.create("job", Expiration::Never, Some(NOON)).unwrap().1, Expiration::Never);
    assert_eq!(next_start(&volumes, Some(NOON)), ["fly", "job", "kept"]);
}

#[test]
fn a_clock_that_is_not_set_removes_nothing_and_begins_no_time() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    volumes.create("day", Expiration::After(DAY), None).unwrap();
    volumes.create("date", Expiration::At(NOON), None).unwrap();
    assert_eq!(next_start(&volumes, None), ["date", "day"]);
    // The first start that knows the time is when the day begins.
    assert_eq!(next_start(&volumes, Some(NOON)), ["day"]);
    assert_eq!(next_start(&volumes, None), ["day"]);
    assert_eq!(next_start(&volumes, Some(NOON + 86_399)), ["day"]);
    assert!(next_start(&volumes, Some(NOON + 86_400)).is_empty());
}

#[test]
fn what_is_not_pushed_stays_until_it_is() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    let (data, _) = volumes.create("job", Expiration::PipelineEnd, None).unwrap();
    fs::write(data.join("result"), "x").unwrap();
    volumes.keep("job", "http://s3/bucket").unwrap();
    volumes.keep("job", "http://s3/bucket").unwrap();
    volumes.expire(Over::Pipeline, None).unwrap();
    // As after a power cut: another program has opened it.
    let volumes = Volumes::open(root.path()).unwrap();
    assert_eq!(volumes.unpushed("job").unwrap(), ["http://s3/bucket"]);
    assert_eq!(fs::read(data.join("result")).unwrap(), b"x");
    volumes.release("job", "http://s3/bucket").unwrap();
    volumes.release("job", "http://s3/bucket").unwrap();
    volumes.expire(Over::Pipeline, None).unwrap();
    assert!(volumes.list().unwrap().is_empty());
}

#[test]
fn the_next_pipeline_gets_an_empty_volume_beside_those_that_are_not_pushed() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    let mut kept = Vec::new();
    for round in ["first", "second"] {
        let (data, _) = volumes.create("job", Expiration::PipelineEnd, None).unwrap();
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
        fs::write(data.join("result"), round).unwrap();
        volumes.keep("job", "http://s3/bucket").unwrap();
        volumes.expire(Over::Boot, Some(NOON)).unwrap();
        kept = volumes.kept("job").unwrap();
        assert_eq!(next_start(&volumes, Some(NOON)), kept, "they stay under these names");
    }
    let contents = |name: &String| fs::read_to_string(volumes.ensure(name).unwrap().join("result")).unwrap();
    assert_eq!(kept.iter().map(contents).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(volumes.unpushed(&kept[1]).unwrap(), ["http://s3/bucket"]);
    assert!(volumes.kept("jo").unwrap().is_empty());
}

#[test]
fn an_empty_volume_keeps_its_name_and_its_note() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    volumes.create("share", Expiration::PipelineEnd, None).unwrap();
    volumes.keep("share", "http://s3/bucket").unwrap();
    assert_eq!(next_start(&volumes, Some(NOON)), ["share"]);
    assert_eq!(volumes.unpushed("share").unwrap(), ["http://s3/bucket"]);
}

#[test]
fn a_volume_is_kept_for_each_place_that_it_is_not_at() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    volumes.create("job", Expiration::PipelineEnd, None).unwrap();
    for place in ["http://s3/a", "http://s3/b"] {
        volumes.keep("job", place).unwrap();
    }
    volumes.release("job", "http://s3/b").unwrap();
    volumes.expire(Over::Pipeline, None).unwrap();
    assert_eq!(volumes.unpushed("job").unwrap(), ["http://s3/a"]);
    volumes.release("job", "http://s3/a").unwrap();
    volumes.expire(Over::Pipeline, None).unwrap();
    assert!(volumes.list().unwrap().is_empty());
}

#[test]
fn what_cannot_be_written_down_is_kept_for_now() {
    Disk::with(4, |disk| {
        let volumes = Volumes::open(&disk.path().join("volumes")).unwrap();
        volumes.create("job", Expiration::PipelineEnd, None).unwrap();
        let filled = fs::write(disk.path().join("fill"), vec![1; 8 << 20]);
        assert!(filled.is_err());
        assert!(volumes.keep("job", &"x".repeat(4000)).is_err());
        volumes.expire(Over::Pipeline, None).unwrap();
        assert_eq!(volumes.list().unwrap(), ["job"]);
    });
}

#[test]
fn a_note_that_is_not_understood_costs_nothing() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    volumes.create("job", Expiration::PipelineEnd, None).unwrap();
    for text in ["", "pipeline_en", "at 1", "at 1\nat 2\n"] {
        fs::write(root.path().join("job/expiration"), text).unwrap();
        assert_eq!(next_start(&volumes, Some(NOON)), ["job"], "{text:?}");
        volumes.expire(Over::Pipeline, Some(NOON)).unwrap();
        assert_eq!(
            volumes.create("job", Expiration::PipelineEnd, None).unwrap().1,
            Expiration::Never,
            "{text:?}"
        );
    }
}

#[test]
fn nothing_is_removed_through_a_mount() {
    Disk::with(32, |disk| {
        let volumes = Volumes::open(&disk.path().join("volumes")).unwrap();
        let (data, _) = volumes.create("job", Expiration::PipelineEnd, None).unwrap();
        for place in [data.clone(), data.join("share")] {
            fs::create_dir_all(&place).unwrap();
            mount("tmpfs", &place, "tmpfs", MountFlags::empty(), c"").unwrap();
            fs::write(place.join("kept"), "x").unwrap();
            assert!(matches!(volumes.remove("job").unwrap_err(), Error::Mounted { path } if path == place));
            volumes.expire(Over::Pipeline, None).unwrap();
            assert!(place.join("kept").exists());
            unmount(&place, UnmountFlags::empty()).unwrap();
        }
        volumes.expire(Over::Pipeline, None).unwrap();
        assert!(volumes.list().unwrap().is_empty());
    });
}

#[test]
fn no_cut_leaves_a_volume_without_its_note() {
    Disk::with(64, |disk| {
        for number in 0..12 {
            let (path, name) = (disk.path().join("volumes"), format!("cut-{number}"));
            std::thread::scope(|scope| {
                let making = scope.spawn(|| {
                    let volumes = Volumes::open(&path)?;
                    for copy in 0..50 {
                        volumes.create(&format!("{name}-{copy}"), Expiration::PipelineEnd, None)?;
                    }
                    Ok::<_, Error>(())
                });
                std::thread::sleep(Duration::from_millis(2 * number));
                disk.cut();
                let _ = making.join().unwrap();
            });
            disk.unmount();
            disk.mount();
            let volumes = Volumes::open(&path).unwrap();
            assert!(next_start(&volumes, None).is_empty());
        }
    });
}
