"""Derivatives that do not exist yet: what a miss costs above the imaging itself, and what a crowd costs."""

import ctypes
import os
import select
import socket
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path

from common import (
    BIN, Site, cpu_seconds, median, percentile, remove, say, setting, spread, start, status_mb, stop,
    table,
)
from material import numbered, photos, pictures

MISSES = setting("MISSES", 200)
CONCURRENT = setting("CONCURRENT", 500)
CROWDS = setting("CROWDS", 5)
# nginx.miss_rate_per_s, as it is by default: so many misses of one client it allows in a second, and bursts of 1,000.
MISS_RATE = 200

VARIANTS = [("thumb", "webp"), ("thumb", "jpg"), ("card", "webp")]


class Client:
    """One kept connection, with as little of Python in the time as can be."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def send(self, path: str) -> None:
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def receive_some(self) -> bool:
        """Answers whether a whole response is here."""
        got = self.socket.recv(1 << 20)
        assert got, "the server closed the connection"
        self.pending += got
        return self.whole()

    def whole(self) -> bool:
        head, found, body = self.pending.partition(b"\r\n\r\n")
        if not found:
            return False
        return len(body) >= int(self.header(head, b"content-length"))

    @staticmethod
    def header(head: bytes, name: bytes) -> bytes:
        for line in head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        raise AssertionError(f"no {name!r} in {head!r}")

    def take(self) -> tuple[int, int]:
        """Status and length of the body."""
        head, _, body = self.pending.partition(b"\r\n\r\n")
        self.pending = b""
        return int(head.split()[1]), len(body)

    def get(self, path: str) -> tuple[float, int]:
        """Milliseconds from the request to the last byte, and the length of the body."""
        began = time.perf_counter()
        self.send(path)
        while not self.receive_some():
            pass
        ms = (time.perf_counter() - began) * 1000
        status, length = self.take()
        assert status == 200, f"{status} for {path}"
        return ms, length

    def close(self) -> None:
        self.socket.close()


class Imaging:
    """img-core's pipeline in a process of its own."""

    def __init__(self, site: Site):
        self.site = site
        self.definitions = dict(site.query("SELECT name, definition FROM preset"))
        self.child = start([BIN / "imaging-time"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def derive(self, image: str, preset: str, form: str) -> tuple[float, int]:
        line = f"{self.definitions[preset]}\t{form}\t{self.site.original(image)}\n"
        self.child.stdin.write(line)
        self.child.stdin.flush()
        ms, length = self.child.stdout.readline().split()
        return float(ms), int(length)

    def close(self) -> None:
        self.child.stdin.close()
        stop(self.child)


class Watch:
    """Counts files created in a directory: every derivation stages one."""

    CREATE = 0x100

    def __init__(self, directory: Path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.handle = self.libc.inotify_init1(os.O_NONBLOCK)
        watched = self.libc.inotify_add_watch(self.handle, bytes(directory), self.CREATE)
        assert self.handle >= 0 and watched >= 0, os.strerror(ctypes.get_errno())

    def count(self) -> int:
        count = 0
        while select.select([self.handle], [], [], 0)[0]:
            events, at = os.read(self.handle, 1 << 16), 0
            while at < len(events):
                count += 1
                at += 16 + struct.unpack_from("IIII", events, at)[3]
        return count

    def close(self) -> None:
        os.close(self.handle)


def known(site: Site, work: Path, jpegs: list[bytes], count: int, first: int) -> list[str]:
    """Ingests `count` distinct files made of `jpegs` in turn, and answers their ids in this order."""
    inbox = work / "inbox"
    inbox.mkdir()
    for number in range(count):
        (inbox / f"{number:06}.jpg").write_bytes(numbered(jpegs[number % len(jpegs)], first + number))
    lines = site.imgctl_json("ingest", inbox)
    remove(inbox)
    ids = {line["path"]: line["id"] for line in lines if line.get("status") == "new"}
    assert len(ids) == count
    return [ids[path] for path in sorted(ids)]


def one_by_one(site: Site, imaging: Imaging, client: Client, images: list[str]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"imaging": [], "miss": [], "above": [], "noise": [], "hit": []}
    for number, image in enumerate(images):
        preset, form = VARIANTS[number % len(VARIANTS)]
        path = f"/i/{image}.{preset}~1.{form}"
        # The imaging alone before and after: how far the two differ is what the difference to the miss can be trusted.
        before, expected = imaging.derive(image, preset, form)
        miss, length = client.get(path)
        after, _ = imaging.derive(image, preset, form)
        assert length == expected, "imgd and the imaging alone made different files"
        alone = (before + after) / 2
        times["imaging"].append(alone)
        times["miss"].append(miss)
        times["above"].append(miss - alone)
        times["noise"].append(abs(before - after))
        times["hit"].append(client.get(path)[0])
    return times


def crowd(site: Site, path: str) -> tuple[list[int], float, float]:
    """All ask for `path` at once: statuses, milliseconds until the first and the last has its answer."""
    clients = [Client(site.port) for _ in range(CONCURRENT)]
    poll = select.epoll()
    waiting = {}
    for client in clients:
        poll.register(client.socket, select.EPOLLIN)
        waiting[client.socket.fileno()] = client
    began = time.perf_counter()
    first_ms = 0.0
    for client in clients:
        client.send(path)
    while waiting:
        for handle, _ in poll.poll():
            if waiting[handle].receive_some():
                poll.unregister(handle)
                del waiting[handle]
                first_ms = first_ms or (time.perf_counter() - began) * 1000
    ms = (time.perf_counter() - began) * 1000
    statuses = [client.take()[0] for client in clients]
    for client in clients:
        client.close()
    poll.close()
    return statuses, first_ms, ms


def fsync_ms(directory: Path, count: int = 100) -> list[float]:
    """What the disk takes for the like of one commit: 8 KB appended to a file and synced."""
    times = []
    with open(directory / "fsync", "wb", buffering=0) as file:
        for _ in range(count):
            file.write(bytes(8192))
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return times


def main(work: Path, material: Path) -> None:
    say("miss: preparing")
    kinds = {
        "small: some 20 KB": pictures(material, "small"),
        "medium: 1,600 px": pictures(material, "medium"),
        "photograph: up to 16 MP": [path.read_bytes() for path in photos(material)],
    }
    site = Site(work / "miss-data", workers=1)
    images, first = {}, 0
    for name, jpegs in kinds.items():
        images[name] = known(site, work, jpegs, MISSES, first)
        first += MISSES
    crowded = known(site, work, list(kinds.values())[-1][:CROWDS], CROWDS, first)
    alone = known(site, work, list(kinds.values())[-1][:CROWDS], CROWDS, first + CROWDS)
    site.start_imgd()
    site.start_nginx()
    started_mb = status_mb(site.imgd.pid, "VmRSS")
    imaging, client = Imaging(site), Client(site.port)
    # Before the first: code paged in, connections to imgd opened, statements prepared.
    for image in known(site, work, kinds["medium: 1,600 px"], 6, first + 2 * CROWDS):
        one_by_one(site, imaging, client, [image])

    rows = []
    everything: dict[str, list[float]] = {"above": [], "noise": []}
    for name, ids in images.items():
        say(f"miss: {len(ids)} of {name}")
        times = one_by_one(site, imaging, client, ids)
        for key, values in everything.items():
            values += times[key]
        rows.append([
            name, f"{median(times['imaging']):.2f}", f"{median(times['miss']):.2f}",
            f"{median(times['miss']) / median(times['imaging']):.2f}", f"{median(times['above']):.2f}",
            f"{percentile(times['above'], 95):.2f}", f"{median(times['noise']):.2f}",
            f"{percentile(times['noise'], 95):.2f}", f"{median(times['hit']):.2f}",
        ])
    synced = fsync_ms(work)
    rows.append(["all", "", "", "", *(f"{of(everything[key]):.2f}" for key in ("above", "noise")
                                      for of in (median, lambda values: percentile(values, 95))), ""])
    imaging_mb = status_mb(imaging.child.pid, "VmHWM")
    imaging.close()
    print("## Misses\n")
    print(f"{MISSES} new derivatives of each kind, one after another, through nginx and imgd; the imaging alone in a "
          f"process of its own, before and after it. Milliseconds; differences are by image.\n")
    table(["originals", "imaging", "miss", "ratio", "above imaging, median", "p95",
           "imaging twice differs by, median", "p95", "a hit, same client"], rows)

    print(f"A miss waits for one durable commit, made while the pixels are. Appending 8 KB and `fsync` takes "
          f"{median(synced):.2f} ms here, {percentile(synced, 95):.2f} ms at p95.\n")

    [staging] = (path for path in (site.data / "staging").iterdir()
                 if path.is_dir() and path.name.startswith(f"{site.imgd.pid}-"))
    watch = Watch(staging)
    one_ms, crowd_ms, first_ms, made, one_cpu, crowd_cpu = [], [], [], [], [], []
    answers: Counter[int] = Counter()
    say(f"miss: {CONCURRENT} at once")
    for single, many in zip(alone, crowded):
        time.sleep(0.5)
        before = cpu_seconds([site.imgd.pid])
        one_ms.append(client.get(f"/i/{single}.thumb~1.webp")[0])
        time.sleep(0.5)
        one_cpu.append(cpu_seconds([site.imgd.pid]) - before)
        watch.count()
        before = cpu_seconds([site.imgd.pid])
        time.sleep(CONCURRENT / MISS_RATE)
        statuses, first_answer_ms, ms = crowd(site, f"/i/{many}.thumb~1.webp")
        time.sleep(0.5)
        crowd_cpu.append(cpu_seconds([site.imgd.pid]) - before)
        made.append(watch.count())
        answers.update(statuses)
        first_ms.append(first_answer_ms)
        crowd_ms.append(ms)
    print(f"{CONCURRENT} connections ask for one new derivative of a photograph at once, {len(crowded)} times; and one "
          "connection, for the same photograph as another file:\n")
    table(
        ["asked by", "first answer ms", "last answer ms", "imgd's CPU s", "derivations", "answers by status"],
        [
            ["1", spread(one_ms), spread(one_ms), f"{median(one_cpu):.2f}", "1",
             f"200: {len(one_ms):,}"],
            [CONCURRENT, spread(first_ms), spread(crowd_ms), f"{median(crowd_cpu):.2f}",
             f"{median(made):.0f} (at most {max(made)})",
             ", ".join(f"{status}: {count:,}" for status, count in sorted(answers.items()))],
        ],
    )
    print(f"RSS of imgd: {started_mb:.0f} MB when started, {status_mb(site.imgd.pid, 'VmRSS'):.0f} MB after all of "
          f"this, {status_mb(site.imgd.pid, 'VmHWM'):.0f} MB at most; the imaging alone {imaging_mb:.0f} MB at "
          "most.\n", flush=True)
    watch.close()
    client.close()
    site.stop()
    remove(site.data)
