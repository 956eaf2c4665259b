"""A target in memory behind the guard, which looks at everything that the drawing driver lets out.

It reads recipients and ids by itself, with nothing of the suite's own readers: what it counts is what a server would see.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from conformance.config import Config, Limits, Recipients, Target, Timing
from conformance.drivers import drive_all
from conformance.drivers.drive import Drive
from conformance.history.reader import read_history
from conformance.history.records import Header, History
from conformance.history.writer import HistoryWriter
from conformance.transport.client import HttpTransport

ALLOWED = ("6511112222", "6511113333", "6500000001")
CONFIG = Config(
    target=Target(base_url="http://127.0.0.1:9/api/v2", campaign_id="campaign_a", api_key="kV3xZr8TnB5wLm2KqPd7"),
    recipients=Recipients(failing=ALLOWED[:2], succeeding=ALLOWED[2:]),
    limits=Limits(calls_per_second=1e6, max_calls=10_000_000, max_messages=10_000_000, max_seconds=1e9),
    timing=Timing(settle_timeout=10.0),
)
REQUIREMENTS = ("BR-SCH-01", "BR-SCH-02", "BR-ERR-04")
_NAMES = re.compile(r"recipient|phone|mobile|msisdn|receiver|destination|^to$|^tel$", re.I)
_OWN = re.compile(r"batch_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass
class Sieve:
    """Answers as a target might, and counts. ``fixed`` answers everything else alike, if it is given."""

    fixed: tuple[int, Any] | None = None
    left: int = 0
    foreign: int = 0
    #: Retries that name neither a batch made here nor an id that begins with a fresh UUID.
    strangers: int = 0
    messages: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    batches: dict[str, list[list[str]]] = field(default_factory=dict)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """One request, as httpx would put it on the wire."""
        self.left += 1
        self.foreign += sum(number not in ALLOWED for number in _recipients(request))
        status, body = self._answer(request)
        return httpx.Response(status, json=body) if body is not None else httpx.Response(status)

    def _answer(self, request: httpx.Request) -> tuple[int, Any]:
        path = unquote(request.url.raw_path.decode().split("?")[0]).removeprefix("/api/v2/campaigns/")
        _, _, rest = path.partition("/")
        words = rest.split("/")
        if request.method == "POST" and rest == "batch/messages":
            made = f"batch_made-here-{len(self.batches)}"
            self.batches[made] = _rows(request)
            self.messages += len(self.batches[made])
            return self._count("batch_send", 201, {"isValid": True, "batchId": made})
        if request.method == "POST" and rest == "messages":
            self.messages += 1
            return self._count("single_send", 201, _message("message_one", json.loads(request.content)["values"]))
        if words[0] == "batch" and words[-1] == "retry":
            name = "/".join(words[1:-1])
            self.strangers += name not in self.batches and not _OWN.match(name)
            error = {"code": "batch_not_found_or_is_not_retryable", "message": "m", "type": "domain_error", "id": "t"}
            return self._count("batch_retry", 400, {"error": error})
        self.strangers += request.method != "GET"
        if words[0] == "messages" and len(words) == 2:
            return self._count("message_read", 200, _message(words[1], {}))
        rows = self.batches.get(words[1], []) if words[0] == "batch" else []
        data = [_message(f"message_{i}", {"body": row[2]}) for i, row in enumerate(rows)]
        page = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        return self._count("list", 200, {"data": data, "pageData": page})

    def _count(self, operation: str, status: int, body: Any) -> tuple[int, Any]:
        self.operations[operation] += 1
        return self.fixed if self.fixed is not None else (status, body)


def _message(identifier: str, values: Any) -> dict[str, Any]:
    return {"id": identifier, "recipient": ALLOWED[0], "latestStatus": "failure", "values": values}


def _recipients(request: httpx.Request) -> list[str]:
    """Everything in a request that a server might take for whom to text."""
    found = [v for n, v in parse_qsl(request.url.query.decode(), keep_blank_values=True) if _NAMES.search(n)]
    found += [v for n, v in request.headers.items() if _NAMES.search(n)]
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/") and request.url.path.endswith("/batch/messages"):
        return found + [row[0] for row in _rows(request)]
    if kind.startswith("multipart/"):
        form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.content)
        parts = form.iter_parts() if form.is_multipart() else ()
        names = [str(p.get_param("name", "", header="content-disposition")) for p in parts]
        return found + [name for name in names if _NAMES.search(name)]
    if kind.startswith("application/x-www-form"):
        return found + [v for n, v in parse_qsl(request.content.decode("utf-8", "replace")) if _NAMES.search(n)]
    try:
        return found + _below(json.loads(request.content or b"null"), False)
    except ValueError:
        return found


def _below(value: Any, named: bool) -> list[str]:
    if isinstance(value, dict):
        return [r for name, inner in value.items() for r in _below(inner, named or bool(_NAMES.search(name)))]
    if isinstance(value, list):
        return [r for inner in value for r in _below(inner, named)]
    return [str(value)] if named else []


def _rows(request: httpx.Request) -> list[list[str]]:
    content = request.content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0].rsplit(b"\r\n--", 1)[0]
    return list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]


def sift(sieve: Sieve, folder: Path, *, seed: int, depth: str = "standard", config: Config = CONFIG) -> History:
    """Let the drawing driver at the sieve, on a clock of its own; the history of it."""
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    path = folder / f"history-{seed}.jsonl"
    header = Header(
        suite_version="0", contract_version="1.0", run_id="r", started="", base_url=config.target.base_url,
        campaign_id=config.target.campaign_id, settle_timeout=config.timing.settle_timeout, drivers=("schemathesis",),
    )  # fmt: skip
    with HistoryWriter(path, header) as writer:
        inner = httpx.MockTransport(sieve.handle)
        transport = HttpTransport(config, writer, clock=lambda: clock[0], sleep=sleep, inner=lambda: inner)
        run = Drive(
            transport=transport, config=config, requirements=REQUIREMENTS, seed=seed, depth=depth, folder=folder, sleep=sleep
        )  # fmt: skip
        try:
            drive_all(run, ("schemathesis",))
        finally:
            transport.close()
            writer.close(transport.now(), complete=True)
    return read_history(path)
