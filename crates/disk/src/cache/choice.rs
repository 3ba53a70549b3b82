//! Which disk becomes the cache when none is named, and which is left alone.

use super::{LABEL, MINIMUM};
use crate::block::{Device, DiskKind};
use crate::signature::{Family, Signature};
use crate::survey::Survey;
use crate::{Error, human};
use std::time::Duration;

/// The first device that holds a labelled file system.
pub(super) fn labelled(surveys: &[Survey]) -> Option<&Device> {
    let is_cache = |signature: &Signature| signature.label == LABEL && signature.family.can_be_cache();
    surveys
        .iter()
        .flat_map(Survey::devices)
        .find(|(device, signature)| !device.read_only && signature.is_some_and(is_cache))
        .map(|(device, _)| device)
}

/// The first partition that is ours by its name and holds nothing: power was cut while it was formatted. Without it, a reset that was cut
/// short would go on with another disk.
pub(super) fn interrupted(surveys: &[Survey]) -> Option<&Device> {
    surveys
        .iter()
        .flat_map(|survey| &survey.partitions)
        .find(|(partition, content)| partition.name == LABEL && *content == Ok(None))
        .map(|(partition, _)| &partition.device)
}

/// The first disk that may be wiped.
///
/// Divergence: the original takes the first disk, whatever is on it.
pub(super) fn disk(surveys: &[Survey], waited: Duration) -> Result<&Survey, Error> {
    let is_only_one = surveys.len() == 1;
    let mut refused = Vec::new();
    for survey in surveys {
        match refusal(survey, is_only_one) {
            None => return Ok(survey),
            Some(reason) => refused.push(format!("{} {reason}", survey.title())),
        }
    }
    if refused.is_empty() {
        refused.push("there is none at all".to_owned());
    }
    Err(Error::NoDisk { seconds: waited.as_secs(), refused: refused.join("; ") })
}

/// Why a disk is left alone.
fn refusal(survey: &Survey, is_only_one: bool) -> Option<String> {
    let disk = &survey.disk;
    let content = match &survey.whole {
        Ok(content) => content,
        Err(reason) => return Some(format!("cannot be read ({reason})")),
    };
    let families = || survey.devices().filter_map(|(_, signature)| signature);
    let member = families().find(|signature| signature.family == Family::Member);
    // The kernel does not say what it was loaded from.
    let may_boot = content.has_boot_code || families().any(|signature| signature.family == Family::Bootable);
    if disk.kind == DiskKind::Assembled {
        Some("is made of other disks".to_owned())
    } else if disk.device.read_only {
        Some("can only be read".to_owned())
    } else if disk.device.size < MINIMUM {
        Some(format!("is smaller than {}", human(MINIMUM)))
    } else if disk.removable && may_boot {
        Some(
            "can be removed, and may be what the machine was booted from; name it to have it wiped"
                .to_owned(),
        )
    } else if let Some(member) = member
        && !is_only_one
    {
        Some(format!("holds {member} and is not the only disk; name it to have it wiped"))
    } else if disk.device.is_in_use() {
        Some("is in use".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Disk, Partition};
    use crate::survey::Content;

    fn survey(name: &str) -> Survey {
        let device = Device { path: format!("/dev/no-such-{name}").into(), size: 1 << 30, read_only: false };
        let disk = Disk {
            device,
            model: String::new(),
            kind: DiskKind::Drive,
            removable: false,
            partitions: Vec::new(),
        };
        Survey { disk, whole: Ok(Content::default()), partitions: Vec::new() }
    }

    fn with(mut survey: Survey, family: Family, label: &str) -> Survey {
        let number = u32::try_from(survey.partitions.len() + 1).unwrap();
        let path = format!("{}{number}", survey.disk.device.path.display()).into();
        let partition =
            Partition { device: Device { path, ..survey.disk.device.clone() }, number, name: "x".into() };
        let signature = Signature { family, name: "x", label: label.into() };
        survey.partitions.push((partition, Ok(Some(signature))));
        survey
    }

    fn chosen(surveys: &[Survey]) -> Option<&str> {
        disk(surveys, Duration::ZERO).ok()?.disk.device.path.to_str()
    }

    #[test]
    fn the_first_disk_is_taken_even_with_file_systems() {
        assert_eq!(chosen(&[]), None);
        let surveys = [with(survey("a"), Family::Linux, "data"), survey("b")];
        assert_eq!(chosen(&surveys), Some("/dev/no-such-a"));
    }

    #[test]
    fn parts_of_something_larger_are_wiped_only_on_the_only_disk() {
        let member = || with(survey("a"), Family::Member, "");
        assert_eq!(chosen(&[member()]), Some("/dev/no-such-a"));
        assert_eq!(chosen(&[member(), survey("b")]), Some("/dev/no-such-b"));
        assert_eq!(chosen(&[member(), member()]), None);
    }

    #[test]
    fn what_cannot_or_must_not_be_written_is_left_alone() {
        let change = |change: fn(&mut Survey)| {
            let mut survey = survey("a");
            change(&mut survey);
            chosen(&[survey]).is_some()
        };
        assert!(change(|_| ()));
        assert!(!change(|survey| survey.disk.device.read_only = true));
        assert!(!change(|survey| survey.disk.device.size = MINIMUM - 1));
        assert!(!change(|survey| survey.disk.kind = DiskKind::Assembled));
        assert!(!change(|survey| survey.whole = Err("Input/output error".into())));
    }

    #[test]
    fn removable_disks_are_left_alone_if_they_may_boot() {
        let removable = |mut survey: Survey| {
            survey.disk.removable = true;
            survey
        };
        assert!(chosen(&[removable(survey("a"))]).is_some());
        assert!(chosen(&[removable(with(survey("a"), Family::Linux, ""))]).is_some());
        assert!(chosen(&[removable(with(survey("a"), Family::Bootable, ""))]).is_none());
        let mut boot_sector = removable(survey("a"));
        boot_sector.whole = Ok(Content { has_boot_code: true, ..Content::default() });
        assert!(chosen(&[boot_sector]).is_none());
        assert!(chosen(&[with(survey("a"), Family::Bootable, "")]).is_some(), "a fixed disk is wiped");
    }

    #[test]
    fn labels_are_looked_for_everywhere_but_only_where_a_cache_can_be() {
        let path = |device: &Device| device.path.display().to_string();
        let surveys = [
            with(survey("a"), Family::Bootable, LABEL),
            with(with(survey("b"), Family::Linux, "other"), Family::Linux, LABEL),
        ];
        assert_eq!(labelled(&surveys).map(path).as_deref(), Some("/dev/no-such-b2"));
        let mut read_only = with(survey("a"), Family::Linux, LABEL);
        read_only.partitions[0].0.device.read_only = true;
        assert_eq!(labelled(&[read_only]), None);
    }

    #[test]
    fn a_partition_of_ours_without_content_is_an_interrupted_one() {
        let mut ours = with(survey("a"), Family::Linux, "");
        ours.partitions[0].0.name = LABEL.into();
        assert_eq!(interrupted(std::slice::from_ref(&ours)), None);
        ours.partitions[0].1 = Ok(None);
        assert!(interrupted(&[ours]).is_some());
    }
}
