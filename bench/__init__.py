"""Measures boot2container against a peer made of Debian's podman. `make bench` runs it; docs/performance.md is what it writes."""
