#!/usr/bin/env bash
# Measures imgctl against its peers, side by side, and prints Markdown tables on standard output.
#
#   bench/run.sh [all|hits|imaging|ingest|miss|upload] [--large]
#   bench/run.sh imaging [--rows ROW,…] [--rounds N] [--photos N] [--anew]
#
# Settings are environment variables; bench/README.md lists them. Everything is written below a temporary directory
# (or BENCH_DIR, which is kept), which must be on a real disk. Only what is started here is stopped.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bench=$repo/bench

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

which=all
passed=()
while (($#)); do
    case $1 in
        all | hits | imaging | ingest | miss | upload) which=$1 ;;
        --large | --anew | --rows=* | --rounds=* | --photos=*) passed+=("$1") ;;
        --rows | --rounds | --photos)
            (($# > 1)) || { usage >&2; exit 2; }
            passed+=("$1" "$2")
            shift
            ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

say() { printf '%s\n' "$*" >&2; }

# Program and package. /usr/sbin is not on everybody's path, and nginx is there.
PATH=$PATH:/usr/sbin:/sbin
missing=()
need() { command -v "$1" > /dev/null || missing+=("$2"); }
need python3 python3
need dpkg-deb dpkg
[[ $which == imaging ]] || need nginx nginx
[[ -x /usr/bin/time ]] || missing+=(time) # to the shell, `time` is a word of its own
[[ $which == all || $which == hits ]] && need wrk wrk
[[ $which == all || $which == ingest ]] && need rsync rsync
if [[ $which == all || $which == imaging ]]; then
    need vipsthumbnail libvips-tools
    need jpegtran libjpeg-turbo-progs
    need node nodejs
    need npm npm
    python3 -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv)
fi
if ((${#missing[@]})); then
    install=(apt-get install -y --no-install-recommends "${missing[@]}")
    if [[ $(id -u) == 0 ]]; then
        as_root=(env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive)
    elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
        as_root=(sudo env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive)
    else
        say "missing: ${missing[*]}. Install them and run this again:"
        say "  sudo ${install[*]}"
        exit 1
    fi
    # RUNLEVEL=1 keeps Debian from starting the nginx that it installs.
    say "installing ${missing[*]}"
    { "${as_root[@]}" apt-get update && "${as_root[@]}" "${install[@]}"; } >&2
fi
if ! command -v cargo > /dev/null; then
    say "missing: cargo; see https://rustup.rs"
    exit 1
fi

if [[ -n ${BENCH_DIR:-} ]]; then
    mkdir -p "$BENCH_DIR"
    dir=$(cd "$BENCH_DIR" && pwd)
    cleanup() { :; }
else
    dir=$(mktemp -d "${TMPDIR:-/tmp}/imgctl-bench.XXXXXX")
    cleanup() { rm -rf "$dir"; }
fi
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# apt's downloader and nginx's workers may be other users.
chmod 755 "$dir"

case $(stat -f -c %T "$dir") in
    tmpfs | ramfs)
        say "$dir is in memory, where nothing is durable: set BENCH_DIR to a directory on a disk"
        exit 1
        ;;
esac

say "building"
target=${CARGO_TARGET_DIR:-$repo/target}
if [[ $which != imaging ]]; then
    cargo build --release --locked --manifest-path "$repo/Cargo.toml" >&2
fi
if [[ $which == all || $which == imaging ]]; then
    CARGO_TARGET_DIR=$target cargo build --release --manifest-path "$bench/imaging-quality/Cargo.toml" >&2
fi
if [[ $which == all || $which == imaging || $which == miss ]]; then
    # The same versions as in the product: its lock file, from which cargo drops what is not needed here.
    cp "$repo/Cargo.lock" "$bench/imaging-time/Cargo.lock"
    CARGO_TARGET_DIR=$target cargo build --release --manifest-path "$bench/imaging-time/Cargo.toml" >&2
fi

export BENCH_BIN=$target/release
# In the background, so that a signal reaches the trap at once; python3 cleans up after itself when it is told to end.
python3 "$bench/main.py" "$which" "${passed[@]}" --dir "$dir" &
child=$!
trap 'kill -TERM "$child" 2> /dev/null; wait "$child"; exit 130' INT
trap 'kill -TERM "$child" 2> /dev/null; wait "$child"; exit 143' TERM
wait "$child"
