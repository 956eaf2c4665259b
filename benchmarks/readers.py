"""Do readers of others take what we write? ``python -m benchmarks.readers FOLDER``, with the reports of a run.

junitparser, junit2html, xmlschema (with Jenkins' XSD) and check-jsonschema (the files of ``ci/``) from the Python index where
they are installed; ajv (strict mode, and the schema of CTRF) and xunit-viewer from npm where npm is. A tool that is not there
is named as such. Exit status 1 if one refuses a file.
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
const [report, history, made, ctrf, results] = process.argv.slice(1);
const ajv = () => new Ajv({strict: true, allErrors: true});
ajv().compile(read(history));
const valid = ajv().compile(read(report));
if (!valid(read(made))) { console.error(JSON.stringify(valid.errors.slice(0, 3))); process.exit(1); }
const Old = require("ajv").default, formats = require("ajv-formats").default;
const taken = formats(new Old({strict: false, allErrors: true})).compile(read(ctrf));
if (!taken(read(results))) { console.error(JSON.stringify(taken.errors.slice(0, 3))); process.exit(1); }
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
    if importlib.util.find_spec("xmlschema") is None:
        yield "Jenkins' XSD", None, ""
    else:
        code = "import sys, xmlschema; xmlschema.XMLSchema(sys.argv[1]).validate(sys.argv[2])"
        schema = str(ROOT / "tests" / "data" / "junit.xsd")
        yield "Jenkins' XSD", *_told([sys.executable, "-c", code, schema, junit], work)
    for schema, file in (("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "gitlab.yml")):
        if importlib.util.find_spec("check_jsonschema") is None:
            yield f"check-jsonschema, ci/{file}", None, ""
            continue
        command = ["-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / "ci" / file)]
        yield f"check-jsonschema, ci/{file}", *_told([sys.executable, *command], work)
    npm, node = shutil.which("npm"), shutil.which("node")
    packages = ["ajv@8", "ajv-formats@3", "ctrf@0", "xunit-viewer"]
    if npm is None or node is None or not _told([npm, "install", "--silent", *packages], work)[0]:
        yield "ajv, CTRF, xunit-viewer", None, ""
        return
    schemas = [str(ROOT / "specs" / f"{name}.schema.json") for name in ("report", "history")]
    ctrf = str(work / "node_modules" / "ctrf" / "dist" / "ctrf-schema-0.0.json")
    made = [str(folder / "conformance.json"), ctrf, str(folder / "ctrf.json")]
    yield "ajv, strict mode and CTRF", *_told([node, "-e", _AJV, *schemas, *made], work)
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
