"""A run against the reference target, recorded: what the benchmarks work on."""

from __future__ import annotations

from pathlib import Path

from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.session import Options, execute


def record(folder: Path) -> Path:
    """Run all scenarios once, and return the history's file."""
    with ReferenceServer(Settings(speed=4)) as server:
        execute(server.config(), Options(report_dir=folder, depth="quick"))
    return folder / "history.jsonl"
