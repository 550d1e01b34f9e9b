"""Pillow: `python3 imaging_pillow.py OUT DERIVATIVE… -- FILE…`, a derivative being `WIDTH:FORMAT:QUALITY`."""

import sys
from pathlib import Path

from PIL import Image

NAMES = {"jpg": "JPEG", "webp": "WEBP", "avif": "AVIF"}


def main() -> None:
    out, rest = Path(sys.argv[1]), sys.argv[2:]
    end = rest.index("--")
    derivatives = [(int(w), f, int(q)) for w, f, q in (text.split(":") for text in rest[:end])]
    widest = max(width for width, _, _ in derivatives)
    for file in map(Path, rest[end + 1 :]):
        image = Image.open(file)
        ratio = image.height / image.width
        # Decoded at a fraction of its size where that is twice what is needed or more.
        image.draft("RGB", (widest * 2, round(widest * ratio) * 2))
        image = image.convert("RGB")
        for width, kind, quality in derivatives:
            size = (width, max(1, round(width * ratio)))
            resized = image.resize(size, Image.LANCZOS, reducing_gap=2.0)
            more = {"subsampling": "4:2:0"} if kind == "jpg" else {}
            resized.save(out / f"{file.stem}-{width}.{kind}", NAMES[kind], quality=quality, **more)


if __name__ == "__main__":
    main()
