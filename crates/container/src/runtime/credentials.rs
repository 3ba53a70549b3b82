//! Who the command is and what it may do: user, groups, capabilities, limits, system call filter.

use super::error::{During, Step, setup};
use super::{seccomp, sys};
use crate::spec::{Seccomp, Spec};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// Takes on the Spec's credentials, for good. The order matters: each step needs a privilege that a later one gives up.
pub(super) fn take_on(spec: &Spec) -> Step<()> {
    for limit in &spec.rlimits {
        sys::set_resource_limit(limit.resource, limit.soft, limit.hard)
            .during(|| format!("resource limit {} = {}:{}", limit.resource, limit.soft, limit.hard))?;
    }
    bound_capabilities(spec.capabilities)?;
    set_user(spec)?;
    if spec.no_new_privileges {
        set_no_new_privs(true).during(|| "no new privileges")?;
    }
    let granted = CapabilitySet::from_bits_retain(spec.capabilities) & permitted()?;
    if spec.seccomp == Seccomp::Default {
        // Loading it takes CAP_SYS_ADMIN (or no new privileges), which the container may not keep: only capset(2) and execve(2)
        // come after it.
        let filter = seccomp::default_filter(granted.bits())
            .ok_or_else(|| setup("system call filter: there is none for this architecture"))?;
        sys::load_system_call_filter(&filter).during(|| "load the system call filter")?;
    }
    // The kernel would take them from an ordinary user at execve(2); without them already, it is the user that must be allowed to
    // execute the file.
    let kept = if spec.user.uid == 0 { granted } else { CapabilitySet::empty() };
    set_both(kept)
}

/// No program that the container ever executes gets more than these.
fn bound_capabilities(bounding: u64) -> Step<()> {
    for bit in 0..u64::BITS {
        let capability = 1 << bit;
        if bounding & capability != 0 {
            continue;
        }
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(capability)) {
            // One more than the kernel's last.
            Err(Errno::INVAL) => break,
            result => result.during(|| format!("drop capability {bit}"))?,
        }
    }
    Ok(())
}

fn set_user(spec: &Spec) -> Step<()> {
    let user = &spec.user;
    let groups: Vec<Gid> = user.additional_gids.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let what = || format!("user {}:{}", user.uid, user.gid);
    // Else the change of user would empty the permitted set, before the filter is loaded and the Spec's set is taken on.
    set_keep_capabilities(true).during(what)?;
    set_thread_groups(&groups).during(|| "supplementary groups")?;
    set_thread_res_gid(gid, gid, gid).during(what)?;
    set_thread_res_uid(uid, uid, uid).during(what)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(user.umask));
    clear_ambient_capability_set().during(|| "clear ambient capabilities")?;
    set_both(permitted()?)
}

fn permitted() -> Step<CapabilitySet> {
    Ok(capabilities(None).during(|| "read capabilities")?.permitted)
}

/// Permitted and effective; the bounding set stays what it is.
fn set_both(capabilities: CapabilitySet) -> Step<()> {
    // Inheritable is always empty (CVE-2022-27649, CVE-2022-27650, CVE-2022-29162): with it, a file's inheritable capabilities would
    // come to life for any user of the container.
    let sets = CapabilitySets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).during(|| "set capabilities")
}
