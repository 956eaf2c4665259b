"""How large report.html is, and how fast a browser opens it: 5,000 exchanges and 10 causes. ``python -m benchmarks.opening``.

The run is a real one against the reference target with faults, its exchanges repeated until there are 5,000, and its causes
until there are ten. The browser is headless Chromium, by the name that ``--chromium`` gives; without one only the size and the
time to write the page are measured.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from conformance.catalogue import load
from conformance.history.records import History
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.report.model import Report
from conformance.report.page.render import page
from conformance.session import Options, execute

EXCHANGES, CAUSES = 5_000, 10
#: What the issue asks for: bytes, and seconds until the page is loaded.
MOST_BYTES, MOST_SECONDS = 3_000_000, 2.0
FAULTS = ("created-does-not-block", "both-retries-act-25-ms", "no-key-needed", "folds-blanks", "answers-a-body")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
_CLOCK = "<script>addEventListener('load',()=>setTimeout(()=>{document.title='opened in '+performance.now()},0))</script></body>"


def large() -> tuple[Report, History]:
    """A report with so many exchanges and causes."""
    with tempfile.TemporaryDirectory() as folder, ReferenceServer(Settings(faults=FAULTS)) as server:
        options = Options(depth="quick", drivers=("scenarios",), seed=1, report_dir=Path(folder))
        result = execute(server.config(), options)
    history, report = result.history, result.report
    count = len(history.exchanges)
    exchanges = list(history.exchanges)
    last = max(e.n for e in exchanges)
    while len(exchanges) < EXCHANGES:
        last += 1
        one = exchanges[len(exchanges) - count]
        invoke, end = msgspec.structs.replace(one.invoke, n=last), msgspec.structs.replace(one.end, n=last)
        exchanges.append(msgspec.structs.replace(one, invoke=invoke, end=end))
    causes = tuple(msgspec.structs.replace(report.causes[k % len(report.causes)], number=k + 1) for k in range(CAUSES))
    return msgspec.structs.replace(report, causes=causes), msgspec.structs.replace(history, exchanges=tuple(exchanges))


def opening(text: str, chromium: str, rounds: int) -> list[float]:
    """Seconds from the beginning of the navigation to the page's load, for each round."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "page.html")
            file.write_text(text.replace("</body>", _CLOCK, 1), encoding="utf-8")
            command = [chromium, *FLAGS, f"--user-data-dir={folder}/profile"]
            done = subprocess.run(
                [*command, "--timeout=20000", "--dump-dom", file.as_uri()],
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            if took := re.search(r"<title>opened in ([\d.]+)", done.stdout):
                found.append(float(took[1]) / 1000)
    return found


def main() -> int:
    """Print the figures; exit status 1 if one is too large."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.opening", description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    report, history = large()
    begun = time.perf_counter()
    text = page(report, history, load())
    took = time.perf_counter() - begun
    size = len(text.encode())
    about = f"{len(history.exchanges)} exchanges and {len(report.causes)} causes"
    print(f"report.html of {about}: {size / 1e6:.2f} MB, written in {took:.2f} s")
    wrong = size >= MOST_BYTES
    if not given.chromium:
        print("opening: not measured, there is no Chromium")
        return int(wrong)
    spans = opening(text, given.chromium, given.rounds)
    if not spans:
        print("opening: Chromium did not say")
        return 1
    print(f"opened in {statistics.median(spans):.2f} s (median of {len(spans)}, {max(spans):.2f} at most)")
    return int(wrong or statistics.median(spans) >= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
