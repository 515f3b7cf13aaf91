#!/bin/sh
# rustc.sh RUSTC ARGUMENT...: builds for the fuzzer, with the flags that cargo-fuzz sets, what is fuzzed; and everything
# else as ever, so that it is built once for tests and fuzz targets. Cargo does not see these flags: after a change here,
# `cargo clean --package mailproof --package mailproof-fuzz` in this folder.
case ${CARGO_PKG_NAME-} in
mailproof | mailproof-fuzz)
  exec "$@" --cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
  ;;
*) exec "$@" ;;
esac
