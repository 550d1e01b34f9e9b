"""Runs the benches asked for and prints their tables. Started by run.sh."""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

import common
import hits
import imaging
import ingest
import miss
import upload


def machine(directory: Path) -> str:
    filesystem = subprocess.run(
        ["df", "--output=fstype", directory], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    commit = common.first_line("git", "-C", str(common.BENCH), "describe", "--always", "--dirty")
    return f"{os.cpu_count()} cores, {filesystem}, Linux {platform.release()}; commit {commit}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("which", choices=["all", "hits", "imaging", "ingest", "miss", "upload"])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--rows", help="imaging: only these, such as jpeg-320,five,memory")
    parser.add_argument("--rounds", type=int, help="imaging: instead of BENCH_ROUNDS")
    parser.add_argument("--photos", type=int, help="imaging: only so many of each set")
    parser.add_argument("--anew", action="store_true", help="imaging: forget what was measured of these rows")
    parser.add_argument("--dir", type=Path, required=True)
    args = parser.parse_args()
    common.end_cleanly_on_signals()
    work, material = args.dir / "work", args.dir / "material"
    common.remove(work)
    work.mkdir(parents=True)
    try:
        print(f"Measured on {machine(args.dir)}.\n", flush=True)
        if args.which in ("all", "hits"):
            hits.main(work, material)
        if args.which in ("all", "miss"):
            miss.main(work, material)
        if args.which in ("all", "ingest"):
            ingest.main(work, material, args.large)
        if args.which in ("all", "upload"):
            upload.main(work, material)
        if args.which in ("all", "imaging"):
            imaging.main(work, material, args)
    finally:
        common.stop_all()
        common.remove(work)


if __name__ == "__main__":
    sys.exit(main())
