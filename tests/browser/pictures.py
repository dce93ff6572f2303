"""Makes the guide's pictures anew: `python -m tests.browser.pictures`, or `tests/browser/pictures.py`, from the project's folder."""

from __future__ import annotations

import base64
import shutil
import struct
import sys
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "engine" / "service" / "console" / "pictures"
WIDTH, HIGHEST = 1200, 1000
CHOOSE = """async (shot) => {
  const image = new Image();
  image.src = "data:image/png;base64," + shot;
  await image.decode();
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = image.width; canvas.height = image.height;
  pen.drawImage(image, 0, 0);
  const data = pen.getImageData(0, 0, image.width, image.height).data, counts = new Map();
  for (let i = 0; i < data.length; i += 4) {
    const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    counts.set(colour, (counts.get(colour) || 0) + 1);
  }
  const chosen = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MANY).map((each) => each[0]), near = new Map();
  const nearest = (colour) => {
    let best = 0, least = Infinity;
    chosen.forEach((one, n) => {
      const far = [16, 8, 0].reduce((sum, bits) => sum + (((one >> bits) & 255) - ((colour >> bits) & 255)) ** 2, 0);
      if (far < least) { least = far; best = n; }
    });
    near.set(colour, best);
    return best;
  };
  let pixels = "";
  for (let i = 0; i < data.length; i += 4) {
    const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    pixels += String.fromCharCode(near.get(colour) ?? nearest(colour));
  }
  return [image.width, image.height, chosen.flatMap((one) => [one >> 16, (one >> 8) & 255, one & 255]), btoa(pixels)];
}""".replace("MANY", "48")


def make(chromium: str) -> None:
    """One picture for each page, light, no higher than a person reads on."""
    from .house import House
    from .pages import PAGES
    from .screen import Browsing

    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "world").mkdir()
        house = House(stack, folder / "world")
        house.tell()
        browsing = stack.enter_context(Browsing(chromium, folder))
        for name, (_route, address) in PAGES.items():
            with browsing.window(base=house.base, width=WIDTH) as seen:
                if name != "login":
                    seen.enter(house.session("ada"))
                seen.go(address(house))
                seen.page.wait_for_load_state()
                high = min(HIGHEST, seen.page.evaluate("document.documentElement.scrollHeight"))
                seen.page.set_viewport_size({"width": WIDTH, "height": high})
                shot = seen.page.screenshot()
            with browsing.window() as desk:
                (FOLDER / f"{name}.png").write_bytes(_small(desk.page, shot))


def _small(page: Any, shot: bytes) -> bytes:
    """The same picture in 48 colours, a fraction of its size. The browser chooses them, for it has the pixels at hand."""
    width, height, palette, pixels = page.evaluate(CHOOSE, base64.b64encode(shot).decode())
    rows = base64.b64decode(pixels)
    lines = b"".join(b"\0" + rows[start : start + width] for start in range(0, len(rows), width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", bytes(palette)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("No Chromium: put `chromium` or `google-chrome` on the PATH.")
    sys.path.insert(0, str(ROOT))
    from tests.browser.pictures import make as make_all

    make_all(found)
