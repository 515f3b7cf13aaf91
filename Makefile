# mailproof: what people do with it. `make demo` and `make test` need nothing but Debian 12 and Rust.

CARGO   ?= cargo
CONFIG  ?= /etc/mailproof/mailproof.toml
PREFIX  ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 20

# What the tests talk to, and the compiler of LLVM's fuzzer.
PACKAGES = bind9-dnsutils dnsviz g++ iproute2 knot ldnsutils libnet-ssleay-perl nsd openssl pebble postfix postfix-mta-sts-resolver procps swaks unbound unbound-host
# Mail servers that conflict with Postfix; each goes into a layer of its own (tests/layer.sh).
LAYERS = exim4-daemon-light
# And what the benchmarks are measured beside, from the suite whose OpenSMTPD works with its OpenSSL.
BENCH_LAYERS = opensmtpd/bookworm-backports

.PHONY: help demo test check build format lint docs dependencies unit fuzz soak test-peers bench bench-dns bench-smtp packages install status ds renew-certs rotate-tls clean

help: ## What there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## The whole appliance and eight senders on loopback; verdicts beside the truth
	$(CARGO) run --locked -- demo

test: packages check fuzz test-peers ## Everything: format, lints, docs, tests, fuzz targets, real peers
	@sh tests/count.sh target/test-*.log

check: format lint docs dependencies unit ## All that needs neither root nor real mail servers

build:
	$(CARGO) build --locked --all-targets

format:
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml

lint:
	$(CARGO) clippy --locked --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items

# ring is the only crypto provider: one forgotten feature would bring in another.
dependencies:
	@for banned in aws-lc-rs aws-lc-sys openssl-sys native-tls; do \
	  if $(CARGO) tree --locked -i $$banned >/dev/null 2>&1; then echo "$$banned is in the tree"; exit 1; fi; \
	done

unit:
	@mkdir -p target
	@sh tests/logged.sh target/test-unit.log $(CARGO) test --locked --lib --bins --tests

fuzz: ## Each fuzz target for FUZZ_SECONDS, on stable Rust with g++
	@CARGO='$(CARGO)' sh fuzz/run.sh $(FUZZ_SECONDS)

# Release, because the senders share the machine with the appliance.
soak: ## 200 senders for ten minutes, then 100 kills under their load; half an hour, figures go into docs/measures.md
	@mkdir -p target
	@SOAK_SENDERS=200 SOAK_SECONDS=600 SOAK_KILLS=100 sh tests/logged.sh target/soak.log \
	  $(CARGO) test --locked --release --test soak -- --nocapture
	@sh tests/soak/into.sh target/soak.log docs/measures.md

test-peers: ## Real mail servers in network namespaces; needs root
	@mkdir -p target
	@sh tests/logged.sh target/test-peers.log $(CARGO) test --locked --test peers

bench: bench-dns bench-smtp ## What it costs, beside other servers; figures go into docs/measures.md

bench-dns: PACKAGES += dnsperf
bench-dns: packages ## DNS: mailproof, NSD and Knot in turns; six minutes, needs root
	$(CARGO) bench --locked --bench dns -- --into docs/measures.md

bench-smtp: packages ## Mail: mailproof, Postfix and OpenSMTPD in turns; ten minutes, needs root
	@sh tests/layer.sh make $(BENCH_LAYERS)
	$(CARGO) bench --locked --bench smtp -- --into docs/measures.md

# Root installs what is missing, and starts none of it: the tests run daemons of their own. Anyone else is told what to run.
packages:
	@missing=; for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q '^install ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    policy=/usr/sbin/policy-rc.d; \
	    if [ ! -e $$policy ]; then \
	      trap "rm -f $$policy" EXIT; printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 0755 $$policy; \
	    fi; \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	  else \
	    echo "the tests need more packages; run: sudo apt-get install$$missing" >&2; exit 1; \
	  fi; \
	fi
	@sh tests/layer.sh make $(LAYERS)

install: ## Binary and systemd unit
	$(CARGO) build --locked --release
	install -D -m 0755 target/release/mailproof $(DESTDIR)$(PREFIX)/bin/mailproof
	install -D -m 0644 systemd/mailproof.service $(DESTDIR)/etc/systemd/system/mailproof.service

status: ## How the appliance is
	mailproof --config $(CONFIG) status

ds: ## The DS records for the parent zone
	mailproof --config $(CONFIG) ds

renew-certs: ## New certificates for the keys in use
	mailproof --config $(CONFIG) certs renew

rotate-tls: ## New keys for the certificates, their TLSA records published ahead
	mailproof --config $(CONFIG) certs roll

clean:
	$(CARGO) clean
