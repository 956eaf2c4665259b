"""The corpus: programs that have found something before. They are run first, for what they cost."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import msgspec

from conformance.config import Config
from conformance.config_load import offers
from conformance.exploring.programs import key_of, steps_of
from conformance.program.steps import Program, Send

#: Programs of a folder that are read at most; those beyond it, in the order of their names, are left alone.
MAX_FILES = 50

_PLAIN = re.compile(r"[a-z0-9][a-z0-9-]*")


def shipped() -> tuple[Program, ...]:
    """The programs that come with the suite: each has found a planted fault that no scenario finds."""
    folder = files("conformance") / "corpus"
    named = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda entry: entry.name)
    return tuple(msgspec.json.decode(entry.read_bytes(), type=Program) for entry in named)


def found_before(folder: Path) -> tuple[tuple[Program, ...], tuple[str, ...]]:
    """The programs of a report folder's ``corpus``, and the names of files there that are no programs."""
    programs: list[Program] = []
    unreadable: list[str] = []
    for path in sorted((folder / "corpus").glob("*.json"))[:MAX_FILES]:
        try:
            programs.append(msgspec.json.decode(path.read_bytes(), type=Program))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            unreadable.append(path.name)
    return tuple(programs), tuple(unreadable)


def fitting(programs: Iterable[Program], config: Config) -> tuple[Program, ...]:
    """Those that this configuration offers the recipients and the room for, each once."""
    offered = set(offers(config)) - set(config.capabilities.absent)
    kept: dict[str, Program] = {}
    for program in programs:
        sends = [step for step in steps_of(program) if isinstance(step, Send)]
        rows = [row for step in sends for row in step.rows]
        roomy = all(len(step.rows) <= config.limits.max_rows for step in sends)
        if roomy and offered.issuperset(row.role for row in rows) and all(row.language is None for row in rows):
            kept.setdefault(key_of(program), program)
    return tuple(kept.values())


def keep(folder: Path, program: Program) -> None:
    """Add a program to a report folder's corpus, under its name."""
    path = folder / "corpus" / f"{name_of(program)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(msgspec.to_builtins(program), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def name_of(program: Program) -> str:
    """The program's name if it is fit for a file, else one made of what it does."""
    if _PLAIN.fullmatch(program.name):
        return program.name[:60]
    return hashlib.sha256(key_of(program).encode()).hexdigest()[:12]
