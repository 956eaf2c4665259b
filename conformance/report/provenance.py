"""Which commit of the suite made a report."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def commit() -> str:
    """The commit of the suite: of an installation from a repository, or of the checkout it runs in; empty if unknown."""
    try:
        told = distribution("retry-conformance").read_text("direct_url.json")
    except PackageNotFoundError:
        told = None
    if told:
        found = json.loads(told).get("vcs_info", {}).get("commit_id")
        if isinstance(found, str):
            return found
    return _of_checkout(Path(__file__).resolve().parents[2])


def _of_checkout(folder: Path) -> str:
    """The commit that is checked out there, from Git's own files; no program is run."""
    try:
        git = folder / ".git"
        if git.is_file():
            git = Path(folder, git.read_text(encoding="utf-8").partition("gitdir:")[2].strip())
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head
        name = head.partition("ref:")[2].strip()
        shared = git / "commondir"
        common = Path(git, shared.read_text(encoding="utf-8").strip()) if shared.is_file() else git
        if (common / name).is_file():
            return (common / name).read_text(encoding="utf-8").strip()
        packed = (common / "packed-refs").read_text(encoding="utf-8").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
    except (OSError, UnicodeDecodeError):
        return ""
