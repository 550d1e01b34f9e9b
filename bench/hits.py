"""Thumbnails that exist: our nginx against a bare one that serves the same files."""

import json
import os
import random
import re
import subprocess
import urllib.request
from pathlib import Path

from common import (
    BENCH, ROUNDS, Site, cpu_seconds, first_line, free_port, median, paired, remove, say, setting,
    spread, start_nginx, status_mb, stop, table, wait_until,
    worker_pids,
)
from material import tree

THUMBS = setting("THUMBS", 2000)
SECONDS = setting("SECONDS", 8)
CONNECTIONS = setting("CONNECTIONS", 64)
# wrk takes the other half.
WORKERS = setting("NGINX_WORKERS", max(1, (os.cpu_count() or 2) // 2))


def bare_conf(directory: Path, root: Path, port: int, log: str) -> Path:
    directory.mkdir()
    user = "user root;" if os.getuid() == 0 else ""
    conf = directory / "nginx.conf"
    conf.write_text(f"""
{user}
worker_processes {WORKERS};
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    types {{ image/jpeg jpg; image/webp webp; }}
    default_type application/octet-stream;
    {log}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        sendfile on;
        tcp_nopush on;
        keepalive_timeout 75s;
        keepalive_requests 10000;
    }}
}}
""")
    return conf


def log_lines(site: Site, into: Path) -> str:
    """Our log as the bare nginx can write it: the same format, the same buffer."""
    ours = (site.data / "nginx/current/nginx.conf").read_text()
    form = re.search(r"(?s)log_format imgctl .*?;\n", ours)[0].replace("$img_served", "hit")
    buffered = re.search(r'access_log "[^"]*" (imgctl buffer=[^;]*);', ours)[1]
    return f"{form}    access_log {into}/access.log {buffered};"


class Server:
    def __init__(self, name: str, nginx: subprocess.Popen, port: int, paths: list[str], work: Path,
                 log: Path | None):
        self.name, self.nginx, self.port, self.paths, self.log = name, nginx, port, paths, log
        self.url = f"http://127.0.0.1:{port}"
        self.list = work / f"{port}.paths"
        self.list.write_text("".join(path + "\n" for path in paths))
        wait_until("nginx's workers", lambda: len(worker_pids(nginx.pid)) == WORKERS, nginx)
        self.pids = worker_pids(nginx.pid)
        self.rates: list[float] = []
        self.cpu_us: list[float] = []
        self.p99_ms: list[float] = []
        self.errors = 0

    def fetch(self, number: int) -> bytes:
        with urllib.request.urlopen(self.url + self.paths[number]) as answer:
            return answer.read()

    def load(self, seconds: int) -> dict:
        args = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", BENCH / "hits.lua",
                self.url, "--", self.list]
        done = subprocess.run([str(a) for a in args], capture_output=True, text=True, check=True)
        return json.loads(re.search(r"RESULT (.*)", done.stdout)[1])

    def round(self) -> None:
        before = cpu_seconds(self.pids)
        result = self.load(SECONDS)
        cpu_s = cpu_seconds(self.pids) - before
        self.rates.append(result["requests"] / result["seconds"])
        self.cpu_us.append(cpu_s / result["requests"] * 1e6)
        self.p99_ms.append(result["p99_ms"])
        self.errors += result["errors"]
        if self.log:
            os.truncate(self.log, 0)

    def row(self, base: "Server") -> list[str]:
        rss = sum(status_mb(pid, "VmRSS") for pid in self.pids)
        return [
            self.name, spread(self.rates), f"{median(self.rates) / median(base.rates):.3f}",
            paired(self.rates, base.rates, 3), f"{median(self.cpu_us):.1f}",
            f"{median(self.cpu_us) / median(base.cpu_us):.3f}", f"{median(self.p99_ms):.1f}",
            f"{rss:.0f}", self.errors,
        ]


def main(work: Path, material: Path) -> None:
    say("hits: preparing")
    images = -(-THUMBS // 2)
    site = Site(work / "hits-data", workers=WORKERS)
    site.imgctl("ingest", tree(material, images))
    site.imgctl("derive", "--preset", "thumb", "--missing")
    files = sorted((site.data / "derived").rglob("*.thumb~1.*"))[:THUMBS]
    assert len(files) == THUMBS
    random.Random(1).shuffle(files)
    mean_kb = sum(file.stat().st_size for file in files) / len(files) / 1000

    # imgd is never started here.
    site.start_nginx()
    derived = site.data / "derived"
    ours = Server("imgctl", site.nginx, site.port, [f"/i/{file.name}" for file in files], work,
                  site.data / "log/nginx-access.log")
    flat = [f"/{file.relative_to(derived)}" for file in files]
    bare = []
    for name, logs in (("bare nginx, same log", True), ("bare nginx, no log", False)):
        directory, port = work / name.replace(" ", "-").replace(",", ""), free_port()
        log = log_lines(site, directory) if logs else "access_log off;"
        nginx = start_nginx(bare_conf(directory, derived, port, log), port)
        bare.append(Server(name, nginx, port, flat, work, directory / "access.log" if logs else None))
    servers = [ours, *bare]
    for number in range(0, THUMBS, max(1, THUMBS // 20)):
        assert all(server.fetch(number) == files[number].read_bytes() for server in servers)

    for server in servers:
        server.load(2)
    for number in range(ROUNDS):
        say(f"hits: round {number + 1} of {ROUNDS}")
        # Each is first, second and last in turn.
        for server in servers[number % 3:] + servers[: number % 3]:
            server.round()

    print("## Hits\n")
    print(f"{THUMBS:,} thumbnails of {mean_kb:.1f} KB on average; `wrk -t1 -c{CONNECTIONS}`, "
          f"{ROUNDS} rounds of {SECONDS} s each, interleaved; imgd is not running; "
          f"{WORKERS} nginx worker(s); {first_line('nginx', '-v').removeprefix('nginx version: ')}, "
          f"{first_line('wrk', '-v').split(' [')[0]}.\n")
    table(
        ["", "requests/s", "ratio", "by round", "CPU µs/request", "ratio", "p99 ms",
         "workers' RSS MB", "errors"],
        [server.row(bare[0]) for server in servers],
    )
    for server in servers:
        stop(server.nginx)
    remove(site.data)
