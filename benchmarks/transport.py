"""What guard, rate and recorder cost: calls through the transport, beside the same calls through bare httpx."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec

from conformance.config import Config
from conformance.history.records import Header
from conformance.history.writer import HistoryWriter
from conformance.reference.server import ReferenceServer
from conformance.transport.client import HttpTransport
from conformance.transport.request import Request


def measure(calls: int) -> Iterator[str]:
    """One line: the ratio, over ``calls`` reads each."""
    with ReferenceServer() as server, TemporaryDirectory() as folder:
        config = server.config()
        limits = msgspec.structs.replace(config.limits, calls_per_second=1e6, max_calls=10 * calls)
        config = msgspec.structs.replace(config, limits=limits)
        bare = _bare(config, calls)
        guarded = _guarded(config, calls, Path(folder, "history.jsonl"))
    yield f"a call through guard and recorder takes {guarded / bare:.2f} times as long as one through bare httpx"


def _bare(config: Config, calls: int) -> float:
    url = f"{config.target.base_url}/campaigns/{config.target.campaign_id}/messages"
    headers = {"Authorization": f"Bearer {config.target.api_key}"}
    with httpx.Client(trust_env=False, headers=headers) as client:
        client.get(url, params={"limit": "1"})
        begun = time.perf_counter()
        for _ in range(calls):
            client.get(url, params={"limit": "1"})
        return time.perf_counter() - begun


def _guarded(config: Config, calls: int, path: Path) -> float:
    header = Header(
        suite_version="", contract_version="", run_id="", started="", base_url="", campaign_id=config.target.campaign_id
    )
    request = Request(operation="campaign_list", campaign=config.target.campaign_id, query=(("limit", "1"),))
    with HistoryWriter(path, header) as writer:
        transport = HttpTransport(config, writer)
        transport.call(request)
        begun = time.perf_counter()
        for _ in range(calls):
            transport.call(request)
        taken = time.perf_counter() - begun
        transport.close()
    return taken
