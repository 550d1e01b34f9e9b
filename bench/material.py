"""Photographs to work on: Debian's wallpapers, and what imgctl makes of them."""

import itertools
import subprocess
from pathlib import Path

from common import Site, remove, say

PACKAGE = "lomiri-wallpapers-16.04"

# About 20 KB each: crops at different places, so that 15 photographs become some 400 pictures.
CROPS = itertools.product(
    [(400, 300), (300, 400), (360, 360), (460, 260), (340, 320)],
    [(0.0, 0.0), (0.25, 0.3), (0.5, 0.5), (0.75, 0.7), (1.0, 1.0)],
)


def photos(material: Path) -> list[Path]:
    """The wallpapers: JPEGs of 1.5 to 16 megapixels."""
    into = material / "package"
    if not into.exists():
        say(f"fetching {PACKAGE}")
        material.mkdir(parents=True, exist_ok=True)
        fetch = ["apt-get", "download", "-o", "APT::Sandbox::User=root", "-qq", PACKAGE]
        subprocess.run(fetch, cwd=material, check=True, stdout=subprocess.DEVNULL)
        [archive] = material.glob(f"{PACKAGE}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, into], check=True)
    found = sorted(into.glob("usr/share/backgrounds/*.jpg"))
    assert found, f"{PACKAGE} has no photographs where they were"
    return found


def pictures(material: Path, kind: str) -> list[bytes]:
    """JPEGs of one size, made of the photographs by imgctl: `small` some 20 KB, `medium` 1,600 px."""
    into = material / kind
    if not into.exists():
        say(f"making {kind} pictures")
        presets = {
            "small": "".join(
                f"[presets.crop{n}]\nwidth = {width}\nheight = {height}\nfit = 'cover'\n"
                f"gravity = '{x}x{y}'\nformats = ['jpg']\n\n"
                for n, ((width, height), (x, y)) in enumerate(CROPS)
            ),
            "medium": "[presets.m]\nwidth = 1600\nheight = 1600\nfit = 'inside'\nformats = ['jpg']\n",
        }
        site = Site(material / f"{kind}-site", presets[kind])
        site.imgctl("ingest", *photos(material))
        site.imgctl("derive", "--all", "--missing")
        partial = material / f"{kind}-partial"
        remove(partial)
        partial.mkdir()
        for path in (site.data / "derived").rglob("*.jpg"):
            path.rename(partial / path.name)
        remove(site.data)
        partial.rename(into)
    return [path.read_bytes() for path in sorted(into.iterdir())]


def numbered(jpeg: bytes, number: int) -> bytes:
    """The same picture as another file: a comment after the first marker."""
    comment = f"imgctl-bench {number:09}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def tree(material: Path, files: int) -> Path:
    """`files` distinct small pictures, a hundred in each directory."""
    into = material / f"tree-{files}"
    if not into.exists():
        sources = pictures(material, "small")
        say(f"writing {files:,} files")
        partial = material / f"tree-{files}-partial"
        remove(partial)
        for number in range(files):
            directory = partial / f"{number // 100:04}"
            directory.mkdir(parents=True, exist_ok=True)
            jpeg = numbered(sources[number % len(sources)], number)
            (directory / f"{number:06}.jpg").write_bytes(jpeg)
        partial.rename(into)
    return into
