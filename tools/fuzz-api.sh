#!/usr/bin/env bash
# Fuzzes the API by its own OpenAPI document with schemathesis (from PyPI), against an origin of its own.
#
#     tools/fuzz-api.sh [options of schemathesis run]
#
# FUZZ_EXAMPLES: requests tried for each operation and phase [200]. Works in a temporary directory, on loopback, and stops what it
# started. Fails if an answer is a server error, does not fit the document, or takes longer than ten seconds.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=need.sh
. "$here/tools/need.sh"

need_rust
need cc gcc libc6-dev
need c++ g++
need cmake cmake
need nasm nasm
need nginx nginx
need_file '/usr/lib/python3*/ensurepip' python3-venv
install_needed

cargo build --release --locked --manifest-path "$here/Cargo.toml" >&2
bin=${CARGO_TARGET_DIR:-$here/target}/release
work=$(mktemp -d)
up=
trap '[ -z "$up" ] || kill "$up" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

python3 -m venv "$work/venv" >&2
"$work/venv/bin/pip" install --quiet 'schemathesis>=4,<5' >&2

"$bin/imgctl" up --data "$work/data" --port 18080 >"$work/up.log" 2>&1 &
up=$!
for _ in $(seq 600); do
    grep -q '^http' "$work/up.log" && break
    sleep 0.1
done
url=$(grep -o '^http://127.0.0.1:[0-9]*' "$work/up.log" | head -1)
# The key goes by way of the environment and a file: command lines can be read by everybody.
umask 077
"$bin/imgctl" --data "$work/data" key create --name fuzz --verbs admin --rate 100000/s >"$work/key"
FUZZ_KEY=$(cat "$work/key")
export FUZZ_KEY
ids=$("$bin/imgctl" --data "$work/data" --json image list | grep -o '"id":"[0-9a-f]*"' | cut -d'"' -f4 | sed 's/.*/"&"/' | paste -sd,)
cat >"$work/schemathesis.toml" <<CONFIG
request-timeout = 10.0

[auth.openapi.key]
bearer = "\${FUZZ_KEY}"

# Ids that exist, so that more than the refusal of others is tried. DELETE removes them one by one.
[[operations]]
include-path-regex = "/images/.id./(tags|derivatives)"
parameters = { "path.id" = [$ids] }
CONFIG

cd "$work"
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth
status=0
fuzz() {
    "$work/venv/bin/schemathesis" --config-file "$work/schemathesis.toml" run "$url/api/v1/openapi.json" \
        --max-examples "${FUZZ_EXAMPLES:-100}" --workers 2 --checks "$checks" "$@" || status=$?
}
# Keys come by themselves: following links, these two would find the key that all this is done with, and end it.
fuzz --exclude-operation-id revoke_key --exclude-operation-id rotate_key "$@"
fuzz --include-operation-id revoke_key --include-operation-id rotate_key --phases coverage,fuzzing "$@"
# A server error that schemathesis did not see would stand in nginx's log.
echo 'answers by status, as nginx logged them:'
grep '"uri":"/api/' "$work/data/log/nginx-access.log" | grep -o '"status":[0-9]*' | sort | uniq -c
errors=$(grep -c '"status":50[0-24-9]' "$work/data/log/nginx-access.log" || true)
echo "server errors in nginx's log: $errors"
[ "$errors" = 0 ] || status=1
exit "$status"
