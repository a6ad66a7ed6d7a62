# The commands of `.ci/run`, one by one. `just` lists them.

default:
    @just --list

# Everything that a change must pass, from a clean clone
ci:
    .ci/run

# Replay a bundled crash through the program; `just replay --event NAME --seed 7`
replay *args:
    cargo run --release -p taper-sim -- replay {{args}}

format:
    cargo fmt --all -- --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# On the `.so` if target/deploy/taper.so is there, on the native processor otherwise
test:
    cargo test --workspace

# The program as a real sBPF file, without Anza's tools (Debian bookworm)
so:
    tools/sbf/build programs/taper target/deploy

# In the real VM only: fails if there is no `.so`
test-vm: so
    TAPER_REQUIRE_SO=1 cargo test --workspace --test cases --test commands

idl:
    cargo run -q -p xtask -- idl

idl-check:
    cargo run -q -p xtask -- idl --check

compute-units: so
    TAPER_REQUIRE_SO=1 cargo run -q --bin cu-table -- --check

# Commands and bots as processes, on a real JSON-RPC node
node: so
    cargo build --locked --manifest-path tests/node/Cargo.toml --target-dir target
    TAPER_REQUIRE_NODE=1 cargo test --workspace --test node -- --test-threads=1

# Slice planning and health, per second
bench:
    cargo bench -p taper-engine

# The slice solver against big rationals, a million accounts
million:
    cargo test --release -p taper-engine --test slice_exactness -- --ignored million

# Random work on the engine, audited after every operation; `just model --ops 10000000 --seed 7 --threads 2`
model *args:
    cargo run --release -p taper-model -- {{args}}
