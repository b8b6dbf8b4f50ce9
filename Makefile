# Two commands: `make demo` shows a machine from power-on to ready, `make test` runs every test.
# Both install the Debian packages that they need (see scripts/packages).

STATE ?= target/demo
BELLWETHER := target/release/bellwether
# The scripts look there, wherever cargo is told to build otherwise.
export CARGO_TARGET_DIR := $(CURDIR)/target


.PHONY: demo test lint build release packages image clean-demo docs bench bench-dhcp bench-tftp bench-http bench-storm bench-growth bench-bmc dist bench-cache bench-deploy deb e2e-installer e2e-power-loss faults fuzz

demo: packages release
	scripts/demo $(STATE)

test: packages
	scripts/python
	scripts/test

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

build:
	cargo build --locked

release:
	cargo build --release --locked

packages:
	scripts/packages

# Ends the demo's machines and removes everything that it left, but for the built image.
clean-demo:
	BELLWETHER_LAB=$(abspath $(STATE))/lab $(BELLWETHER) lab down

# A complete unattended installation of Debian in a virtual machine; up to two hours without KVM.
e2e-installer: packages release
	scripts/e2e-installer

# A machine that loses power at every step of its deployment; 10 minutes without KVM.
e2e-power-loss: packages build
	target/debug/bellwether --state target/test-state image build debian-12 --kernel linux-image-cloud-amd64
	target/debug/bellwether --state target/test-state image build agent --kernel linux-image-cloud-amd64
	BELLWETHER_TEST_STATE=$(CURDIR)/target/test-state cargo test --workspace --locked --test it -- --ignored --nocapture deploys::power

# The parts of the manual that are made from the program itself.
docs:
	BELLWETHER_WRITE_MANUAL=1 cargo test --quiet -p bellwether-model --lib manual
	cargo run --quiet -- schema > docs/cluster.schema.json

# Beside the peers, in namespaces; each writes its section of bench/RESULTS.md. BENCH_QUICK=1 takes minutes instead of hours.
bench: dist
	bench/run

bench-dhcp bench-tftp bench-http bench-storm bench-growth bench-bmc: bench-%: dist
	bench/run $*

dist:
	cargo build --profile dist --locked -p bellwether -p bellwether-bench

# The package cache beside apt-cacher-ng; writes bench/RESULTS-cache.md.
bench-cache: dist
	bench/cache

# Every fuzz target for so many seconds; the first build takes some minutes. Findings are left in wire/fuzz/artifacts.
SECONDS_EACH ?= 60
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard wire/fuzz/fuzz_targets/*.rs)))
fuzz:
	for target in $(FUZZ_TARGETS); do wire/fuzz/run $$target $(SECONDS_EACH) || exit 1; done

# Kills the server 300 times under load, breaks its disk, clock and network: the figures of docs/reliability.md.
KILLS ?= 300
faults: packages
	BELLWETHER_KILLS=$(KILLS) cargo test --workspace --locked --test it -- faults:: journal::crash --nocapture --test-threads 1

# How fast the agent writes a disk, beside `curl | dd`; takes some minutes and one virtual machine.
bench-deploy: packages release
	$(BELLWETHER) --state $(STATE) image build debian-12 --kernel linux-image-cloud-amd64
	$(BELLWETHER) --state $(STATE) image build agent --kernel linux-image-cloud-amd64
	bench/image-to-disk $(STATE)

# A Debian package, in target/.
deb: dist
	packaging/deb target/dist/bellwether target
