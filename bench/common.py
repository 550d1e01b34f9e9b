"""What the benches share: settings, programs run and ended, a site of our own, Markdown."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BIN = Path(os.environ.get("BENCH_BIN", "target/release")).absolute()
IMGCTL = BIN / "imgctl"
IMGD = BIN / "imgd"
BENCH = Path(__file__).resolve().parent


def setting(name: str, default: int) -> int:
    return int(os.environ.get(f"BENCH_{name}", default))


ROUNDS = setting("ROUNDS", 5)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- Programs

_started: list[subprocess.Popen] = []


def start(args, **options) -> subprocess.Popen:
    """Starts a server; it ends with the bench at the latest."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("IMGCTL_")}
    environment.update(options.pop("env", {}))
    child = subprocess.Popen([str(a) for a in args], env=environment, **options)
    _started.append(child)
    return child


def stop(child: subprocess.Popen) -> None:
    if child.poll() is None:
        # One of `run` leads a group of its own: what it measures must end too.
        leads = os.getpgid(child.pid) == child.pid
        send = (lambda number: os.killpg(child.pid, number)) if leads else child.send_signal
        send(signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            send(signal.SIGKILL)
            child.wait()
    if child in _started:
        _started.remove(child)


def forget(child: subprocess.Popen) -> None:
    """It has ended, and somebody else has waited for it."""
    if child in _started:
        _started.remove(child)


def stop_all() -> None:
    for child in reversed(list(_started)):
        stop(child)


def end_cleanly_on_signals() -> None:
    def end(number, _frame):
        for again in (signal.SIGTERM, signal.SIGINT):
            signal.signal(again, signal.SIG_IGN)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


@dataclass
class Run:
    """What a command cost, its children included."""

    seconds: float
    cpu_s: float
    rss_mb: float


def run(args, **options) -> Run:
    # GNU time stands between: a child of ours would be charged with the memory of this interpreter.
    with tempfile.NamedTemporaryFile("r") as usage:
        timed = ["/usr/bin/time", "-q", "-f", "%U %S %M", "-o", usage.name, *args]
        began = time.perf_counter()
        child = start(timed, start_new_session=True, **options)
        code = child.wait()
        seconds = time.perf_counter() - began
        _started.remove(child)
        if code != 0:
            raise SystemExit(f"exit code {code}: {' '.join(map(str, args))}")
        user_s, system_s, rss_kb = usage.read().split()
    return Run(seconds, float(user_s) + float(system_s), int(rss_kb) / 1024)


def imgctl(data: Path, *args, **options) -> Run:
    return run([IMGCTL, "--data", data, "--quiet", *args], stdout=subprocess.DEVNULL, **options)


def wait_until(what: str, answers, child: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while not answers():
        if child.poll() is not None:
            raise SystemExit(f"{what} ended at once with exit code {child.returncode}")
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not answer within 30 s")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connects(address) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


# --- Processes, seen from outside


def worker_pids(master: int) -> list[int]:
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == master:
                    pids.append(int(entry.name))
    return pids


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of all threads."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / tick
    return total


def status_mb(pid: int, key: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M)[1]) / 1024


# --- A site of our own


class Site:
    """A data directory on a free port of loopback, with the configuration that `imgctl init` writes."""

    def __init__(self, data: Path, presets: str | None = None, workers: int = 1):
        self.data, self.port = data, free_port()
        self.nginx: subprocess.Popen | None = None
        self.imgd: subprocess.Popen | None = None
        imgctl(data, "init")
        config = data / "imgctl.toml"
        text = config.read_text()
        nginx = f'listen = ["127.0.0.1:{self.port}"]\nworkers = {workers}\n'
        if os.getuid() == 0:
            # Temporary directories may be closed to the user that nginx's workers would become.
            nginx += 'user = "root"\n'
        text, changed = re.subn(r"(?m)^listen = .*\n", nginx, text)
        assert changed == 1, "one line of imgctl.toml says where nginx listens"
        if presets is not None:
            text = text[: text.index("[presets.")] + presets
        config.write_text(text)

    def imgctl(self, *args, **options) -> Run:
        return imgctl(self.data, *args, **options)

    def imgctl_json(self, *args) -> list[dict]:
        """What it prints, a line for each item."""
        done = subprocess.run(
            [IMGCTL, "--data", self.data, "--json", *args], stdout=subprocess.PIPE, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start_nginx(self) -> None:
        self.imgctl("nginx", "apply")
        conf = self.data / "nginx/current/nginx.conf"
        self.nginx = start_nginx(conf, self.port)

    def start_imgd(self) -> None:
        self.imgd = start([IMGD, "--data", self.data], env={"IMGCTL_LOG": "warn"})
        wait_until("imgd", lambda: connects(str(self.data / "run/imgd.sock")), self.imgd)

    def ids(self) -> list[str]:
        return [row[0] for row in self.query("SELECT lower(hex(id)) FROM image ORDER BY id")]

    def query(self, sql: str) -> list[tuple]:
        with contextlib.closing(sqlite3.connect(self.data / "catalog.db")) as catalog:
            return catalog.execute(sql).fetchall()

    def original(self, image: str) -> Path:
        return self.data / "original" / image[:3] / f"{image}.jpg"

    def stop(self) -> None:
        for child in (self.nginx, self.imgd):
            if child is not None:
                stop(child)
        self.nginx = self.imgd = None


def start_nginx(conf: Path, port: int) -> subprocess.Popen:
    child = start(["nginx", "-c", conf, "-e", "stderr", "-g", "daemon off;"])
    wait_until("nginx", lambda: connects(("127.0.0.1", port)), child)
    return child


# --- Disks


def flush() -> None:
    run(["sync"])


def warm(tree: Path) -> None:
    """Every file into the page cache."""
    for path in tree.rglob("*"):
        if path.is_file():
            path.read_bytes()


def remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


# --- Numbers

median = statistics.median


def percentile(values, percent: float) -> float:
    ordered = sorted(values)
    at = (len(ordered) - 1) * percent / 100
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def paired(ours, theirs, digits: int = 2) -> str:
    """The ratio of each round, and the middle one."""
    ratios = [a / b for a, b in zip(ours, theirs)]
    low, middle, high = (f"{ratio:.{digits}f}" for ratio in (min(ratios), median(ratios), max(ratios)))
    return f"{middle} ({low}–{high})"


def spread(values, digits: int = 0) -> str:
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def table(head: list[str], rows: list[list]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def first_line(*args) -> str:
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].strip() if lines else "?"
