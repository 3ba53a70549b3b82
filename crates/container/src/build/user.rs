//! Whom the process runs as: names are looked up in the image's own /etc/passwd and /etc/group.

use super::{BuildError, files};
use crate::flags::RunRequest;
use crate::spec::User;
use image::ImageConfig;
use std::os::fd::OwnedFd;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// Larger ones are negative to some programs.
const MAX_ID: u32 = i32::MAX as u32;

/// A user and his folder.
pub(super) struct Account {
    pub(super) user: User,
    pub(super) home: String,
}

/// A line of passwd(5).
struct PasswdEntry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// A line of group(5).
struct GroupEntry<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// `--user`, or the image's, or root; with `--group-add`.
pub(super) fn resolve(
    request: &RunRequest,
    image: &ImageConfig,
    root: &OwnedFd,
) -> Result<Account, BuildError> {
    let passwd = files::read_image_text(root, PASSWD)?;
    let groups = files::read_image_text(root, GROUP)?;
    let wanted = request.user.as_deref().unwrap_or(&image.user);
    let (user, group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (wanted, None),
    };
    let user = if user.is_empty() { "0" } else { user };

    // A name comes before a number: a user may be called 1000.
    let entries = || passwd.lines().filter_map(passwd_entry);
    let number = id(user)?;
    let by_number = |entry: &PasswdEntry<'_>| Some(entry.uid) == number;
    let entry = entries().find(|entry| entry.name == user).or_else(|| entries().find(by_number));
    let (uid, own_gid, home) = match (&entry, number) {
        (Some(entry), _) => (entry.uid, entry.gid, entry.home),
        // As podman: a number need not be in the image.
        (None, Some(uid)) => (uid, 0, "/"),
        (None, None) => return Err(BuildError::NoUser(user.to_owned())),
    };
    let gid = match group {
        Some(group) => group_id(group, &groups)?,
        None => own_gid,
    };
    let mut additional_gids = match (&entry, group) {
        (Some(entry), None) => memberships(entry.name, &groups),
        _ => Vec::new(),
    };
    for group in &request.groups {
        additional_gids.push(group_id(group, &groups)?);
    }
    // The primary group is one of them too, or a file that its group must not read could be read (CVE-2022-2989).
    additional_gids.push(gid);
    additional_gids.sort_unstable();
    additional_gids.dedup();
    let home = if home.is_empty() { "/" } else { home }.to_owned();
    Ok(Account { user: User { uid, gid, additional_gids, umask: request.umask }, home })
}

fn group_id(group: &str, text: &str) -> Result<u32, BuildError> {
    match text.lines().filter_map(group_entry).find(|entry| entry.name == group) {
        Some(entry) => Ok(entry.gid),
        None => id(group)?.ok_or_else(|| BuildError::NoGroup(group.to_owned())),
    }
}

/// Groups that list `user` as a member.
fn memberships(user: &str, text: &str) -> Vec<u32> {
    let entries = text.lines().filter_map(group_entry);
    entries
        .filter(|entry| entry.members.split(',').any(|member| member == user))
        .map(|entry| entry.gid)
        .collect()
}

/// `None` is a name; a number that is no id is an error.
fn id(text: &str) -> Result<Option<u32>, BuildError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse() {
        Ok(id) if id <= MAX_ID => Ok(Some(id)),
        _ => Err(BuildError::BadId(text.to_owned())),
    }
}

/// `name:password:uid:gid:comment:home:shell`; anything else is passed over, as getpwent(3) does.
fn passwd_entry(line: &str) -> Option<PasswdEntry<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let (uid, gid) = (fields.nth(1)?, fields.next()?);
    let home = fields.nth(1).unwrap_or_default();
    Some(PasswdEntry { name, uid: id(uid).ok()??, gid: id(gid).ok()??, home })
}

/// `name:password:gid:member,member`.
fn group_entry(line: &str) -> Option<GroupEntry<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let gid = fields.nth(1)?;
    let members = fields.next().unwrap_or_default();
    Some(GroupEntry { name, gid: id(gid).ok()??, members })
}
