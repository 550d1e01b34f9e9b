#!/usr/bin/env bash
# Feeds mutated files to the decoders: fuzz-codecs.sh [SECONDS [TARGET…]], by default for 60 seconds to jpeg_decode and
# png_decode. The target `derive`, the whole pipeline, takes minutes to build. Findings are kept in fuzz/artifacts; a run
# with one exits 1.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/need.sh
. "$here/tools/need.sh"

seconds=${1:-60}
shift $(($# > 0 ? 1 : 0))
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(jpeg_decode png_decode)

need_rust
need c++ g++
install_needed
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked --version 0.13.2 --quiet

# No sanitizer: the decoders are safe Rust, whose faults are panics; and those need nightly.
export RUSTC_BOOTSTRAP=1
cd "$here/fuzz"
cargo run --quiet --release --example corpus -- corpus

# Of megabytes: twice what the limits in the targets come to, libFuzzer's own included.
memory_of() {
    case $1 in
    derive) echo 1024 ;;
    *) echo 512 ;;
    esac
}

features_of() {
    case $1 in
    derive) echo --features=pipeline ;;
    esac
}

failed=()
for target in "${targets[@]}"; do
    echo "== $target for $seconds s"
    # The lengths of the corpus and some more; a timeout counts as a finding.
    # shellcheck disable=SC2046 # no features, no argument
    cargo fuzz run --sanitizer none $(features_of "$target") "$target" -- \
        -max_total_time="$seconds" -rss_limit_mb="$(memory_of "$target")" -timeout=25 -max_len=16384 \
        -seed=1 -print_final_stats=1 -verbosity=0 || failed+=("$target")
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}; give each of these files to \`cargo fuzz run TARGET FILE\`:" >&2
    for target in "${failed[@]}"; do
        find "$here/fuzz/artifacts/$target" -type f -printf '  %p\n' >&2 || true
    done
    exit 1
fi
