//! The cgroup's device filter: a BPF program that the kernel asks at each open(2) and mknod(2) of a device
//! (Documentation/admin-guide/cgroup-v2.rst, "Device controller").

use super::error::{During, Step};
use super::sys;
use rustix::fs::FileType;
use std::os::fd::{AsFd, BorrowedFd};

/// Lets some accesses to some devices through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Character or block device.
    pub(super) kind: FileType,
    /// `None`: any.
    pub(super) major: Option<u32>,
    /// `None`: any.
    pub(super) minor: Option<u32>,
    /// May be opened for reading.
    pub(super) read: bool,
    /// May be opened for writing.
    pub(super) write: bool,
    /// May be made.
    pub(super) mknod: bool,
}

// `BPF_DEVCG_*` (linux/bpf.h).
const BLOCK: u32 = 1;
const CHARACTER: u32 = 2;
const MKNOD: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;

// Opcodes (Documentation/bpf/standardization/instruction-set.rst): 32-bit operations are enough.
const LOAD_WORD: u8 = 0x61;
const MOVE: u8 = 0xbc;
const MOVE_CONSTANT: u8 = 0xb4;
const AND_CONSTANT: u8 = 0x54;
const SHIFT_RIGHT_CONSTANT: u8 = 0x74;
const JUMP_UNLESS_EQUAL: u8 = 0x5e;
const JUMP_UNLESS_CONSTANT: u8 = 0x56;
const EXIT: u8 = 0x95;

// Registers.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
/// The context is no longer needed once its three words are loaded.
const SCRATCH: u8 = 1;

/// Makes the filter decide for a cgroup.
pub(super) fn attach(cgroup: BorrowedFd<'_>, rules: &[Rule]) -> Step<()> {
    let loaded = sys::load_device_program(&assemble(rules)).during(|| "load the device filter");
    sys::attach_device_program(cgroup, loaded?.as_fd()).during(|| "attach the device filter")
}

/// `struct bpf_insn`, as a number.
fn instruction(opcode: u8, destination: u8, source: u8, offset: i16, constant: u32) -> u64 {
    // The two registers are bit fields of one byte, whose order follows the byte order.
    let registers =
        if cfg!(target_endian = "little") { source << 4 | destination } else { destination << 4 | source };
    let [o0, o1] = offset.to_ne_bytes();
    let [c0, c1, c2, c3] = constant.to_ne_bytes();
    u64::from_ne_bytes([opcode, registers, o0, o1, c0, c1, c2, c3])
}

/// The program: 1 if a rule allows all of the access, else 0.
fn assemble(rules: &[Rule]) -> Vec<u64> {
    // struct bpf_cgroup_dev_ctx: access << 16 | kind; major; minor.
    let mut program = vec![
        instruction(LOAD_WORD, KIND, CONTEXT, 0, 0),
        instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0),
        instruction(MOVE, ACCESS, KIND, 0, 0),
        instruction(SHIFT_RIGHT_CONSTANT, ACCESS, 0, 0, 16),
        instruction(AND_CONSTANT, KIND, 0, 0, 0xffff),
    ];
    for rule in rules {
        program.extend(assemble_rule(rule));
    }
    program.extend([instruction(MOVE_CONSTANT, RESULT, 0, 0, 0), instruction(EXIT, 0, 0, 0, 0)]);
    program
}

fn assemble_rule(rule: &Rule) -> Vec<u64> {
    let kind = if rule.kind == FileType::BlockDevice { BLOCK } else { CHARACTER };
    let allowed = [(rule.mknod, MKNOD), (rule.read, READ), (rule.write, WRITE)];
    let allowed = allowed.iter().filter(|(yes, _)| *yes).fold(0, |all, (_, bit)| all | bit);
    // Each test is (opcode, register, source, constant), and jumps behind the rule when it fails.
    let mut body = vec![(JUMP_UNLESS_CONSTANT, KIND, 0, kind)];
    let numbers = [(MAJOR, rule.major), (MINOR, rule.minor)];
    body.extend(
        numbers
            .iter()
            .filter_map(|(register, number)| number.map(|n| (JUMP_UNLESS_CONSTANT, *register, 0, n))),
    );
    body.extend([
        (MOVE, SCRATCH, ACCESS, 0),
        (AND_CONSTANT, SCRATCH, 0, allowed),
        (JUMP_UNLESS_EQUAL, SCRATCH, ACCESS, 0),
        (MOVE_CONSTANT, RESULT, 0, 1),
        (EXIT, 0, 0, 0),
    ]);
    let length = body.len();
    let assembled = body.into_iter().enumerate().map(|(at, (opcode, destination, source, constant))| {
        let jumps = matches!(opcode, JUMP_UNLESS_CONSTANT | JUMP_UNLESS_EQUAL);
        // At most eight instructions.
        let behind = i16::try_from(length - at - 1).unwrap_or(0);
        instruction(opcode, destination, source, if jumps { behind } else { 0 }, constant)
    });
    assembled.collect()
}
