# `make test` passes everything that a change has to pass; it installs what is missing where it can.

BUF := node_modules/.bin/buf
# Where PostgreSQL's server may be: on the PATH, and where Debian and others put it.
POSTGRES := $(firstword $(shell command -v initdb) $(wildcard /usr/lib/postgresql/*/bin/initdb \
	/usr/local/pgsql/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb))

# By itself and last: it takes minutes and both cores, and others have limits of seconds.
SOAK := soak::run

.PHONY: test
test: test-tools
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	$(BUF) lint
	$(BUF) format --diff --exit-code
	cargo test -- --skip $(SOAK)
	cargo test --test it $(SOAK)

# What the tests need besides Rust.
.PHONY: test-tools
test-tools: packages $(BUF)

# The tests start servers of their own from the installed binaries, also where they are given one for
# most tests, and watch by strace what the service syncs. npm brings buf.
MISSING := $(if $(POSTGRES),,postgresql) $(if $(shell command -v strace),,strace) \
	$(if $(shell command -v npm),,npm)

.PHONY: packages
packages:
ifneq ($(strip $(MISSING)),)
	@as=; [ "$$(id -u)" = 0 ] || as="sudo -n"; \
	if command -v apt-get >/dev/null && { [ -z "$$as" ] || $$as true 2>/dev/null; }; then \
		$$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $(MISSING); \
	else \
		echo "missing: run 'sudo apt-get install $(strip $(MISSING))', or what your system calls" \
			"these" >&2; \
		exit 1; \
	fi
endif

$(BUF): package.json package-lock.json | packages
	@# Not `npm ci`: it refuses where a registry has not got every platform's binary.
	npm install --no-save --ignore-scripts --no-audit --no-fund
	@touch $@

# Licences, duplicate and yanked crates, and where crates come from. Needs
# `cargo install cargo-deny --locked`.
.PHONY: deny
deny:
	cargo deny check bans licenses sources

# Load on a real server beside its baselines; the result is also written to target/bench/load.json.
# QUICK=1 keeps it within 90 seconds, ENGINE=sqlite or postgres measures one of the two.
.PHONY: bench
bench: packages
	QUICK=$(or $(QUICK),0) cargo bench --bench load
