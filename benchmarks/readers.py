"""Do readers of others take what we write? ``python -m benchmarks.readers FOLDER``, with the reports of a run.

junit2html and junitparser from the Python index where they are installed; ajv (strict mode) and xunit-viewer from npm where
npm is. A tool that is not there is named as such. Exit status 1 if one refuses a file.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Seconds that one tool may take.
PATIENCE = 180
_AJV = """
const Ajv = require("ajv/dist/2020").default, fs = require("fs");
const read = file => JSON.parse(fs.readFileSync(file));
const [report, history, made] = process.argv.slice(1);
const ajv = () => new Ajv({strict: true, allErrors: true});
ajv().compile(read(history));
const valid = ajv().compile(read(report));
if (!valid(read(made))) { console.error(JSON.stringify(valid.errors.slice(0, 3))); process.exit(1); }
"""


def readers(folder: Path, work: Path) -> Iterator[tuple[str, bool | None, str]]:
    """Yield each reader: its name, whether it took the file (None if it is not there), and what it said."""
    junit = str(folder / "junit.xml")
    page = work / "page.html"
    for name, module, command in (
        ("junitparser", "junitparser", ["-m", "junitparser", "verify", junit]),
        ("junit2html", "junit2htmlreport", ["-m", "junit2htmlreport", junit, str(page)]),
    ):
        if importlib.util.find_spec(module) is None:
            yield name, None, ""
        elif name == "junitparser":
            # `verify` ends in 1 for a red file too: what counts is that it can be read.
            code = "import junitparser, sys; print(list(junitparser.JUnitXml.fromfile(sys.argv[1]))[0])"
            yield name, *_told([sys.executable, "-c", code, junit], work)
        else:
            yield name, *_told([sys.executable, *command], work)
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None or not _told([npm, "install", "--silent", "ajv@8", "xunit-viewer"], work)[0]:
        yield "ajv, xunit-viewer", None, ""
        return
    schemas = [str(ROOT / "specs" / f"{name}.schema.json") for name in ("report", "history")]
    yield "ajv, strict mode", *_told([node, "-e", _AJV, *schemas, str(folder / "conformance.json")], work)
    viewer = str(work / "node_modules" / ".bin" / "xunit-viewer")
    yield "xunit-viewer", *_told([viewer, "-r", junit, "-o", str(page)], work)


def _told(command: list[str], work: Path) -> tuple[bool, str]:
    try:
        ended = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return False, f"took longer than {PATIENCE} s"
    said = (ended.stdout + ended.stderr).strip().splitlines()
    return ended.returncode == 0, said[-1][:200] if said else ""


def main() -> None:
    """Print a line for each reader."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument("folder", type=Path, help="the reports of a run")
    folder = parser.parse_args().folder.resolve()
    json.loads((folder / "conformance.json").read_bytes())
    refused = False
    with tempfile.TemporaryDirectory() as work:
        for name, took, said in readers(folder, Path(work)):
            words = {True: "takes it", False: "REFUSES it", None: "is not there"}[took]
            print(f"{name}: {words}{f' ({said})' if said else ''}")
            refused = refused or took is False
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
