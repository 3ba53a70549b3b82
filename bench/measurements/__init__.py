"""One module a measurement: its doc is its section of docs/performance.md, and `measure()` gives the rows."""

from bench.measurements import before, boot, container, memory, mirror, pull, size, warm

# In the order of the document; cheap ones first.
ALL = {
    "size": size,
    "container": container,
    "boot": boot,
    "warm": warm,
    "before": before,
    "memory": memory,
    "pull": pull,
    "mirror": mirror,
}
