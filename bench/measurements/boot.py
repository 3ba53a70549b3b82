"""From /init to the first line of a container.

A cold boot of a machine with 512 MB and one processor in QEMU, without a cache: modules, DHCP, the pull of the
1 MB busybox image from a registry on this computer's loopback, and the container. Time is this computer's, taken
when a line arrives from the serial console: from the kernel's "Run /init as init process" to the first line that the
container prints. The second row starts with QEMU itself, so it holds the kernel, and the kernel's unpacking of the
initramfs.

Both boot the kernel and the modules of `make dist`. The peer's initramfs has the dictionary of 1 MiB that boots in the
least memory.
"""

from bench import busybox, machine, peer, registry
from bench.machine import Console
from bench.paths import CACHE, INITRAMFS, MODULES
from bench.results import Row

ROUNDS = 5
MEGABYTES = 512
FIRST_LINE = "the container is here"


def measure() -> list[Row]:
    contenders = {"ours": INITRAMFS, "peer": peer.initramfs(peer.FRUGAL)}
    from_init: dict[str, list[float]] = {name: [] for name in contenders}
    from_power_on: dict[str, list[float]] = {name: [] for name in contenders}
    with registry.serve() as images:
        busybox.ensure(images)
        run = f"--tls-verify=false docker://{images.address(machine.HOST)}/{busybox.REPOSITORY} echo {FIRST_LINE}"
        for number in range(ROUNDS):
            for name, initramfs in contenders.items():
                console = machine.boot(initramfs, MODULES, run, MEGABYTES)
                init, line = times(name, console)
                print(f"  {number + 1}/{ROUNDS} {name}: {line - init:.2f} s", flush=True)
                from_init[name].append(line - init)
                from_power_on[name].append(line)
    return [
        Row("/init → first line, cold", "s", from_init["ours"], "peer", from_init["peer"], "ratio ≥ 10"),
        Row("power on → first line, cold", "s", from_power_on["ours"], "peer", from_power_on["peer"]),
    ]


def times(name: str, console: Console, expected: int | None = 0) -> tuple[float, float]:
    """When /init was started and when the container's line came. The pipeline's status has to be the expected one."""
    init, line = console.when(r"\[ *[\d.]+\] Run /init as init process"), console.when(FIRST_LINE)
    if console.status() != expected or init is None or line is None:
        log = CACHE / f"failed-boot-{name}.log"
        log.write_text(console.text())
        raise RuntimeError(f"{name}: the boot failed, see {log}")
    return init, line
