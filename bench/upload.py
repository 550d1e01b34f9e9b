"""Files taken in over HTTP: through nginx and imgd, each answered when it is durable, against imgctl on the machine itself."""

import json
import os
import subprocess
from pathlib import Path

from common import (
    BENCH, IMGCTL, ROUNDS, Site, cpu_seconds, flush, median, paired, say, setting, spread,
    status_mb, table, warm, worker_pids,
)
from ingest import number
from material import tree

FILES = setting("FILES", 20_000)
CONNECTIONS = setting("CONNECTIONS", 64)
LARGE_MB = setting("LARGE_MB", 200)

LOCAL = "imgctl ingest"
UPLOAD = "upload"
LOOKS = "upload, blurhash and colour"
REMOTE = "imgctl --server ingest"


def load(*args) -> dict:
    target = Path(os.environ.get("CARGO_TARGET_DIR", BENCH.parent / "target")) / "upload-load"
    done = subprocess.run([target / "release/upload-load", *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"upload-load: {done.stderr}")
    return json.loads(done.stdout)


class Origin:
    """A new site that runs, and a key to it."""

    def __init__(self, work: Path, limits: str = ""):
        self.site = Site(work / f"upload-{next(number)}")
        config = self.site.data / "imgctl.toml"
        config.write_text(limits + config.read_text())
        self.key = work / "bench.key"
        made = subprocess.run(
            [IMGCTL, "--data", self.site.data, "--quiet", "key", "create", "--name", "bench",
             "--verbs", "read,ingest", "--rate", "1000000/s"],
            capture_output=True, text=True, check=True,
        )
        self.key.touch(mode=0o600)
        self.key.write_text(made.stdout)
        self.site.start_imgd()
        self.site.start_nginx()

    def cpu(self) -> tuple[float, float]:
        return cpu_seconds([self.site.imgd.pid]), cpu_seconds(worker_pids(self.site.nginx.pid))

    def count(self) -> int:
        return self.site.query("SELECT count(*) FROM image")[0][0]


def main(work: Path, material: Path) -> None:
    manifest = BENCH / "upload-load/Cargo.toml"
    target = Path(os.environ.get("CARGO_TARGET_DIR", BENCH.parent / "target")) / "upload-load"
    subprocess.run(["cargo", "build", "--quiet", "--release", "--manifest-path", manifest, "--target-dir", target],
                   check=True)
    say("upload: preparing")
    source = tree(material, FILES)
    names = sorted(source.rglob("*.jpg"))
    listing = work / "list.txt"
    listing.write_text("".join(f"{name}\n" for name in names))
    rates: dict[str, list[float]] = {}
    p50: dict[str, list[float]] = {}
    p99: dict[str, list[float]] = {}
    cpu_us: dict[str, list[float]] = {}
    rss_mb: dict[str, list[float]] = {}

    def local() -> None:
        site = Site(work / f"upload-{next(number)}")
        flush()
        done = site.imgctl("ingest", source)
        rates.setdefault(LOCAL, []).append(FILES / done.seconds)
        cpu_us.setdefault(LOCAL, []).append(done.cpu_s / FILES * 1e6)
        rss_mb.setdefault(LOCAL, []).append(done.rss_mb)

    def upload(name: str) -> None:
        origin = Origin(work)
        flush()
        before = sum(origin.cpu())
        if name == REMOTE:
            url = f"http://127.0.0.1:{origin.site.port}"
            done = origin.site.imgctl("--server", url, "--key-file", origin.key, "ingest", "--jobs", CONNECTIONS, source)
            seconds = done.seconds
        else:
            query = "?looks=false" if name == UPLOAD else "?looks=true"
            done = load(f"127.0.0.1:{origin.site.port}", origin.key, listing, CONNECTIONS, query)
            seconds = done["seconds"]
            p50.setdefault(name, []).append(done["p50_ms"])
            p99.setdefault(name, []).append(done["p99_ms"])
        assert origin.count() == FILES, f"{origin.count()} on record"
        rates.setdefault(name, []).append(FILES / seconds)
        cpu_us.setdefault(name, []).append((sum(origin.cpu()) - before) / FILES * 1e6)
        rss_mb.setdefault(name, []).append(status_mb(origin.site.imgd.pid, "VmHWM"))
        origin.site.stop()

    order = [LOCAL, UPLOAD, LOOKS, REMOTE]
    for turn in range(ROUNDS):
        say(f"upload: round {turn + 1} of {ROUNDS}")
        shift = turn % len(order)
        for name in order[shift:] + order[:shift]:
            warm(source)
            local() if name == LOCAL else upload(name)

    kb = sum(name.stat().st_size for name in names) / FILES / 1000
    print("## Upload\n")
    print(f"{FILES:,} distinct JPEGs of {kb:.1f} KB on average, each answered when it is durable; {CONNECTIONS} kept "
          f"connections through nginx; {ROUNDS} rounds, interleaved; `sync` before each.\n")
    rows = []
    for name in order:
        latency = f"{median(p50[name]):.1f} / {median(p99[name]):.1f}" if name in p50 else ""
        rows.append([
            f"`{name}`" if "imgctl" in name else name, spread(rates[name]),
            f"{median(rates[name]) / median(rates[LOCAL]):.2f}", paired(rates[name], rates[LOCAL]),
            f"{median(cpu_us[name]):.0f}", f"{max(rss_mb[name]):.0f}", latency,
        ])
    table(["", "files/s", f"ratio to `{LOCAL}`", "by round", "CPU µs/file (imgd and nginx)", "max RSS MB (imgd)",
           "p50 / p99 ms"], rows)
    large(work, names[0])


def large(work: Path, small: Path) -> None:
    """One upload far larger than what is held in memory."""
    say("upload: one large file")
    size = LARGE_MB * 1_000_000
    origin = Origin(work, f"limits.bytes_max = {size + 1_000_000}\n")
    big = work / "large.jpg"
    # A baseline JPEG of one component whose scan is long: what stands between its markers is not looked into.
    head = bytes.fromhex("ffd8ffdb004300") + b"\x01" * 64
    frame = bytes.fromhex("ffc0000b080100010001011100") + bytes.fromhex("ffc4001400010000000000000000000000000000000000")
    scan = bytes.fromhex("ffda0008010100003f00")
    with big.open("wb") as file:
        file.write(head + frame + scan)
        left = size - len(head + frame + scan) - 2
        while left > 0:
            file.write(b"\x5a" * min(left, 1 << 20))
            left -= 1 << 20
        file.write(b"\xff\xd9")
    pid = origin.site.imgd.pid
    listing = work / "large.txt"
    # A small one first: what every process takes once is not the large one's.
    listing.write_text(f"{small}\n")
    load(f"127.0.0.1:{origin.site.port}", origin.key, listing, 1, "?looks=false")
    before = status_mb(pid, "VmHWM")
    listing.write_text(f"{big}\n")
    done = load(f"127.0.0.1:{origin.site.port}", origin.key, listing, 1, "?looks=false")
    after = status_mb(pid, "VmHWM")
    print(f"One upload of {big.stat().st_size / 1e6:.0f} MB: {done['seconds']:.1f} s; the largest resident set of imgd "
          f"rose from {before:.1f} to {after:.1f} MB, by {after - before:.1f} MB.\n", flush=True)
    origin.site.stop()
