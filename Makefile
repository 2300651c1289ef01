# The commands of sipwright. Each line runs a real tool; what is behind them is in scripts/ and mk/.
#
#   make demo      a C program answers, a Python program calls it, and the recorded audio is checked
#   make test      everything, with real SIP programs from Debian (installed with apt-get when run as root)
#   make check     formatting, lints, unit tests, guards: the inner loop
#   make bench     speed beside the peers, in one run; writes docs/performance.md
#   make soak      long runs: simulation over many seeds, fuzzing
#   make install   library, header, pkg-config file and program, below $(DESTDIR)$(PREFIX)
#   make dist      a source archive
#   make clean

CARGO   ?= cargo
PYTHON  ?= python3
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

.PHONY: all python demo test check bench soak install dist clean deps need-cargo need-cc need-python need-nextest

all: need-cargo
	$(CARGO) build --release --workspace --features sipwright/full

-include mk/lib.mk

# The Python package, importable with PYTHONPATH=build/python: no pip, venv or maturin needed.
python: need-cargo need-python
	$(CARGO) build --release --workspace --features sipwright/full
	rm -rf build/python
	mkdir -p build/python
	cp -R bindings/python/python/sipwright build/python/sipwright
	cp target/release/lib_sipwright.so build/python/sipwright/_sipwright.abi3.so

demo: need-cargo need-cc need-python
	$(PYTHON) scripts/demo.py

test: need-python
	$(PYTHON) scripts/test.py

check: need-python need-cargo need-nextest
	$(PYTHON) scripts/test.py fmt clippy unit

bench: need-cargo need-cc need-python
	$(PYTHON) benches/run.py

soak: need-cargo need-nextest
	$(PYTHON) scripts/soak.py

deps:
	sh scripts/deps.sh install

dist:
	mkdir -p dist
	git archive --format=tar.gz --prefix=sipwright-$(VERSION)/ -o dist/sipwright-$(VERSION).tar.gz HEAD

clean:
	$(CARGO) clean
	rm -rf build dist

need-cargo:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing; install a Rust toolchain: apt-get install rustup && rustup default stable" >&2; exit 1; }
need-cc:
	@command -v cc >/dev/null || { echo "a C compiler is missing; install it: apt-get install gcc libc6-dev" >&2; exit 1; }
need-python:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing; install it: apt-get install python3" >&2; exit 1; }
need-nextest:
	@command -v cargo-nextest >/dev/null || { echo "cargo-nextest is missing; install it: cargo install --locked cargo-nextest" >&2; exit 1; }
