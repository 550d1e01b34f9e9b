#!/usr/bin/env bash
# Installs what the tests need and runs all of them. Arguments go to `cargo test`.
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
need_file '/usr/lib/postgresql/*/bin/postgres' postgresql
need openssl openssl
need curl curl
need unshare util-linux
need setpriv util-linux
install_needed

cargo test --workspace --locked --manifest-path "$here/Cargo.toml" "$@"
