#!/bin/sh
# run.sh SECONDS: lints and builds the fuzz targets and runs each that long, one after the other, from seeds and from what earlier
# runs found. Fails when one does; the input is kept in fuzz/artifacts and named.
set -eu
cd "$(dirname "$0")"
seconds=$1
cargo=${CARGO-cargo}
# The program's own target folder: the dependencies are there.
export CARGO_TARGET_DIR="$PWD/../target" RUSTC_WRAPPER="$PWD/rustc.sh" RUST_BACKTRACE=0
env -u RUSTC_WRAPPER "$cargo" clippy --locked --quiet --bins --examples -- -D warnings
"$cargo" build --locked --bins --examples
"$CARGO_TARGET_DIR/debug/examples/seeds" corpus

failed=
for target in client_hello command_lines message_data question session stored_records tlsrpt; do
  mkdir -p "corpus/$target" "artifacts/$target"
  log=$CARGO_TARGET_DIR/fuzz-$target.log
  if "$CARGO_TARGET_DIR/debug/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="artifacts/$target/" "corpus/$target" > "$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
    echo "fuzz $target: $runs runs in $seconds s, $(ls "corpus/$target" | wc -l) inputs kept, at most $memory MB"
  else
    grep -v -e '^[#"]' -e '^0x' "$log" | tail -n 20 >&2
    echo "fuzz $target FAILED (all of it: $log) with $(sed -n 's/.*Test unit written to /fuzz\//p' "$log")" >&2
    failed="$failed $target"
  fi
done
[ -z "$failed" ]
