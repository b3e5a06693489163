"""How long `archkit explore` takes for 5,000 networks, how large its page is, and how smoothly it is dragged.

The page is opened in a Chromium ($ARCHKIT_CHROMIUM, one on the path, or playwright's own). A step of a drag
is the time from a limit that moves to the chart that is drawn.

    python benchmarks/explore.py [--networks 5000]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ARCHKIT = str(Path(sys.executable).with_name("archkit"))
SPACE = "[1..9]*3..4x[16..320:16] order=nondecreasing"
STEPS = """() => {
  const times = [], line = Panel.DATA.lines[0], input = document.getElementById("line-0");
  for (let i = 0; i < 40; i++) {
    const start = performance.now();
    input.value = i % line.stops.length;
    input.dispatchEvent(new Event("input"));
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}"""
GOAL = 33.0  # milliseconds: 30 pictures a second


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=int, default=5_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "space.html"
        start = time.perf_counter()
        command = [ARCHKIT, "explore", SPACE, "--max-params", "5M", "--sample", str(args.networks)]
        subprocess.run([*command, "-o", str(path)], check=True, stderr=subprocess.DEVNULL)
        print(f"written in {time.perf_counter() - start:.1f} s, {path.stat().st_size / 1e6:.2f} MB")
        with sync_playwright() as playwright:
            found = os.environ.get("ARCHKIT_CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1200, "height": 1000})
            start = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_selector("#list tbody tr")
            print(f"opened in {time.perf_counter() - start:.2f} s")
            times = page.evaluate(STEPS)
            print(f"a step of a drag: {times[20]:.1f} ms, at most {times[-1]:.1f} ms (goal: {GOAL:g} ms)")
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
