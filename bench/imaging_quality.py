"""How good derivatives are, and how many bytes ours take to be as good as another's."""

import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from common import BIN
from imaging_tools import Derivative, Job, Peers, Tool, emptied, measure

JUDGE = BIN / "imaging-quality"

# Qualities at which ours are made to find the one that equals another tool's.
LADDER = {"jpg": [66, 72, 76, 80, 84, 88, 92], "webp": [60, 68, 74, 79, 84, 90], "avif": [40, 48, 56, 64, 72, 80]}


@dataclass
class Judged:
    """Of one kind of derivatives, over all photographs."""

    ssimulacra2: list[float]
    psnr_y_db: list[float]
    size_bytes: list[int]


def judge(tool: Tool, job: Job, python: Path) -> dict[str, Judged]:
    """By format; several widths are put together."""
    with emptied(job.out):
        measure(tool, job)
        found = {}
        for kind in dict.fromkeys(derivative.format for derivative in job.derivatives):
            pairs = [
                (file, job.out / derivative.name(file))
                for file in job.files
                for derivative in job.derivatives
                if derivative.format == kind
            ]
            sizes = [derivative.stat().st_size for _, derivative in pairs]
            if kind == "avif":
                pairs = [(file, _as_png(derivative, python)) for file, derivative in pairs]
            scores = _scores(pairs)
            found[kind] = Judged([s for s, _ in scores], [p for _, p in scores], sizes)
        return found


def _scores(pairs: list[tuple[Path, Path]]) -> list[tuple[float, float]]:
    lines = "".join(f"{original}\t{derivative}\n" for original, derivative in pairs)
    done = subprocess.run([JUDGE], input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"imaging-quality: {done.stderr.strip()}")
    scores = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    assert len(scores) == len(pairs), "one line for each derivative"
    return scores


def _as_png(avif: Path, python: Path) -> Path:
    """No decoder of AVIF is built into the judge; Pillow's is dav1d or libaom."""
    png = avif.with_suffix(".avif.png")
    convert = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2], compress_level=1)"
    subprocess.run([python, "-c", convert, avif, png], check=True)
    return png


def ladder(peers: Peers, job: Job, kind: str) -> list[tuple[float, float]]:
    """Mean SSIMULACRA2 and mean bytes of ours by rising quality, of one format."""
    steps = []
    for quality in LADDER[kind]:
        wanted = [Derivative(d.width, d.format, quality) for d in job.derivatives if d.format == kind]
        judged = judge(peers.tool("ours"), Job(job.files, wanted, job.out), peers.python)[kind]
        steps.append((mean(judged.ssimulacra2), mean(judged.size_bytes)))
    return steps


def bytes_at(steps: list[tuple[float, float]], ssimulacra2: float) -> float | None:
    """Between two steps, straight in the logarithm of the bytes; `None` beyond them."""
    for (low, few), (high, many) in zip(steps, steps[1:]):
        if low <= ssimulacra2 <= high and high > low:
            share = (ssimulacra2 - low) / (high - low)
            return math.exp(math.log(few) + share * (math.log(many) - math.log(few)))
    return None
