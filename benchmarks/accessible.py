"""Is report.html accessible and valid? axe and html-validate say so. ``python -m benchmarks.accessible REPORT…``

It takes npm and Chromium: the tools are installed into a folder (``--tools``, by default a temporary one). axe runs in a desktop
window, on a phone of 390 pixels, in the dark scheme, and in one in which no script runs but axe itself. Exit status 1 if
either finds anything.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.opening import FLAGS

PACKAGES = ("axe-core@4", "html-validate@9", "puppeteer-core@24")
_VIEWS = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
    "dark": {"width": 1280, "height": 900, "dark": True},
    "no script": {"width": 1280, "height": 900, "bare": True},
}
_SCRIPT = """
const fs = require("fs"), os = require("os"), path = require("path"), puppeteer = require("puppeteer-core");
const [page, views, chromium, flags] = JSON.parse(fs.readFileSync(0));
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
(async () => {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "axe-"));
  const browser = await puppeteer.launch({executablePath: chromium, args: flags, userDataDir: profile});
  const found = {};
  for (const [name, view] of Object.entries(views)) {
    const tab = await browser.newPage();
    await tab.setViewport({width: view.width, height: view.height});
    await tab.emulateMediaFeatures([{name: "prefers-color-scheme", value: view.dark ? "dark" : "light"}]);
    if (view.bare) await tab.setRequestInterception(false);
    const text = fs.readFileSync(page, "utf8");
    await tab.setContent(view.bare ? text.replace(/<script>[\\s\\S]*?<\\/script>/g, "") : text, {waitUntil: "load"});
    await tab.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
    await tab.evaluate(axe);
    const said = await tab.evaluate(() => window.axe.run(document, {resultTypes: ["violations"]}));
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    found[name] = {violations: said.violations.map((v) => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 160)]),
                   passes: said.passes.length, wide};
    await tab.close();
  }
  await browser.close();
  fs.rmSync(profile, {recursive: true, force: true});
  console.log(JSON.stringify(found));
})().catch((error) => { console.error(String(error)); process.exit(1); });
"""


def main() -> int:
    """Print what the two find."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accessible", description=__doc__)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--tools", type=Path, help="a folder in which npm has installed, or may install, the tools")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        tools = given.tools or Path(temporary)
        if not (tools / "node_modules" / "axe-core").is_dir():
            tools.mkdir(parents=True, exist_ok=True)
            subprocess.run(["npm", "install", "--silent", "--no-audit", *PACKAGES], cwd=tools, check=True, timeout=600)
        return int(sum(_look(file.resolve(), tools, given.chromium) for file in given.reports) > 0)


def _look(file: Path, tools: Path, chromium: str) -> int:
    asked = json.dumps([str(file), _VIEWS, chromium, list(FLAGS)])
    script = tools / "axe.js"
    script.write_text(_SCRIPT, encoding="utf-8")
    done = subprocess.run(["node", str(script)], cwd=tools, input=asked, capture_output=True, text=True, timeout=300)
    if done.returncode:
        print(f"{file.name}: axe could not run: {done.stderr.strip()[:300]}")
        return 1
    wrong = 0
    for view, said in json.loads(done.stdout).items():
        wide = f", {said['wide']} pixels wider than the window" if said["wide"] > 0 else ""
        print(f"{file.name}, {view}: axe finds {len(said['violations'])} violations, {said['passes']} rules pass{wide}")
        for rule, count, node in said["violations"]:
            print(f"    {rule} ({count} places): {node}")
        wrong += len(said["violations"]) + (said["wide"] > 0)
    (tools / ".htmlvalidate.json").write_text('{"root": true, "extends": ["html-validate:standard"]}', encoding="utf-8")
    valid = subprocess.run(
        ["npx", "html-validate", "--config", ".htmlvalidate.json", str(file)],
        cwd=tools, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    print(f"{file.name}: html-validate {'finds nothing' if not valid.returncode else valid.stdout.strip()[:3000]}")
    return wrong + (valid.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
