"""Files taken in: imgctl, which checks, hashes, catalogues and makes durable, against plain copying."""

import itertools
import subprocess
import time
from pathlib import Path

from common import (
    ROUNDS, Run, Site, first_line, flush, median, paired, run, say, setting, spread, table, warm,
)
from material import tree

FILES = setting("FILES", 20_000)
LARGE_FILES = setting("LARGE_FILES", 100_000)

IMGCTL_ROW = "imgctl ingest"
RSYNC = "rsync -a"
RSYNC_DURABLE = "rsync -a, sync -f"


# Copies stay until the end: ext4 passes over inodes deleted within the last minutes one by one, so that whoever comes
# after a removal would pay for it.
number = itertools.count()


def ingest(source: Path, work: Path) -> Run:
    site = Site(work / f"ingest-{next(number)}")
    flush()
    done = site.imgctl("ingest", source)
    count = site.query("SELECT count(*) FROM image")[0][0]
    files = sum(1 for _ in (site.data / "original").rglob("*.jpg"))
    expected = sum(1 for _ in source.rglob("*.jpg"))
    assert count == files == expected, f"{expected} files, {count} on record, {files} on disk"
    return done


def copy(args: list[str], source: Path, work: Path) -> tuple[Run, float]:
    """What copying costs, and how long until it would survive power loss."""
    into = work / f"copy-{next(number)}"
    into.mkdir()
    flush()
    began = time.perf_counter()
    done = run([*args, f"{source}/.", f"{into}/"])
    run(["sync", "-f", into])
    durable_s = time.perf_counter() - began
    return done, durable_s


def main(work: Path, material: Path, large: bool) -> None:
    say("ingest: preparing")
    source = tree(material, FILES)
    copies = {"rsync -a": ["rsync", "-a"], "cp -a": ["cp", "-a"]}
    help_text = subprocess.run(["rsync", "--help"], capture_output=True, text=True, check=True).stdout
    if "--fsync" in help_text:
        copies["rsync -a --fsync"] = ["rsync", "-a", "--fsync"]
    seconds: dict[str, list[float]] = {}
    runs: dict[str, list[Run]] = {}

    def measure(name: str) -> None:
        warm(source)
        if name == IMGCTL_ROW:
            done = ingest(source, work)
        else:
            done, durable_s = copy(copies[name], source, work)
            if "--fsync" not in name:
                seconds.setdefault(f"{name}, sync -f", []).append(durable_s)
                runs.setdefault(f"{name}, sync -f", []).append(done)
        seconds.setdefault(name, []).append(done.seconds)
        runs.setdefault(name, []).append(done)

    order = [IMGCTL_ROW, *copies]
    for turn in range(ROUNDS):
        say(f"ingest: round {turn + 1} of {ROUNDS}")
        shift = turn % len(order)
        for name in order[shift:] + order[:shift]:
            measure(name)

    rates = {name: [FILES / s for s in taken] for name, taken in seconds.items()}
    kb = sum(path.stat().st_size for path in source.rglob("*.jpg")) / FILES / 1000
    print("## Ingest\n")
    print(f"{FILES:,} files of {kb:.1f} KB on average, in the page cache; {ROUNDS} rounds, interleaved; "
          f"`sync` before each; {first_line('rsync', '--version')}; {first_line('cp', '--version')}.\n")
    rows = []
    for name in sorted(rates, key=lambda name: (name != IMGCTL_ROW, name)):
        rows.append([
            f"`{name}`", spread(rates[name]),
            f"{median(rates[name]) / median(rates[RSYNC]):.2f}", paired(rates[name], rates[RSYNC]),
            paired(rates[name], rates[RSYNC_DURABLE]),
            f"{median([r.cpu_s for r in runs[name]]):.2f}",
            f"{max(r.rss_mb for r in runs[name]):.0f}",
        ])
    table(["", "files/s", f"ratio to `{RSYNC}`", "by round", f"to `{RSYNC_DURABLE}`, by round", "CPU s",
           "max RSS MB"], rows)

    say("ingest: memory")
    sizes = [min(2000, FILES)] + ([FILES] if FILES > 2000 else []) + ([LARGE_FILES] if large else [])
    rows = []
    for files in sizes:
        directory = tree(material, files)
        if files == FILES:
            done = max(runs[IMGCTL_ROW], key=lambda r: r.rss_mb)
        else:
            warm(directory)
            done = ingest(directory, work)
        rows.append([f"{files:,}", f"{done.rss_mb:.0f}", f"{files / done.seconds:,.0f}", f"{done.cpu_s:.1f}"])
        if files == LARGE_FILES and large:
            warm(directory)
            peer, durable_s = copy(copies[RSYNC], directory, work)
            rows.append([f"{files:,} (`{RSYNC}`; with `sync -f`)", f"{peer.rss_mb:.0f}",
                         f"{files / peer.seconds:,.0f}; {files / durable_s:,.0f}", f"{peer.cpu_s:.1f}"])
    print("Memory by the number of files, one run each:\n")
    table(["files", "max RSS MB", "files/s", "CPU s"], rows)
