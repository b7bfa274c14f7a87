"""A page looked at in headless Chromium: what its console says, and what lies outside its width.

No driver is needed: the page is put into frames of each width, and a script in the page around them
measures and leaves what it found in the document, which Chromium prints.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WIDTHS = (390, 820, 1400)

_MEASURE = """
addEventListener("load", () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    for (const more of page.querySelectorAll("details")) more.open = true;
    const outside = (box, around) =>
      box.width > 0 && (box.right > around.right + 1 || box.left < around.left - 1);
    const whole = {left: 0, right: root.clientWidth};
    const wide = [...page.body.querySelectorAll("*")].filter(
      (one) => !one.closest(".wide") && !one.closest("svg") &&
        outside(one.getBoundingClientRect(), whole));
    const cut = [...page.querySelectorAll("svg text")].filter(
      (one) => outside(one.getBoundingClientRect(),
        one.closest("svg").getBoundingClientRect()));
    const words = (one) => one.tagName + ": " + one.textContent.trim().slice(0, 60);
    found[frame.width] = {
      scrolls: root.scrollWidth > root.clientWidth,
      outside: [...wide, ...cut].map(words),
      plots: [...page.querySelectorAll(".plots")].slice(0, 1).flatMap(
        (first) => [...first.querySelectorAll(".plot")]).map((one) => {
        const box = one.getBoundingClientRect();
        return [box.left, box.top, box.width];
      }),
      titles: page.querySelectorAll("svg title").length,
    };
  }
  document.body.innerHTML = "";
  document.body.setAttribute("data-found", JSON.stringify(found));
});
"""


@dataclass(frozen=True)
class Look:
    """What a look at a page gave: the console's lines, and by width what was measured."""

    console: list[str]
    found: dict[int, dict[str, Any]]


def look_at(page: Path, folder: Path) -> Look:
    """Open `page` at each of WIDTHS; skips the test where there is no Chromium."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        pytest.skip("no Chromium to look at pages with; install it: apt-get install chromium")
    content = html.escape(page.read_text(encoding="utf-8"))
    frames = "".join(
        f'<iframe width="{w}" height="900" srcdoc="{content}"></iframe>' for w in WIDTHS
    )
    around = folder / f"{page.stem}-frames.html"
    icon = '<meta charset="utf-8"><link rel="icon" href="data:,">'
    around.write_text(f"<!doctype html>{icon}<script>{_MEASURE}</script>{frames}", encoding="utf-8")
    done = subprocess.run(
        [
            *(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--enable-logging=stderr", "--log-level=0", f"--user-data-dir={folder / 'profile'}"),
            *("--window-size=1600,1000", "--disable-background-networking", around.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    match = re.search(r'data-found="([^"]*)"', done.stdout)
    assert match, done.stderr[-2000:]
    found = json.loads(html.unescape(match[1]))
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Look(console, {int(width): measured for width, measured in found.items()})
