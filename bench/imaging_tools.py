"""What each tool is told to do, installed where that can be done without the system's packages, and what a run costs."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import common
from common import BENCH, BIN, say

BATCH = BIN / "imaging-batch"


@dataclass(frozen=True)
class Derivative:
    width: int
    format: str
    quality: int

    def __str__(self) -> str:
        return f"{self.width}:{self.format}:{self.quality}"

    def name(self, file: Path) -> str:
        return f"{file.stem}-{self.width}.{self.format}"


@dataclass(frozen=True)
class Job:
    """Every file into every derivative, written to `out`."""

    files: list[Path]
    derivatives: list[Derivative]
    out: Path
    cores: int = 1


@dataclass(frozen=True)
class Tool:
    name: str
    # Processes for a job; those of one list run at once, lists one after another.
    commands: Callable[[Job], list[list[list]]]
    # Whether one process does all files; otherwise they are shared out among as many processes as there are cores.
    threaded: bool = True


@dataclass
class Cost:
    cpu_s: float
    seconds: float


def _batch(mode: str) -> Tool:
    def commands(job: Job) -> list[list[list]]:
        return [[[BATCH, mode, job.cores, job.out, *job.derivatives, "--", *job.files]]]

    return Tool("imgctl" if mode == "ours" else "`image` crate", commands)


def _vipsthumbnail(job: Job) -> list[list[list]]:
    """It reads all files again for each derivative."""

    def command(derivative: Derivative, files: list[Path]) -> list:
        name = f"{job.out}/%s-{derivative.width}.{derivative.format}[Q={derivative.quality},strip]"
        return ["vipsthumbnail", "--size", f"{derivative.width}x", "-o", name, *files]

    parts = [part for n in range(job.cores) if (part := job.files[n :: job.cores]) or n == 0]
    return [[command(derivative, part) for part in parts] for derivative in job.derivatives]


class Peers:
    """sharp and Pillow in directories of their own."""

    def __init__(self, material: Path):
        self.sharp, self.venv = material / "sharp", material / "venv"
        self.python = self.venv / "bin/python"
        if not (self.sharp / "node_modules/sharp").exists():
            say("installing sharp")
            node_major = int(common.first_line("node", "--version").lstrip("v").split(".")[0])
            self.sharp.mkdir(parents=True, exist_ok=True)
            install = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", self.sharp]
            # The newest for this node.
            wanted = "sharp@latest" if node_major >= 20 else "sharp@0.34"
            subprocess.run([*install, wanted], check=True, stdout=subprocess.DEVNULL)
        if not self.python.exists():
            say("installing Pillow")
            subprocess.run(["python3", "-m", "venv", self.venv], check=True)
            subprocess.run([self.python, "-m", "pip", "install", "--quiet", "Pillow"], check=True)

    def tool(self, name: str) -> Tool:
        if name in ("ours", "image"):
            return _batch(name)
        if name == "vipsthumbnail":
            return Tool(name, _vipsthumbnail, threaded=False)
        if name == "Pillow":
            return Tool(name, self._pillow, threaded=False)
        mode = {
            "sharp": "default",
            "sharp, standard Huffman": "noopt",
            "sharp, from one raw decode": "raw",
            "sharp, effort 0": "effort0",
        }[name]
        return Tool(name, lambda job: self._sharp(mode, job))

    def _sharp(self, mode: str, job: Job) -> list[list[list]]:
        cores = [f"BENCH_SHARP={self.sharp}", f"BENCH_CORES={job.cores}"]
        script = ["env", *cores, "node", BENCH / "imaging_sharp.mjs", mode, job.out]
        return [[[*script, *job.derivatives, "--", *job.files]]]

    def _pillow(self, job: Job) -> list[list[list]]:
        script = [self.python, BENCH / "imaging_pillow.py", job.out, *job.derivatives, "--"]
        return [[[*script, *job.files[n :: job.cores]] for n in range(job.cores)]]

    def versions(self) -> dict[str, str]:
        sharp = subprocess.run(
            ["node", "-p", "const v = require('sharp').versions; `sharp ${v.sharp} (libvips ${v.vips})`"],
            cwd=self.sharp, capture_output=True, text=True, check=True,
        ).stdout.strip()
        pillow = subprocess.run(
            [self.python, "-c", "import PIL; print(f'Pillow {PIL.__version__}')"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        vips = common.first_line("vips", "--version")
        node = "node " + common.first_line("node", "--version")
        return {"vips": vips, "sharp": sharp, "node": node, "Pillow": pillow}


class ToolFailed(Exception):
    pass


def measure(tool: Tool, job: Job) -> Cost:
    """User and system time of all its processes, from wait4, and how long they took; on the first cores only."""
    cost = Cost(0.0, 0.0)
    for together in tool.commands(job):
        began = time.perf_counter()
        with tempfile.TemporaryFile("w+") as said, _pinned(job.cores):
            options = {"stdout": subprocess.DEVNULL, "stderr": said, "start_new_session": True}
            # vips counts the cores by itself, and would start threads that have none.
            children = [common.start(args, env={"VIPS_CONCURRENCY": "1"}, **options) for args in together]
            for child in children:
                _, status, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
                common.forget(child)
                cost.cpu_s += usage.ru_utime + usage.ru_stime
            cost.seconds += time.perf_counter() - began
            if any(child.returncode for child in children):
                said.seek(0)
                lines = [line.strip() for line in said.read().splitlines() if line.strip()]
                raise ToolFailed(f"{tool.name}: {lines[-1] if lines else 'it ended with an error'}")
    return cost


def peak_mb(tool: Tool, job: Job) -> float:
    """The largest resident set of any of its processes."""
    peak = 0.0
    with _pinned(job.cores):
        for together in tool.commands(job):
            for args in together:
                environment = {"VIPS_CONCURRENCY": "1"}
                done = common.run(args, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                peak = max(peak, done.rss_mb)
    return peak


@contextlib.contextmanager
def _pinned(cores: int) -> Iterator[None]:
    """What is started within runs on the first cores that this process may use, and so does this process."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def emptied(out: Path) -> Iterator[Path]:
    """A directory for one run."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        yield out
    finally:
        shutil.rmtree(out, ignore_errors=True)
