"""Derivatives side by side with vips, sharp, Pillow and the image crate: CPU time, memory, quality and bytes."""

import hashlib
import json
import random
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

from common import ROUNDS, remove, say, setting, table
from imaging_photos import Photos, photos
from imaging_quality import Judged, bytes_at, judge, ladder
from imaging_tools import BATCH, Cost, Derivative, Job, Peers, ToolFailed, emptied, measure, peak_mb

SIZES = [160, 320, 640, 1024, 1600]
AVIF_QUALITY = setting("AVIF_QUALITY", 60)


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    photos: str
    derivatives: list[Derivative]
    tools: list[str]
    target: str


def _jpeg(*widths: int) -> list[Derivative]:
    return [Derivative(width, "jpg", 80) for width in widths]


def _webp(*widths: int) -> list[Derivative]:
    return [Derivative(width, "webp", 79) for width in widths]


PEERS = ["vipsthumbnail", "sharp", "sharp, standard Huffman", "Pillow", "image"]
ROWS = [
    Row("jpeg-320", "Baseline JPEG → 320 px JPEG q80", "phone", _jpeg(320), PEERS,
        "3.0× vipsthumbnail, 2.8× sharp, 12× the `image` crate"),
    Row("jpeg-1024", "Baseline JPEG → 1024 px JPEG q80", "phone", _jpeg(1024), PEERS, "3.2× vips, 2.0× sharp"),
    Row("progressive-320", "Progressive JPEG → 320 px JPEG q80", "progressive", _jpeg(320), PEERS, "12× vips and sharp"),
    Row("five", "Five sizes (160–1600), JPEG q80", "phone", _jpeg(*SIZES), [*PEERS, "sharp, from one raw decode"],
        "6× vips, 4× sharp, 2.4× sharp from one raw decode"),
    Row("five-webp", "Five sizes (160–1600), JPEG q80 and WebP q79", "phone", _jpeg(*SIZES) + _webp(*SIZES),
        ["vipsthumbnail", "sharp", "sharp, from one raw decode", "Pillow"], "2.8× vips, 2.2× sharp, at equal WebP quality"),
    Row("png-320", "PNG → 320 px JPEG q80", "png", _jpeg(320), PEERS, "2.4× vips and sharp"),
    Row("avif-1024", f"Baseline JPEG → 1024 px AVIF q{AVIF_QUALITY}", "phone", [Derivative(1024, "avif", AVIF_QUALITY)],
        ["sharp", "sharp, effort 0", "Pillow"], "5× sharp's default, at most 12 % more bytes at equal SSIMULACRA2"),
]
MEMORY = "memory"
ALL = [row.name for row in ROWS] + [MEMORY]


@dataclass
class Bench:
    peers: Peers
    photos: Photos
    work: Path
    results: Path
    rounds: int
    # What the results depend on; those of another are forgotten.
    key: str
    unavailable: dict[str, str] = field(default_factory=dict)

    def job(self, row: Row, cores: int = 1) -> Job:
        return Job(self.photos.of(row.photos), row.derivatives, self.work / "out", cores)


def main(work: Path, material: Path, args: Namespace) -> None:
    wanted = args.rows.split(",") if args.rows else ALL
    if unknown := [name for name in wanted if name not in ALL]:
        raise SystemExit(f"no row {', '.join(unknown)}; there are {', '.join(ALL)}")
    directory = material / "imaging"
    peers = Peers(directory)
    found = photos(directory, peers.python).first(args.photos)
    rounds = args.rounds or ROUNDS
    text = f"{hashlib.sha256(BATCH.read_bytes()).hexdigest()} {peers.versions()} {args.photos} {AVIF_QUALITY}"
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    bench = Bench(peers, found, work, directory / "results", rounds, key)
    bench.results.mkdir(exist_ok=True)
    if args.anew:
        for name in wanted:
            for path in bench.results.glob(f"{name}-*.json"):
                path.unlink()
    _print_head(bench)
    for row in (row for row in ROWS if row.name in wanted):
        _row(bench, row)
    if MEMORY in wanted:
        _memory(bench)
    for name, why in bench.unavailable.items():
        print(f"Left out: {name} ({why}).")
    remove(work / "out")


def _print_head(bench: Bench) -> None:
    print("## Imaging\n")
    print("; ".join(bench.peers.versions().values()) + f"; `image` crate as in Cargo.lock. {bench.rounds} rounds.")
    sizes = [path.stat().st_size for path in bench.photos.phone]
    print(f"{len(sizes)} photographs, {mean(sizes) / 1e6:.1f} MB on average as baseline JPEG.\n", flush=True)


# --- Time


def _row(bench: Bench, row: Row) -> None:
    tools = _available(bench, row)
    if not tools:
        return
    print(f"### {row.title}\n\nTarget: at least {row.target}.\n")
    one = _rounds(bench, row, tools, cores=1)
    two = _rounds(bench, row, tools, cores=2)
    count = len(bench.photos.of(row.photos))
    head = ["one core", "CPU ms/image", "ratio", "ratio net of start-up", "two cores: ms/image", "ratio", "CPU ms/image"]
    lines = []
    for name in tools:
        gross = median(cost["cpu_s"] for cost in one["rounds"][name]) / count * 1000
        wall = median(cost["seconds"] for cost in two["rounds"][name]) / count * 1000
        cpu = median(cost["cpu_s"] for cost in two["rounds"][name]) / count * 1000
        lines.append([
            _shown(name), f"{gross:.1f}", _ratio(one, name, "cpu_s"), _ratio(one, name, "net_s"),
            f"{wall:.1f}", _ratio(two, name, "seconds"), f"{cpu:.1f}",
        ])
    table(head, lines)
    _quality(bench, row, tools)


def _available(bench: Bench, row: Row) -> list[str]:
    """Tools that can do it; each does once what nobody measures, which also fills the page cache."""
    able = []
    for name in ["ours", *row.tools]:
        job = bench.job(row)
        try:
            with emptied(job.out):
                measure(bench.peers.tool(name), Job(job.files[:1], job.derivatives, job.out))
            able.append(name)
        except ToolFailed as failed:
            bench.unavailable[f"{_shown(name)} in {row.name}"] = str(failed)
            say(f"left out of {row.name}: {failed}")
    return able


def _rounds(bench: Bench, row: Row, tools: list[str], cores: int) -> dict:
    """As many rounds as wanted, of which those of an earlier run count; in each, the tools take turns in random order."""
    path = bench.results / f"{row.name}-{cores}.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    if stored.get("key") != bench.key or set(stored.get("rounds", {})) != set(tools):
        stored = {"key": bench.key, "rounds": {name: [] for name in tools}}
    job = bench.job(row, cores)
    while len(stored["rounds"][tools[0]]) < bench.rounds:
        say(f"{row.name}, {cores} core(s): round {len(stored['rounds'][tools[0]]) + 1} of {bench.rounds}")
        costs = {}
        for name in random.sample(tools, len(tools)):
            tool = bench.peers.tool(name)
            start = _start_up(bench, name, job)
            with emptied(job.out):
                cost = measure(tool, job)
            net = max(cost.cpu_s - start.cpu_s, 1e-9)
            costs[name] = {"cpu_s": cost.cpu_s, "net_s": net, "seconds": cost.seconds}
        for name, cost in costs.items():
            stored["rounds"][name].append(cost)
        # Whole or not at all: it may be interrupted.
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(stored))
        partial.rename(path)
    return stored


def _start_up(bench: Bench, name: str, job: Job) -> Cost:
    """The same command without files."""
    with emptied(job.out):
        try:
            return measure(bench.peers.tool(name), Job([], job.derivatives, job.out, job.cores))
        except ToolFailed as failed:
            raise SystemExit(f"without files: {failed}") from failed


def _ratio(stored: dict, name: str, what: str) -> str:
    """The median over the rounds of theirs to ours of that round."""
    ours = stored["rounds"].get("ours")
    if ours is None:
        return ""
    ratios = [theirs[what] / mine[what] for theirs, mine in zip(stored["rounds"][name], ours)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def _shown(name: str) -> str:
    return {"ours": "imgctl", "image": "`image` crate (4:4:4)"}.get(name, name)


# --- Quality


def _quality(bench: Bench, row: Row, tools: list[str]) -> None:
    say(f"{row.name}: quality")
    job = bench.job(row)
    judged = {name: judge(bench.peers.tool(name), job, bench.peers.python) for name in tools}
    for kind in dict.fromkeys(derivative.format for derivative in row.derivatives):
        steps = ladder(bench.peers, job, kind) if "ours" in tools else []
        head = [kind, "SSIMULACRA2 mean", "worst", "PSNR-Y dB mean", "worst", "KB", "bytes of imgctl at that SSIMULACRA2"]
        table(head, [[_shown(name), *_cells(judged[name][kind], steps)] for name in tools])


def _cells(judged: Judged, steps: list[tuple[float, float]]) -> list[str]:
    size = mean(judged.size_bytes)
    equal = bytes_at(steps, mean(judged.ssimulacra2))
    return [
        f"{mean(judged.ssimulacra2):.2f}", f"{min(judged.ssimulacra2):.2f}",
        f"{mean(judged.psnr_y_db):.2f}", f"{min(judged.psnr_y_db):.2f}",
        f"{size / 1000:.1f}", "–" if equal is None else f"{equal / size - 1:+.1%}",
    ]


# --- Memory


def _memory(bench: Bench) -> None:
    """One image, one worker, the middle of three runs."""
    print("### Peak memory, one image in one process, MB\n\nTarget: at most 25 (12 MP) and 45 (18 MP).\n")
    cases = [(bench.photos.phone[0], 320), (bench.photos.phone[0], 1024), (bench.photos.large, 320), (bench.photos.large, 1024)]
    lines = []
    for name in ["ours", "vipsthumbnail", "sharp", "Pillow", "image"]:
        say(f"memory: {_shown(name)}")
        cells = []
        for file, width in cases:
            job = Job([file], _jpeg(width), bench.work / "out")
            with emptied(job.out):
                cells.append(f"{median(peak_mb(bench.peers.tool(name), job) for _ in range(3)):.0f}")
        lines.append([_shown(name), *cells])
    heads = [f"{label} → {width}" for label in ("12 MP baseline", "18 MP baseline, q100") for width in (320, 1024)]
    table(["", *heads], lines)
