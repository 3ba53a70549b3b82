//! The default system call filter, as a classic BPF program (Documentation/userspace-api/seccomp_filter.rst).

mod table;

use super::sys::SockFilter;
use rustix::thread::CapabilitySet;
use std::collections::BTreeMap;
use table::{NONE, Rule, TABLE};

/// Where an ABI's numbers are in the table.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "each architecture has one or two of them")]
pub(super) enum Column {
    X86_64,
    X86,
    /// aarch64, riscv64, and whatever comes later.
    Generic,
    Arm,
}

/// The ABIs of this machine: `AUDIT_ARCH_*` (linux/audit.h) and the column. x32 has x86_64's mark and larger numbers, which are not in
/// the table.
const ABIS: &[(u32, Column)] = if cfg!(target_arch = "x86_64") {
    &[(0xc000_003e, Column::X86_64), (0x4000_0003, Column::X86)]
} else if cfg!(target_arch = "aarch64") {
    &[(0xc000_00b7, Column::Generic), (0x4000_0028, Column::Arm)]
} else if cfg!(target_arch = "riscv64") {
    &[(0xc000_00f3, Column::Generic)]
} else if cfg!(target_arch = "arm") {
    &[(0x4000_0028, Column::Arm)]
} else if cfg!(target_arch = "x86") {
    &[(0x4000_0003, Column::X86)]
} else {
    &[]
};

/// What the program does about a call number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Allow,
    Error(u32),
    Personality,
    Clone,
    Socket,
}

// Instructions (linux/bpf_common.h).
const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

// Return values (linux/seccomp.h).
const KILL_PROCESS: u32 = 0x8000_0000;
const ALLOW: u32 = 0x7fff_0000;
const ERROR: u32 = 0x0005_0000;

// errno.h, the same everywhere but on MIPS, SPARC, Alpha and PA-RISC.
const EPERM: u32 = 1;
const EINVAL: u32 = 22;
const ENOSYS: u32 = 38;

// Offsets in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;

/// All `CLONE_NEW*` flags that clone(2) takes.
const CLONE_NAMESPACES: u32 = 0x7e02_0000;
/// linux/personality.h: Linux, Linux32, both with `UNAME26`, and the question which one it is.
const PERSONALITIES: [u32; 5] = [0, 8, 0x0002_0000, 0x0002_0008, 0xffff_ffff];
const AF_NETLINK: u32 = 16;
const NETLINK_AUDIT: u32 = 9;

/// The filter for a process with these capabilities; `None` where the table has no numbers for this machine.
pub(super) fn default_filter(capabilities: u64) -> Option<Vec<SockFilter>> {
    if ABIS.is_empty() {
        return None;
    }
    let mut program = vec![load(ARCH)];
    for (arch, column) in ABIS {
        let body = search(&segments(*column, capabilities));
        // Too far for a conditional jump.
        program.push(SockFilter { code: JUMP_IF_EQUAL, jt: 1, jf: 0, k: *arch });
        program.push(SockFilter { code: JUMP, jt: 0, jf: 0, k: length(&body) + 1 });
        program.push(load(NUMBER));
        program.extend(body);
    }
    program.push(give(KILL_PROCESS));
    Some(program)
}

/// Runs of numbers with the same action: where each starts, in order; the first starts at 0.
fn segments(column: Column, capabilities: u64) -> Vec<(u32, Action)> {
    let has = |needed: u64| capabilities & needed == needed;
    let admin = has(CapabilitySet::SYS_ADMIN.bits());
    let mut known = BTreeMap::new();
    for row in TABLE {
        let action = match row.rule {
            Rule::Allow => Action::Allow,
            Rule::Refuse => Action::Error(EPERM),
            Rule::Needs(capability) => {
                if has(capability) {
                    Action::Allow
                } else {
                    Action::Error(EPERM)
                }
            }
            Rule::Personality => Action::Personality,
            Rule::Clone => {
                if admin {
                    Action::Allow
                } else {
                    Action::Clone
                }
            }
            Rule::Clone3 if admin => Action::Allow,
            Rule::Clone3 => Action::Error(ENOSYS),
            Rule::Socket => {
                if has(CapabilitySet::AUDIT_WRITE.bits()) {
                    Action::Allow
                } else {
                    Action::Socket
                }
            }
        };
        match row.numbers[column as usize] {
            NONE => {}
            number => drop(known.insert(number, action)),
        }
    }
    let mut segments = vec![(0, Action::Error(ENOSYS))];
    for (number, action) in known {
        // The number itself, and the gap that may follow it.
        for (start, action) in [(number, action), (number + 1, Action::Error(ENOSYS))] {
            if segments.last().is_some_and(|(last, _)| *last == start) {
                segments.pop();
            }
            if segments.last().is_none_or(|(_, previous)| *previous != action) {
                segments.push((start, action));
            }
        }
    }
    segments
}

/// A binary search among segments; it ends in a return in every case.
fn search(segments: &[(u32, Action)]) -> Vec<SockFilter> {
    let (left, right) = match segments {
        [] => return vec![give(KILL_PROCESS)],
        [(_, action)] => return act(*action),
        _ => segments.split_at(segments.len() / 2),
    };
    let (pivot, left, right) = (right[0].0, search(left), search(right));
    let mut code = match u8::try_from(left.len()) {
        Ok(near) => vec![SockFilter { code: JUMP_IF_AT_LEAST, jt: near, jf: 0, k: pivot }],
        Err(_) => vec![
            SockFilter { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: pivot },
            SockFilter { code: JUMP, jt: 0, jf: 0, k: length(&left) },
        ],
    };
    code.extend(left);
    code.extend(right);
    code
}

fn act(action: Action) -> Vec<SockFilter> {
    let permit = |test: Vec<SockFilter>, error: u32| [test, vec![give(ERROR | error), give(ALLOW)]].concat();
    match action {
        Action::Allow => vec![give(ALLOW)],
        Action::Error(error) => vec![give(ERROR | error)],
        Action::Clone => {
            let test = SockFilter { code: JUMP_IF_ANY_BIT, jt: 0, jf: 1, k: CLONE_NAMESPACES };
            permit(vec![load(argument(0)), test], EPERM)
        }
        Action::Personality => {
            let mut code = vec![load(argument(0))];
            for (at, personality) in PERSONALITIES.iter().enumerate() {
                // Over the tests that follow and over the error: at most five.
                let jt = u8::try_from(PERSONALITIES.len() - at).unwrap_or(0);
                code.push(SockFilter { code: JUMP_IF_EQUAL, jt, jf: 0, k: *personality });
            }
            permit(code, EPERM)
        }
        Action::Socket => permit(
            vec![
                load(argument(0)),
                SockFilter { code: JUMP_IF_EQUAL, jt: 0, jf: 3, k: AF_NETLINK },
                load(argument(2)),
                SockFilter { code: JUMP_IF_EQUAL, jt: 0, jf: 1, k: NETLINK_AUDIT },
            ],
            EINVAL,
        ),
    }
}

/// The lower half of an argument: these calls take `int`.
fn argument(index: u32) -> u32 {
    let lower = if cfg!(target_endian = "little") { 0 } else { 4 };
    16 + 8 * index + lower
}

fn load(offset: u32) -> SockFilter {
    SockFilter { code: LOAD, jt: 0, jf: 0, k: offset }
}

fn give(value: u32) -> SockFilter {
    SockFilter { code: RETURN, jt: 0, jf: 0, k: value }
}

/// A program of the kernel's has at most 4096 instructions.
fn length(code: &[SockFilter]) -> u32 {
    u32::try_from(code.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::table::NAMES;
    use super::*;
    use proptest::prelude::*;

    /// What the program says to a call: a classic BPF machine with the instructions that we use.
    fn answer(program: &[SockFilter], arch: u32, number: u32, arguments: [u32; 3]) -> u32 {
        let (mut accumulator, mut at) = (0, 0);
        loop {
            let SockFilter { code, jt, jf, k } = program[at];
            at += 1;
            let jump = |condition: bool| usize::from(if condition { jt } else { jf });
            match code {
                LOAD if k == NUMBER => accumulator = number,
                LOAD if k == ARCH => accumulator = arch,
                LOAD => accumulator = arguments[(0..3).find(|i| argument(*i) == k).unwrap() as usize],
                JUMP => at += k as usize,
                JUMP_IF_EQUAL => at += jump(accumulator == k),
                JUMP_IF_AT_LEAST => at += jump(accumulator >= k),
                JUMP_IF_ANY_BIT => at += jump(accumulator & k != 0),
                RETURN => return k,
                _ => panic!("unknown instruction {code:#x}"),
            }
        }
    }

    fn number(name: &str, column: Column) -> u32 {
        let row = NAMES.iter().position(|known| *known == name).unwrap();
        TABLE[row].numbers[column as usize]
    }

    /// The answer to a call by name, in the machine's first ABI.
    fn ask(name: &str, arguments: [u32; 3], capabilities: u64) -> u32 {
        let (arch, column) = ABIS[0];
        answer(&default_filter(capabilities).unwrap(), arch, number(name, column), arguments)
    }

    #[test]
    fn the_table_is_consistent() {
        assert!(NAMES.is_sorted_by(|a, b| a < b));
        for column in [Column::X86_64, Column::X86, Column::Generic, Column::Arm] {
            let mut numbers: Vec<_> =
                TABLE.iter().map(|row| row.numbers[column as usize]).filter(|n| *n != NONE).collect();
            let all = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), all, "two names have one number");
        }
    }

    #[test]
    fn the_table_agrees_with_the_c_library() {
        let known = [
            ("read", libc::SYS_read),
            ("openat", libc::SYS_openat),
            ("execve", libc::SYS_execve),
            ("clone", libc::SYS_clone),
            ("socket", libc::SYS_socket),
            ("personality", libc::SYS_personality),
            ("ptrace", libc::SYS_ptrace),
            ("bpf", libc::SYS_bpf),
            ("unshare", libc::SYS_unshare),
            ("statx", libc::SYS_statx),
            ("rseq", libc::SYS_rseq),
            ("faccessat2", libc::SYS_faccessat2),
        ];
        for (name, expected) in known {
            assert_eq!(i64::from(number(name, ABIS[0].1)), expected, "{name}");
        }
    }

    #[test]
    fn known_calls_get_their_answer() {
        assert_eq!(ask("read", [0; 3], 0), ALLOW);
        assert_eq!(ask("mount", [0; 3], 0), ERROR | EPERM);
        assert_eq!(ask("mount", [0; 3], CapabilitySet::SYS_ADMIN.bits()), ALLOW);
        assert_eq!(ask("keyctl", [0; 3], u64::MAX), ERROR | EPERM);
        assert_eq!(ask("clone3", [0; 3], 0), ERROR | ENOSYS);
        assert_eq!(ask("clone3", [0; 3], CapabilitySet::SYS_ADMIN.bits()), ALLOW);
    }

    #[test]
    fn arguments_are_looked_at() {
        const CLONE_NEWUSER: u32 = 0x1000_0000;
        assert_eq!(ask("clone", [0x0050_0f00, 0, 0], 0), ALLOW, "a thread");
        assert_eq!(ask("clone", [CLONE_NEWUSER | 17, 0, 0], 0), ERROR | EPERM);
        assert_eq!(ask("clone", [CLONE_NEWUSER | 17, 0, 0], CapabilitySet::SYS_ADMIN.bits()), ALLOW);
        for personality in PERSONALITIES {
            assert_eq!(ask("personality", [personality, 0, 0], 0), ALLOW);
        }
        assert_eq!(ask("personality", [0x0004_0000, 0, 0], 0), ERROR | EPERM, "ADDR_NO_RANDOMIZE");
        assert_eq!(ask("socket", [AF_NETLINK, 3, 0], 0), ALLOW);
        assert_eq!(ask("socket", [2, 3, NETLINK_AUDIT], 0), ALLOW);
        assert_eq!(ask("socket", [AF_NETLINK, 3, NETLINK_AUDIT], 0), ERROR | EINVAL);
        assert_eq!(ask("socket", [AF_NETLINK, 3, NETLINK_AUDIT], CapabilitySet::AUDIT_WRITE.bits()), ALLOW);
    }

    #[test]
    fn other_abis_are_killed_and_x32_does_not_exist() {
        let program = default_filter(u64::MAX).unwrap();
        assert_eq!(answer(&program, 0x1234, 0, [0; 3]), KILL_PROCESS);
        assert_eq!(answer(&program, ABIS[0].0, 0x4000_0000, [0; 3]), ERROR | ENOSYS);
    }

    proptest! {
        /// The search finds what a look through the table finds.
        #[test]
        fn the_program_says_what_the_table_says(number in 0_u32..700, capabilities: u64) {
            let program = default_filter(capabilities).unwrap();
            for (arch, column) in ABIS {
                let row = TABLE.iter().find(|row| row.numbers[*column as usize] == number);
                let expected = match row.map(|row| row.rule) {
                    None => ERROR | ENOSYS,
                    Some(Rule::Refuse) => ERROR | EPERM,
                    Some(Rule::Needs(needed)) if capabilities & needed == 0 => ERROR | EPERM,
                    Some(Rule::Clone3) if capabilities & CapabilitySet::SYS_ADMIN.bits() == 0 => ERROR | ENOSYS,
                    Some(_) => ALLOW,
                };
                prop_assert_eq!(answer(&program, *arch, number, [0; 3]), expected);
            }
        }
    }
}
