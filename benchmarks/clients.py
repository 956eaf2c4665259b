"""Clients generated from openapi.json: do they compile, and do a send, a read and a retry against ``serve``?

``python -m benchmarks.clients`` installs two generators (openapi-python-client from PyPI, @hey-api/openapi-ts from npm) and
two linters (redocly, spectral) into a folder of its own, lets them work on the document that a reference target serves, and
prints a line for each. Exit status 1 if one fails, or was not tried because npm is missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.reference.server import ReferenceServer
from conformance.reference.settings import OWN_CAMPAIGN, OWN_KEY, Settings

#: Seconds that one step may take.
PATIENCE = 600.0
#: What is installed: generators and linters, of the versions that this was tried with.
PYTHON = ("openapi-python-client==0.29.1", "ruff>=0.17")
NPM = (
    "@hey-api/openapi-ts@0.95.0",
    "typescript@5.9",
    "@types/node@24",
    "@redocly/cli@2.77.0",
    "@stoplight/spectral-cli@6.16.3",
)
PYTHON_PROGRAM = """
import os, time
from io import BytesIO
from retry_client import AuthenticatedClient
from retry_client.api.batches import batch_list, batch_retry, batch_send
from retry_client.api.messages import message_read
from retry_client.models import BatchSend, BatchSent, ErrorEnvelope, Message, Page
from retry_client.types import File

campaign = os.environ["CAMPAIGN"]
client = AuthenticatedClient(base_url=os.environ["BASE_URL"], token=os.environ["KEY"])
rows = BytesIO(b"recipient,language,body\\r\\n6511112222,english,conformance\\r\\n")
sent = batch_send.sync(campaign, client=client, body=BatchSend(file=File(payload=rows, file_name="rows.csv")))
assert isinstance(sent, BatchSent), sent
for _ in range(200):
    page = batch_list.sync(campaign, sent.batch_id, client=client, limit=10)
    assert isinstance(page, Page), page
    if page.data and page.data[0].latest_status == "failure":
        break
    time.sleep(0.05)
message = message_read.sync(campaign, page.data[0].id, client=client)
assert isinstance(message, Message) and message.recipient == "6511112222", message
answer = batch_retry.sync_detailed(campaign, sent.batch_id, client=client)
assert answer.status_code == 201 and answer.content == b"", answer
refused = batch_retry.sync(campaign, sent.batch_id, client=client)
assert isinstance(refused, ErrorEnvelope), refused
print(f"sent {sent.batch_id}, read {message.latest_status}, retried 201, again: 400 {refused.error.code}")
"""
IMPORTS = """
import importlib, pkgutil, retry_client
for module in pkgutil.walk_packages(retry_client.__path__, "retry_client."):
    importlib.import_module(module.name)
"""
TSCONFIG = """{
 "compilerOptions": {
  "target": "es2023", "module": "nodenext", "moduleResolution": "nodenext", "strict": true, "outDir": "built",
  "lib": ["es2023", "dom", "dom.iterable"], "types": ["node"]
 },
 "files": ["program.ts"]
}
"""
TYPESCRIPT_PROGRAM = """
import { batchList, batchRetry, batchSend, messageRead } from './generated/index.js';
import { client } from './generated/client.gen.js';

const campaignId = process.env.CAMPAIGN!;
client.setConfig({ baseUrl: process.env.BASE_URL!, auth: process.env.KEY! });
const file = new File(['recipient,language,body\\r\\n6511112222,english,conformance\\r\\n'], 'rows.csv', { type: 'text/csv' });
const sent = await batchSend({ path: { campaignId }, body: { file }, throwOnError: true });
const batchId = sent.data.batchId;
let id = '';
for (let i = 0; i < 200; i++) {
  const page = await batchList({ path: { campaignId, batchId }, query: { limit: 10 }, throwOnError: true });
  const first = page.data.data[0];
  if (first?.latestStatus === 'failure') { id = first.id; break; }
  await new Promise((resolve) => setTimeout(resolve, 50));
}
const message = await messageRead({ path: { campaignId, messageId: id }, throwOnError: true });
if (message.data.recipient !== '6511112222') throw new Error(JSON.stringify(message.data));
const retried = await batchRetry({ path: { campaignId, batchId } });
if (retried.response?.status !== 201) throw new Error(String(retried.response?.status));
const again = await batchRetry({ path: { campaignId, batchId } });
if (!again.error || !('error' in again.error) || typeof again.error.error !== 'object') throw new Error('no envelope');
const code = again.error.error?.code;
console.log(`sent ${batchId}, read ${message.data.latestStatus}, retried 201, again: 400 ${code}`);
"""


class StepError(Exception):
    """A step failed; the text is the end of what it said."""


def _run(*command: str | Path, cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """The last line that a command says.

    :raises StepError: it fails, or takes too long.
    """
    # The checkout is left out: what is generated must stand by itself.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**kept, "NO_COLOR": "1", **(environ or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StepError(f"{command[0]} takes more than {PATIENCE:g} s") from None
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        raise StepError(f"{' '.join(map(str, command))} → exit status {done.returncode}: {said[-1500:]}")
    lines = done.stdout.strip().splitlines()
    return lines[-1] if lines else ""


def python_client(folder: Path, document: Path, environ: Mapping[str, str]) -> str:
    """Generate a client in Python, compile and import all of it, and use it."""
    _run(sys.executable, "-m", "venv", "py", cwd=folder)
    tools = folder / "py" / "bin"
    _run(tools / "pip", "install", "--quiet", *PYTHON, cwd=folder)
    # The generator formats what it has written with ruff, which it looks for in the path.
    path = {"PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    generate = ("generate", "--path", document, "--meta", "none", "--output-path", "retry_client", "--fail-on-warning")
    _run(tools / "openapi-python-client", *generate, cwd=folder, environ=path)
    (folder / "program.py").write_text(PYTHON_PROGRAM, encoding="utf-8")
    _run(tools / "python", "-m", "compileall", "-q", "retry_client", cwd=folder)
    _run(tools / "python", "-c", IMPORTS, cwd=folder)
    return _run(tools / "python", "program.py", cwd=folder, environ=environ)


def typescript_client(folder: Path, document: Path, environ: Mapping[str, str]) -> str:
    """Generate a client in TypeScript, compile it, and use it."""
    # The generator looks there for how modules are named.
    (folder / "tsconfig.json").write_text(TSCONFIG, encoding="utf-8")
    _run("npx", "openapi-ts", "-i", document, "-o", "generated", cwd=folder)
    (folder / "program.ts").write_text(TYPESCRIPT_PROGRAM, encoding="utf-8")
    _run("npx", "tsc", cwd=folder)
    return _run("node", "built/program.js", cwd=folder, environ=environ)


def redocly(folder: Path, document: Path, environ: Mapping[str, str]) -> str:
    """Lint with redocly's recommended rules."""
    _run("npx", "redocly", "lint", document, cwd=folder, environ={"REDOCLY_TELEMETRY": "off"})
    return "no error"


def spectral(folder: Path, document: Path, environ: Mapping[str, str]) -> str:
    """Lint with spectral's rules for OpenAPI."""
    (folder / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n', encoding="utf-8")
    return _run("npx", "spectral", "lint", "--fail-severity", "warn", document, cwd=folder)


#: Steps by name, and whether they need npm.
STEPS: Mapping[str, tuple[Callable[[Path, Path, Mapping[str, str]], str], bool]] = {
    "openapi-python-client": (python_client, False),
    "openapi-ts": (typescript_client, True),
    "redocly": (redocly, True),
    "spectral": (spectral, True),
}


def main() -> int:
    """Try every step, or those that are named, and print how it ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clients", description=__doc__)
    parser.add_argument("step", nargs="*", choices=[*STEPS, []], help="by default all")
    chosen = parser.parse_args().step or list(STEPS)
    failed = False
    with TemporaryDirectory() as made, ReferenceServer(Settings(speed=8)) as server:
        folder = Path(made)
        document = folder / "openapi.json"
        with urllib.request.urlopen(f"{server.base_url.removesuffix('/api/v2')}/openapi.json") as answer:
            document.write_bytes(answer.read())
        environ = {"BASE_URL": server.base_url, "CAMPAIGN": OWN_CAMPAIGN, "KEY": OWN_KEY}
        npm = shutil.which("npm") is not None
        if npm and any(STEPS[name][1] for name in chosen):
            (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
            _run("npm", "install", "--no-audit", "--no-fund", "--silent", *NPM, cwd=folder)
        for name in chosen:
            step, needs_npm = STEPS[name]
            try:
                said = step(folder, document, environ) if npm or not needs_npm else "not tried: npm is not installed"
                failed |= needs_npm and not npm
            except StepError as error:
                said, failed = f"FAILED: {error}", True
            print(f"{name:22} {said}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
