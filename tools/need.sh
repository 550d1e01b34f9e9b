# Sourced by up.sh, test.sh and bench/: installs what is missing, or says exactly how and stops.

# Debian keeps nginx and PostgreSQL's tools where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin
# rustup puts cargo here, and its installer asks for a new shell to see it.
[ -d "$HOME/.cargo/bin" ] && PATH=$PATH:$HOME/.cargo/bin
export PATH

packages_needed=

# need COMMAND PACKAGE...: the packages are wanted if there is no such command.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null 2>&1 || packages_needed="$packages_needed $*"
}

# need_file PATTERN PACKAGE...: the packages are wanted if no such file exists.
need_file() {
    local pattern=$1
    shift
    compgen -G "$pattern" >/dev/null || packages_needed="$packages_needed $*"
}

install_needed() {
    [ -n "$packages_needed" ] || return 0
    local apt="apt-get install -y --no-install-recommends$packages_needed" as_root=
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "error: missing:$packages_needed (Debian's names), and there is no apt-get here" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1 || ! sudo -n true 2>/dev/null; then
            if [ -t 0 ] && command -v sudo >/dev/null 2>&1; then
                as_root=sudo
            else
                echo "error: something is missing; as root, run:" >&2
                echo "    apt-get update && $apt" >&2
                exit 1
            fi
        fi
        as_root=sudo
    fi
    echo "installing:$packages_needed" >&2
    $as_root apt-get update -qq >&2
    # shellcheck disable=SC2086 # a list of packages
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $packages_needed >&2
    packages_needed=
}

need_rust() {
    if ! command -v cargo >/dev/null 2>&1; then
        echo "error: there is no cargo; install Rust from https://rustup.rs, then run this again" >&2
        exit 1
    fi
}
