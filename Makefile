# `make help` says what there is.

# The machine that is built for; tools/common.sh has the table.
ARCH = amd64
# What `make demo` runs: podman-run flags, image and command. Empty is a shell in a small image.
RUN =
# Which measurements `make bench` takes: size, container, boot, warm, before, memory, pull, mirror. Empty is all; `before` needs an older initramfs, BEFORE.
ONLY =
# For how long `make fuzz` feeds each parser.
SECONDS = 600
# How many times `make powercut` cuts the power, and with which seeds: that one and those that follow.
CUTS = 200
SEED = 1000
# How many times `make bootloop` boots.
BOOTS = 300

CARGO = cargo

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: dist
dist: setup-build ## the initramfs, a kernel and its modules, keymaps, in dist/
	tools/initramfs $(ARCH)
	tools/kernel $(ARCH)
	tools/keymaps
	tools/crates licenses $(ARCH) > dist/LICENSES

.PHONY: demo
demo: setup-test dist ## a shell in a container in a virtual machine, or RUN="…"
	@$(CARGO) run --quiet --locked --package harness --bin demo -- $(if $(RUN),'$(subst ','\'',$(RUN))')

.PHONY: test
test: lint dist images setup-s3 ## everything that has to hold
	RUST_TEST_THREADS=$$(($$(nproc) * 2)) $(CARGO) test --locked --workspace --no-fail-fast
	fuzz/run 20

.PHONY: lint
lint: setup-build setup-test ## formats, warnings, and the rules for dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --locked --workspace --all-targets -- --deny warnings
	tools/crates check
	shellcheck --external-sources --source-path=SCRIPTDIR $$(grep --files-with-matches '^#!/bin/sh' tools/* fuzz/run .ci/run)

.PHONY: fuzz
fuzz: setup-build ## feed each parser of foreign bytes for SECONDS
	fuzz/run $(SECONDS)

.PHONY: powercut
powercut: setup-test dist ## cut machines' power CUTS times while they write, starting with SEED
	B2C_CUTS=$(CUTS) B2C_SEED=$(SEED) $(CARGO) test --locked --package boots --test powercut -- --nocapture while

.PHONY: bootloop
bootloop: setup-test dist ## boot BOOTS times in a row; every boot has to reach its status line
	B2C_BOOTS=$(BOOTS) $(CARGO) test --locked --package boots --test bootloop -- --nocapture

.PHONY: churn
churn: setup-s3 ## change a mirrored volume for five minutes, from SEED, while its store goes away twice
	B2C_CHURN=300 B2C_SEED=$(SEED) $(CARGO) test --locked --package mirror --test churn -- --nocapture

.PHONY: bench
bench: setup-bench dist ## measure against podman, crun, skopeo, rclone and s5cmd; ONLY="size boot" names some of the measurements
	/usr/bin/python3 -B -m bench $(ONLY)

.PHONY: docs
docs: setup-build ## write the generated pages of docs/ anew
	UPDATE_DOCS=1 $(CARGO) test --quiet --locked --package b2c --test docs

.PHONY: clean
clean: ## remove what was built, but not what was downloaded
	rm -rf dist
	$(CARGO) clean

.PHONY: setup-build setup-test setup-s3 setup-bench images
setup-build:
	@tools/setup build
setup-test: setup-build
	@tools/setup test
setup-s3: setup-test
	@tools/setup s3
setup-bench: setup-s3
	@tools/setup bench
images: setup-test
	@tools/systemd-image
	@tools/kernel $(ARCH) stock
