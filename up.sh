#!/usr/bin/env bash
# Runs an image origin on this machine: installs what is missing, builds, starts, prints URLs.
#
#     ./up.sh [--data DIR] [--port N] [IMAGE or DIR…]
#
# Ctrl-C stops everything it started. Run it again: the same data, no harm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/need.sh
. "$here/tools/need.sh"

need_rust
need cc gcc libc6-dev
need c++ g++
need cmake cmake
need nasm nasm
need nginx nginx
install_needed

cargo build --release --locked --manifest-path "$here/Cargo.toml" >&2
target=${CARGO_TARGET_DIR:-$here/target}
exec "$target/release/imgctl" up "$@"
