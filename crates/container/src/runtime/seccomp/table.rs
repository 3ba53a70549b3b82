//! Which system calls the default profile knows: data, and nothing else.
//!
//! The list is containers-common's (`/usr/share/containers/seccomp.json`) and what kernels have added since; a call that is not here
//! does not exist for the container (`ENOSYS`), so that programs fall back to older ones.
//!
//! Divergence: podman lets an unprivileged container make namespaces, mount in them, and use key rings. We ask for `CAP_SYS_ADMIN`, as
//! docker does: the kernel's flaws of many years were reached that way, and privileged containers, the default here, have no filter.

use rustix::thread::CapabilitySet;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It goes through.
    Allow,
    /// `EPERM`.
    Refuse,
    /// Allowed with this capability, else `EPERM`.
    Needs(u64),
    /// Allowed for the execution domains of ordinary Linux programs.
    Personality,
    /// Without `CAP_SYS_ADMIN`, no new namespaces.
    Clone,
    /// `ENOSYS` without `CAP_SYS_ADMIN`: its flags are in memory, where no filter can see them, and programs fall back to clone(2).
    Clone3,
    /// Without `CAP_AUDIT_WRITE`, no socket to the audit system: `EINVAL`, which PAM takes for "no audit here".
    Socket,
}

/// One system call.
pub(super) struct Row {
    pub(super) rule: Rule,
    /// By [`Column`](super::Column); [`NONE`] where it does not exist.
    pub(super) numbers: [u32; 4],
}

/// No such call.
pub(super) const NONE: u32 = u32::MAX;

macro_rules! number {
    (_) => {
        NONE
    };
    ($number:tt) => {
        $number
    };
}

macro_rules! table {
    ($($name:ident: $rule:ident$(($capability:ident))?, $x86_64:tt, $x86:tt, $generic:tt, $arm:tt;)*) => {
        /// All rows.
        pub(super) const TABLE: &[Row] = &[
            $(Row {
                rule: Rule::$rule$((CapabilitySet::$capability.bits()))?,
                numbers: [number!($x86_64), number!($x86), number!($generic), number!($arm)],
            },)*
        ];
        /// Their names.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

// Name: rule, number on x86_64, on i386, on aarch64 and riscv64 (asm-generic/unistd.h), on arm.
table! {
    _llseek: Allow, _, 140, _, 140;
    _newselect: Allow, _, 142, _, 142;
    accept: Allow, 43, _, 202, 285;
    accept4: Allow, 288, 364, 242, 366;
    access: Allow, 21, 33, _, 33;
    acct: Needs(SYS_PACCT), 163, 51, 89, 51;
    add_key: Refuse, 248, 286, 217, 309;
    adjtimex: Allow, 159, 124, 171, 124;
    alarm: Allow, 37, 27, _, _;
    arch_prctl: Allow, 158, 384, _, _;
    arm_fadvise64_64: Allow, _, _, _, 270;
    bind: Allow, 49, 361, 200, 282;
    bpf: Needs(SYS_ADMIN), 321, 357, 280, 386;
    breakpoint: Allow, _, _, _, 983041;
    brk: Allow, 12, 45, 214, 45;
    cacheflush: Allow, _, _, _, 983042;
    cachestat: Allow, 451, 451, 451, 451;
    capget: Allow, 125, 184, 90, 184;
    capset: Allow, 126, 185, 91, 185;
    chdir: Allow, 80, 12, 49, 12;
    chmod: Allow, 90, 15, _, 15;
    chown: Allow, 92, 182, _, 182;
    chown32: Allow, _, 212, _, 212;
    chroot: Needs(SYS_CHROOT), 161, 61, 51, 61;
    clock_adjtime: Allow, 305, 343, 266, 372;
    clock_adjtime64: Allow, _, 405, _, 405;
    clock_getres: Allow, 229, 266, 114, 264;
    clock_getres_time64: Allow, _, 406, _, 406;
    clock_gettime: Allow, 228, 265, 113, 263;
    clock_gettime64: Allow, _, 403, _, 403;
    clock_nanosleep: Allow, 230, 267, 115, 265;
    clock_nanosleep_time64: Allow, _, 407, _, 407;
    clock_settime: Needs(SYS_TIME), 227, 264, 112, 262;
    clock_settime64: Needs(SYS_TIME), _, 404, _, 404;
    clone: Clone, 56, 120, 220, 120;
    clone3: Clone3, 435, 435, 435, 435;
    close: Allow, 3, 6, 57, 6;
    close_range: Allow, 436, 436, 436, 436;
    connect: Allow, 42, 362, 203, 283;
    copy_file_range: Allow, 326, 377, 285, 391;
    creat: Allow, 85, 8, _, 8;
    delete_module: Needs(SYS_MODULE), 176, 129, 106, 129;
    dup: Allow, 32, 41, 23, 41;
    dup2: Allow, 33, 63, _, 63;
    dup3: Allow, 292, 330, 24, 358;
    epoll_create: Allow, 213, 254, _, 250;
    epoll_create1: Allow, 291, 329, 20, 357;
    epoll_ctl: Allow, 233, 255, 21, 251;
    epoll_pwait: Allow, 281, 319, 22, 346;
    epoll_pwait2: Allow, 441, 441, 441, 441;
    epoll_wait: Allow, 232, 256, _, 252;
    eventfd: Allow, 284, 323, _, 351;
    eventfd2: Allow, 290, 328, 19, 356;
    execve: Allow, 59, 11, 221, 11;
    execveat: Allow, 322, 358, 281, 387;
    exit: Allow, 60, 1, 93, 1;
    exit_group: Allow, 231, 252, 94, 248;
    faccessat: Allow, 269, 307, 48, 334;
    faccessat2: Allow, 439, 439, 439, 439;
    fadvise64: Allow, 221, 250, 223, _;
    fadvise64_64: Allow, _, 272, _, _;
    fallocate: Allow, 285, 324, 47, 352;
    fanotify_init: Needs(SYS_ADMIN), 300, 338, 262, 367;
    fanotify_mark: Allow, 301, 339, 263, 368;
    fchdir: Allow, 81, 133, 50, 133;
    fchmod: Allow, 91, 94, 52, 94;
    fchmodat: Allow, 268, 306, 53, 333;
    fchmodat2: Allow, 452, 452, 452, 452;
    fchown: Allow, 93, 95, 55, 95;
    fchown32: Allow, _, 207, _, 207;
    fchownat: Allow, 260, 298, 54, 325;
    fcntl: Allow, 72, 55, 25, 55;
    fcntl64: Allow, _, 221, _, 221;
    fdatasync: Allow, 75, 148, 83, 148;
    fgetxattr: Allow, 193, 231, 10, 231;
    finit_module: Needs(SYS_MODULE), 313, 350, 273, 379;
    flistxattr: Allow, 196, 234, 13, 234;
    flock: Allow, 73, 143, 32, 143;
    fork: Allow, 57, 2, _, 2;
    fremovexattr: Allow, 199, 237, 16, 237;
    fsconfig: Needs(SYS_ADMIN), 431, 431, 431, 431;
    fsetxattr: Allow, 190, 228, 7, 228;
    fsmount: Needs(SYS_ADMIN), 432, 432, 432, 432;
    fsopen: Needs(SYS_ADMIN), 430, 430, 430, 430;
    fspick: Needs(SYS_ADMIN), 433, 433, 433, 433;
    fstat: Allow, 5, 108, 80, 108;
    fstat64: Allow, _, 197, _, 197;
    fstatat64: Allow, _, 300, _, 327;
    fstatfs: Allow, 138, 100, 44, 100;
    fstatfs64: Allow, _, 269, _, 267;
    fsync: Allow, 74, 118, 82, 118;
    ftruncate: Allow, 77, 93, 46, 93;
    ftruncate64: Allow, _, 194, _, 194;
    futex: Allow, 202, 240, 98, 240;
    futex_requeue: Allow, 456, 456, 456, 456;
    futex_time64: Allow, _, 422, _, 422;
    futex_wait: Allow, 455, 455, 455, 455;
    futex_waitv: Allow, 449, 449, 449, 449;
    futex_wake: Allow, 454, 454, 454, 454;
    futimesat: Allow, 261, 299, _, 326;
    get_mempolicy: Allow, 239, 275, 236, 320;
    get_robust_list: Allow, 274, 312, 100, 339;
    get_thread_area: Allow, 211, 244, _, _;
    getcpu: Allow, 309, 318, 168, 345;
    getcwd: Allow, 79, 183, 17, 183;
    getdents: Allow, 78, 141, _, 141;
    getdents64: Allow, 217, 220, 61, 217;
    getegid: Allow, 108, 50, 177, 50;
    getegid32: Allow, _, 202, _, 202;
    geteuid: Allow, 107, 49, 175, 49;
    geteuid32: Allow, _, 201, _, 201;
    getgid: Allow, 104, 47, 176, 47;
    getgid32: Allow, _, 200, _, 200;
    getgroups: Allow, 115, 80, 158, 80;
    getgroups32: Allow, _, 205, _, 205;
    getitimer: Allow, 36, 105, 102, 105;
    getpeername: Allow, 52, 368, 205, 287;
    getpgid: Allow, 121, 132, 155, 132;
    getpgrp: Allow, 111, 65, _, 65;
    getpid: Allow, 39, 20, 172, 20;
    getppid: Allow, 110, 64, 173, 64;
    getpriority: Allow, 140, 96, 141, 96;
    getrandom: Allow, 318, 355, 278, 384;
    getresgid: Allow, 120, 171, 150, 171;
    getresgid32: Allow, _, 211, _, 211;
    getresuid: Allow, 118, 165, 148, 165;
    getresuid32: Allow, _, 209, _, 209;
    getrlimit: Allow, 97, 76, 163, _;
    getrusage: Allow, 98, 77, 165, 77;
    getsid: Allow, 124, 147, 156, 147;
    getsockname: Allow, 51, 367, 204, 286;
    getsockopt: Allow, 55, 365, 209, 295;
    gettid: Allow, 186, 224, 178, 224;
    gettimeofday: Allow, 96, 78, 169, 78;
    getuid: Allow, 102, 24, 174, 24;
    getuid32: Allow, _, 199, _, 199;
    getxattr: Allow, 191, 229, 8, 229;
    getxattrat: Allow, 464, 464, 464, 464;
    init_module: Needs(SYS_MODULE), 175, 128, 105, 128;
    inotify_add_watch: Allow, 254, 292, 27, 317;
    inotify_init: Allow, 253, 291, _, 316;
    inotify_init1: Allow, 294, 332, 26, 360;
    inotify_rm_watch: Allow, 255, 293, 28, 318;
    io_cancel: Allow, 210, 249, 3, 247;
    io_destroy: Allow, 207, 246, 1, 244;
    io_getevents: Allow, 208, 247, 4, 245;
    io_pgetevents: Allow, 333, 385, _, _;
    io_pgetevents_time64: Allow, _, 416, _, 416;
    io_setup: Allow, 206, 245, 0, 243;
    io_submit: Allow, 209, 248, 2, 246;
    ioctl: Allow, 16, 54, 29, 54;
    ioperm: Needs(SYS_RAWIO), 173, 101, _, _;
    iopl: Needs(SYS_RAWIO), 172, 110, _, _;
    ioprio_get: Allow, 252, 290, 31, 315;
    ioprio_set: Allow, 251, 289, 30, 314;
    ipc: Allow, _, 117, _, _;
    kcmp: Needs(SYS_PTRACE), 312, 349, 272, 378;
    kexec_file_load: Refuse, 320, _, 294, 401;
    kexec_load: Refuse, 246, 283, 104, 347;
    keyctl: Refuse, 250, 288, 219, 311;
    kill: Allow, 62, 37, 129, 37;
    landlock_add_rule: Allow, 445, 445, 445, 445;
    landlock_create_ruleset: Allow, 444, 444, 444, 444;
    landlock_restrict_self: Allow, 446, 446, 446, 446;
    lchown: Allow, 94, 16, _, 16;
    lchown32: Allow, _, 198, _, 198;
    lgetxattr: Allow, 192, 230, 9, 230;
    link: Allow, 86, 9, _, 9;
    linkat: Allow, 265, 303, 37, 330;
    listen: Allow, 50, 363, 201, 284;
    listxattr: Allow, 194, 232, 11, 232;
    listxattrat: Allow, 465, 465, 465, 465;
    llistxattr: Allow, 195, 233, 12, 233;
    lookup_dcookie: Needs(SYS_ADMIN), 212, 253, 18, 249;
    lremovexattr: Allow, 198, 236, 15, 236;
    lseek: Allow, 8, 19, 62, 19;
    lsetxattr: Allow, 189, 227, 6, 227;
    lstat: Allow, 6, 107, _, 107;
    lstat64: Allow, _, 196, _, 196;
    madvise: Allow, 28, 219, 233, 220;
    map_shadow_stack: Allow, 453, 453, 453, 453;
    mbind: Allow, 237, 274, 235, 319;
    membarrier: Allow, 324, 375, 283, 389;
    memfd_create: Allow, 319, 356, 279, 385;
    memfd_secret: Allow, 447, 447, 447, _;
    migrate_pages: Refuse, 256, 294, 238, _;
    mincore: Allow, 27, 218, 232, 219;
    mkdir: Allow, 83, 39, _, 39;
    mkdirat: Allow, 258, 296, 34, 323;
    mknod: Allow, 133, 14, _, 14;
    mknodat: Allow, 259, 297, 33, 324;
    mlock: Allow, 149, 150, 228, 150;
    mlock2: Allow, 325, 376, 284, 390;
    mlockall: Allow, 151, 152, 230, 152;
    mmap: Allow, 9, 90, 222, _;
    mmap2: Allow, _, 192, _, 192;
    modify_ldt: Allow, 154, 123, _, _;
    mount: Needs(SYS_ADMIN), 165, 21, 40, 21;
    mount_setattr: Needs(SYS_ADMIN), 442, 442, 442, 442;
    move_mount: Needs(SYS_ADMIN), 429, 429, 429, 429;
    move_pages: Refuse, 279, 317, 239, 344;
    mprotect: Allow, 10, 125, 226, 125;
    mq_getsetattr: Allow, 245, 282, 185, 279;
    mq_notify: Allow, 244, 281, 184, 278;
    mq_open: Allow, 240, 277, 180, 274;
    mq_timedreceive: Allow, 243, 280, 183, 277;
    mq_timedreceive_time64: Allow, _, 419, _, 419;
    mq_timedsend: Allow, 242, 279, 182, 276;
    mq_timedsend_time64: Allow, _, 418, _, 418;
    mq_unlink: Allow, 241, 278, 181, 275;
    mremap: Allow, 25, 163, 216, 163;
    mseal: Allow, 462, 462, 462, 462;
    msgctl: Allow, 71, 402, 187, 304;
    msgget: Allow, 68, 399, 186, 303;
    msgrcv: Allow, 70, 401, 188, 302;
    msgsnd: Allow, 69, 400, 189, 301;
    msync: Allow, 26, 144, 227, 144;
    munlock: Allow, 150, 151, 229, 151;
    munlockall: Allow, 152, 153, 231, 153;
    munmap: Allow, 11, 91, 215, 91;
    name_to_handle_at: Allow, 303, 341, 264, 370;
    nanosleep: Allow, 35, 162, 101, 162;
    newfstatat: Allow, 262, _, 79, _;
    nice: Refuse, _, 34, _, 34;
    open: Allow, 2, 5, _, 5;
    open_by_handle_at: Needs(DAC_READ_SEARCH), 304, 342, 265, 371;
    open_tree: Needs(SYS_ADMIN), 428, 428, 428, 428;
    openat: Allow, 257, 295, 56, 322;
    openat2: Allow, 437, 437, 437, 437;
    pause: Allow, 34, 29, _, 29;
    perf_event_open: Needs(SYS_ADMIN), 298, 336, 241, 364;
    personality: Personality, 135, 136, 92, 136;
    pidfd_getfd: Allow, 438, 438, 438, 438;
    pidfd_open: Allow, 434, 434, 434, 434;
    pidfd_send_signal: Allow, 424, 424, 424, 424;
    pipe: Allow, 22, 42, _, 42;
    pipe2: Allow, 293, 331, 59, 359;
    pivot_root: Needs(SYS_ADMIN), 155, 217, 41, 218;
    pkey_alloc: Allow, 330, 381, 289, 395;
    pkey_free: Allow, 331, 382, 290, 396;
    pkey_mprotect: Allow, 329, 380, 288, 394;
    poll: Allow, 7, 168, _, 168;
    ppoll: Allow, 271, 309, 73, 336;
    ppoll_time64: Allow, _, 414, _, 414;
    prctl: Allow, 157, 172, 167, 172;
    pread64: Allow, 17, 180, 67, 180;
    preadv: Allow, 295, 333, 69, 361;
    preadv2: Allow, 327, 378, 286, 392;
    prlimit64: Allow, 302, 340, 261, 369;
    process_madvise: Needs(SYS_PTRACE), 440, 440, 440, 440;
    process_mrelease: Allow, 448, 448, 448, 448;
    process_vm_readv: Allow, 310, 347, 270, 376;
    process_vm_writev: Allow, 311, 348, 271, 377;
    pselect6: Allow, 270, 308, 72, 335;
    pselect6_time64: Allow, _, 413, _, 413;
    ptrace: Allow, 101, 26, 117, 26;
    pwrite64: Allow, 18, 181, 68, 181;
    pwritev: Allow, 296, 334, 70, 362;
    pwritev2: Allow, 328, 379, 287, 393;
    quotactl: Needs(SYS_ADMIN), 179, 131, 60, 131;
    quotactl_fd: Needs(SYS_ADMIN), 443, 443, 443, 443;
    read: Allow, 0, 3, 63, 3;
    readahead: Allow, 187, 225, 213, 225;
    readdir: Allow, _, 89, _, _;
    readlink: Allow, 89, 85, _, 85;
    readlinkat: Allow, 267, 305, 78, 332;
    readv: Allow, 19, 145, 65, 145;
    reboot: Allow, 169, 88, 142, 88;
    recv: Allow, _, _, _, 291;
    recvfrom: Allow, 45, 371, 207, 292;
    recvmmsg: Allow, 299, 337, 243, 365;
    recvmmsg_time64: Allow, _, 417, _, 417;
    recvmsg: Allow, 47, 372, 212, 297;
    remap_file_pages: Allow, 216, 257, 234, 253;
    removexattr: Allow, 197, 235, 14, 235;
    removexattrat: Allow, 466, 466, 466, 466;
    rename: Allow, 82, 38, _, 38;
    renameat: Allow, 264, 302, _, 329;
    renameat2: Allow, 316, 353, 276, 382;
    request_key: Refuse, 249, 287, 218, 310;
    restart_syscall: Allow, 219, 0, 128, 0;
    riscv_flush_icache: Allow, _, _, 259, _;
    riscv_hwprobe: Allow, _, _, 258, _;
    rmdir: Allow, 84, 40, _, 40;
    rseq: Allow, 334, 386, 293, 398;
    rt_sigaction: Allow, 13, 174, 134, 174;
    rt_sigpending: Allow, 127, 176, 136, 176;
    rt_sigprocmask: Allow, 14, 175, 135, 175;
    rt_sigqueueinfo: Allow, 129, 178, 138, 178;
    rt_sigreturn: Allow, 15, 173, 139, 173;
    rt_sigsuspend: Allow, 130, 179, 133, 179;
    rt_sigtimedwait: Allow, 128, 177, 137, 177;
    rt_sigtimedwait_time64: Allow, _, 421, _, 421;
    rt_tgsigqueueinfo: Allow, 297, 335, 240, 363;
    sched_get_priority_max: Allow, 146, 159, 125, 159;
    sched_get_priority_min: Allow, 147, 160, 126, 160;
    sched_getaffinity: Allow, 204, 242, 123, 242;
    sched_getattr: Allow, 315, 352, 275, 381;
    sched_getparam: Allow, 143, 155, 121, 155;
    sched_getscheduler: Allow, 145, 157, 120, 157;
    sched_rr_get_interval: Allow, 148, 161, 127, 161;
    sched_rr_get_interval_time64: Allow, _, 423, _, 423;
    sched_setaffinity: Allow, 203, 241, 122, 241;
    sched_setattr: Allow, 314, 351, 274, 380;
    sched_setparam: Allow, 142, 154, 118, 154;
    sched_setscheduler: Allow, 144, 156, 119, 156;
    sched_yield: Allow, 24, 158, 124, 158;
    seccomp: Allow, 317, 354, 277, 383;
    select: Allow, 23, 82, _, _;
    semctl: Allow, 66, 394, 191, 300;
    semget: Allow, 64, 393, 190, 299;
    semop: Allow, 65, _, 193, 298;
    semtimedop: Allow, 220, _, 192, 312;
    semtimedop_time64: Allow, _, 420, _, 420;
    send: Allow, _, _, _, 289;
    sendfile: Allow, 40, 187, 71, 187;
    sendfile64: Allow, _, 239, _, 239;
    sendmmsg: Allow, 307, 345, 269, 374;
    sendmsg: Allow, 46, 370, 211, 296;
    sendto: Allow, 44, 369, 206, 290;
    set_mempolicy: Allow, 238, 276, 237, 321;
    set_mempolicy_home_node: Allow, 450, 450, 450, 450;
    set_robust_list: Allow, 273, 311, 99, 338;
    set_thread_area: Allow, 205, 243, _, _;
    set_tid_address: Allow, 218, 258, 96, 256;
    set_tls: Allow, _, _, _, 983045;
    setdomainname: Needs(SYS_ADMIN), 171, 121, 162, 121;
    setfsgid: Allow, 123, 139, 152, 139;
    setfsgid32: Allow, _, 216, _, 216;
    setfsuid: Allow, 122, 138, 151, 138;
    setfsuid32: Allow, _, 215, _, 215;
    setgid: Allow, 106, 46, 144, 46;
    setgid32: Allow, _, 214, _, 214;
    setgroups: Allow, 116, 81, 159, 81;
    setgroups32: Allow, _, 206, _, 206;
    sethostname: Needs(SYS_ADMIN), 170, 74, 161, 74;
    setitimer: Allow, 38, 104, 103, 104;
    setns: Needs(SYS_ADMIN), 308, 346, 268, 375;
    setpgid: Allow, 109, 57, 154, 57;
    setpriority: Allow, 141, 97, 140, 97;
    setregid: Allow, 114, 71, 143, 71;
    setregid32: Allow, _, 204, _, 204;
    setresgid: Allow, 119, 170, 149, 170;
    setresgid32: Allow, _, 210, _, 210;
    setresuid: Allow, 117, 164, 147, 164;
    setresuid32: Allow, _, 208, _, 208;
    setreuid: Allow, 113, 70, 145, 70;
    setreuid32: Allow, _, 203, _, 203;
    setrlimit: Allow, 160, 75, 164, 75;
    setsid: Allow, 112, 66, 157, 66;
    setsockopt: Allow, 54, 366, 208, 294;
    settimeofday: Needs(SYS_TIME), 164, 79, 170, 79;
    setuid: Allow, 105, 23, 146, 23;
    setuid32: Allow, _, 213, _, 213;
    setxattr: Allow, 188, 226, 5, 226;
    setxattrat: Allow, 463, 463, 463, 463;
    shmat: Allow, 30, 397, 196, 305;
    shmctl: Allow, 31, 396, 195, 308;
    shmdt: Allow, 67, 398, 197, 306;
    shmget: Allow, 29, 395, 194, 307;
    shutdown: Allow, 48, 373, 210, 293;
    sigaction: Allow, _, 67, _, 67;
    sigaltstack: Allow, 131, 186, 132, 186;
    signal: Allow, _, 48, _, _;
    signalfd: Allow, 282, 321, _, 349;
    signalfd4: Allow, 289, 327, 74, 355;
    sigpending: Allow, _, 73, _, 73;
    sigprocmask: Allow, _, 126, _, 126;
    sigreturn: Allow, _, 119, _, 119;
    sigsuspend: Allow, _, 72, _, 72;
    socket: Socket, 41, 359, 198, 281;
    socketcall: Allow, _, 102, _, _;
    socketpair: Allow, 53, 360, 199, 288;
    splice: Allow, 275, 313, 76, 340;
    stat: Allow, 4, 106, _, 106;
    stat64: Allow, _, 195, _, 195;
    statfs: Allow, 137, 99, 43, 99;
    statfs64: Allow, _, 268, _, 266;
    statx: Allow, 332, 383, 291, 397;
    stime: Needs(SYS_TIME), _, 25, _, _;
    swapoff: Refuse, 168, 115, 225, 115;
    swapon: Refuse, 167, 87, 224, 87;
    symlink: Allow, 88, 83, _, 83;
    symlinkat: Allow, 266, 304, 36, 331;
    sync: Allow, 162, 36, 81, 36;
    sync_file_range: Allow, 277, 314, 84, _;
    sync_file_range2: Allow, _, _, _, 341;
    syncfs: Allow, 306, 344, 267, 373;
    sysinfo: Allow, 99, 116, 179, 116;
    syslog: Allow, 103, 103, 116, 103;
    tee: Allow, 276, 315, 77, 342;
    tgkill: Allow, 234, 270, 131, 268;
    time: Allow, 201, 13, _, _;
    timer_create: Allow, 222, 259, 107, 257;
    timer_delete: Allow, 226, 263, 111, 261;
    timer_getoverrun: Allow, 225, 262, 109, 260;
    timer_gettime: Allow, 224, 261, 108, 259;
    timer_gettime64: Allow, _, 408, _, 408;
    timer_settime: Allow, 223, 260, 110, 258;
    timer_settime64: Allow, _, 409, _, 409;
    timerfd_create: Allow, 283, 322, 85, 350;
    timerfd_gettime: Allow, 287, 326, 87, 354;
    timerfd_gettime64: Allow, _, 410, _, 410;
    timerfd_settime: Allow, 286, 325, 86, 353;
    timerfd_settime64: Allow, _, 411, _, 411;
    times: Allow, 100, 43, 153, 43;
    tkill: Allow, 200, 238, 130, 238;
    truncate: Allow, 76, 92, 45, 92;
    truncate64: Allow, _, 193, _, 193;
    ugetrlimit: Allow, _, 191, _, 191;
    umask: Allow, 95, 60, 166, 60;
    umount: Needs(SYS_ADMIN), _, 22, _, _;
    umount2: Needs(SYS_ADMIN), 166, 52, 39, 52;
    uname: Allow, 63, 122, 160, 122;
    unlink: Allow, 87, 10, _, 10;
    unlinkat: Allow, 263, 301, 35, 328;
    unshare: Needs(SYS_ADMIN), 272, 310, 97, 337;
    userfaultfd: Refuse, 323, 374, 282, 388;
    utime: Allow, 132, 30, _, _;
    utimensat: Allow, 280, 320, 88, 348;
    utimensat_time64: Allow, _, 412, _, 412;
    utimes: Allow, 235, 271, _, 269;
    vfork: Allow, 58, 190, _, 190;
    vhangup: Needs(SYS_TTY_CONFIG), 153, 111, 58, 111;
    vmsplice: Refuse, 278, 316, 75, 343;
    wait4: Allow, 61, 114, 260, 114;
    waitid: Allow, 247, 284, 95, 280;
    waitpid: Allow, _, 7, _, _;
    write: Allow, 1, 4, 64, 4;
    writev: Allow, 20, 146, 66, 146;
}
