# shellcheck shell=sh disable=SC2034 # sourced by the other tools, which use these
# Paths, messages, and the table of architectures.

ROOT=$(cd "$(dirname "$0")/.." && pwd)
CACHE=$ROOT/.cache
VENV=$CACHE/venv
DIST=${DIST:-$ROOT/dist}

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

# Sets what depends on the architecture. A new architecture is a new row:
#   ARCH TRIPLE KERNEL_NAME KERNEL_FLAVOUR STOCK_FLAVOUR XZ_FILTER
# ARCH as in release file names and in Debian, KERNEL_NAME as `uname -m` has it, XZ_FILTER what makes its machine code compress better and
# its kernel can undo ("-" is none).
select_arch() {
    row=$(awk -v arch="$1" '$1 == arch' <<'TABLE'
amd64 x86_64-unknown-linux-musl x86_64 cloud-amd64 amd64 --x86
TABLE
    )
    [ -n "$row" ] || fail "ARCH=$1 is unknown; see the table in tools/common.sh"
    # shellcheck disable=SC2086 # the row's columns
    set -- $row
    ARCH=$1 TRIPLE=$2 KERNEL_NAME=$3 KERNEL_FLAVOUR=$4 STOCK_FLAVOUR=$5 XZ_FILTER=$6
    INITRAMFS=$DIST/initramfs.linux_$ARCH.cpio
    KERNEL=$DIST/linux-$KERNEL_NAME
    E2FSPROGS=$CACHE/e2fsprogs/$ARCH
}

# Runs the desk tool, built as for tests but without what needs the other crates.
b2c() {
    cargo run --quiet --locked --manifest-path "$ROOT/Cargo.toml" --package b2c --no-default-features -- "$@"
}

# Prints the sizes of files in bytes.
show_sizes() {
    stat --format '%s %n' "$@" | awk '{ sub(".*/", "", $2); printf "%10d  %s\n", $1, $2 }'
}

# Compresses $1 to $1.xz as the kernel can read it: checksum CRC32 or none, and no filter but its own ($2, "-" is none).
# The kernel allocates the whole dictionary ($3) while it unpacks, which decides how little memory a machine can have; the preset's is 64 MiB.
# One thread, because the number of threads changes the bytes.
compress_xz() {
    filter=$2
    [ "$filter" != - ] || filter=
    # shellcheck disable=SC2086 # nothing or one word
    xz --keep --force --threads=1 --check=crc32 $filter --lzma2="preset=9e,dict=$3" "$1"
}

# Fills $1 up to a multiple of 4 bytes with zeros: the kernel looks for the next archive of a concatenation there.
pad() {
    truncate --size=%4 "$1"
}
