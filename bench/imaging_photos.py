"""Photographs for the imaging bench: Debian's wallpapers, as phones and cameras would have written them."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from common import remove, say

PACKAGES = ["lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "mate-backgrounds", "plasma-workspace-wallpapers"]

# Photographs, not drawings; the end of their path.
NATURAL = [
    "Kleiber_by_Lukas_Baubkus.jpg",
    "seeding_by_Clements_Engelhardt.jpg",
    "Dragonfly_by_Bolly.jpg",
    "sunset_by_Aitzol_Berasategi.jpg",
    "Bridge_by_Sander_Klootwijk.jpg",
    "Wine_by_Jakkub_Mede.jpg",
    "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "aitzgorri_by_Aitzol_Berasategi.jpg",
    "friends_by_Aitzol_Berasategi.jpg",
    "life_by_Aitzol_Berasategi.jpg",
    "free_by_Peter_Nerlich.jpg",
    "greentock_by_Peter_Nerlich.jpg",
    "Picture_0B_by_freespace.jpg",
    "Garden.jpg",
    "LadyBird.jpg",
    "TwoWings.jpg",
]
# Wallpapers that are PNGs without alpha.
DRAWN = [
    "Altai/contents/images/5120x2880.png",
    "Canopee/contents/images/3840x2160.png",
    "Cascade/contents/images/3840x2160.png",
    "Cluster/contents/images/3840x2160.png",
    "Kokkini/contents/images/3840x2160.png",
    "MilkyWay/contents/images/5120x2880.png",
    "Opal/contents/images/3840x2160.png",
    "Patak/contents/images_dark/3840x2160.png",
]
LARGE = "Elephants_5640x3172.jpg"

# Above this, in pixels, a photo is reduced to the 4032x3024 of a phone.
PIXELS_MAX, PIXELS_PHONE = 14_000_000, 4032 * 3024

# Stripped of everything, so that no tool has a profile or EXIF to work on.
_PREPARE = """
import sys
from PIL import Image
kind, source, target, pixels_max, pixels = *sys.argv[1:4], *map(int, sys.argv[4:])
image = Image.open(source).convert("RGB")
if image.width * image.height > pixels_max:
    scale = (pixels / (image.width * image.height)) ** 0.5
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.LANCZOS)
image.info.clear()
if kind == "jpg":
    image.save(target, "JPEG", quality=95, subsampling="4:2:0")
else:
    image.save(target, "PNG", compress_level=6)
"""


@dataclass
class Photos:
    """Files of each set, the largest photographs first."""

    phone: list[Path]
    progressive: list[Path]
    png: list[Path]
    large: Path

    def of(self, name: str) -> list[Path]:
        return getattr(self, name)

    def first(self, count: int) -> "Photos":
        return Photos(self.phone[:count], self.progressive[:count], self.png[:count], self.large)


def photos(material: Path, python: Path) -> Photos:
    into = material / "sets"
    if not into.exists():
        partial = material / "sets-partial"
        remove(partial)
        wallpapers = _wallpapers(material)
        say("writing the photographs")
        for name in ("phone", "progressive", "png", "large"):
            (partial / name).mkdir(parents=True)
        for number, name in enumerate(NATURAL):
            plain, scans = (partial / kind / f"p{number:02}.jpg" for kind in ("phone", "progressive"))
            _prepare(python, "jpg", _find(wallpapers, name), plain)
            _jpegtran(plain, scans, "-progressive")
        for number, name in enumerate(DRAWN):
            _prepare(python, "png", _find(wallpapers, name), partial / "png" / f"d{number:02}.png")
        # Lossless: the coefficients of the original, 18 MB of them, in one scan.
        _jpegtran(_find(wallpapers, LARGE), partial / "large" / "large.jpg")
        partial.rename(into)
    listed = {name: sorted((into / name).iterdir()) for name in ("phone", "progressive", "png")}
    return Photos(**listed, large=into / "large" / "large.jpg")


def _wallpapers(material: Path) -> list[Path]:
    for package in PACKAGES:
        into = material / "packages" / package
        if into.exists():
            continue
        say(f"fetching {package}")
        fetched = material / "fetched"
        remove(fetched)
        fetched.mkdir(parents=True)
        fetch = ["apt-get", "download", "-o", "APT::Sandbox::User=root", "-qq", package]
        subprocess.run(fetch, cwd=fetched, check=True, stdout=subprocess.DEVNULL)
        [archive] = fetched.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, fetched / "tree"], check=True)
        into.parent.mkdir(exist_ok=True)
        (fetched / "tree").rename(into)
        shutil.rmtree(fetched)
    return [path for path in (material / "packages").rglob("*") if path.is_file()]


def _find(wallpapers: list[Path], end: str) -> Path:
    found = [path for path in wallpapers if str(path).endswith(f"/{end}")]
    assert found, f"the packages have no {end} where it was"
    return found[0]


def _prepare(python: Path, kind: str, source: Path, target: Path) -> None:
    limits = [str(PIXELS_MAX), str(PIXELS_PHONE)] if kind == "jpg" else [str(10**12), "1"]
    subprocess.run([python, "-c", _PREPARE, kind, source, target, *limits], check=True)


def _jpegtran(source: Path, target: Path, *switches: str) -> None:
    """Baseline unless a switch says otherwise."""
    subprocess.run(["jpegtran", "-copy", "none", *switches, "-outfile", target, source], check=True)
