"""Words of ours and axioms, in a sentence or two each. ``python -m conformance.glossary`` writes docs/glossary.md."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from conformance import specs
from conformance.errors import FormatError


class Glossary(msgspec.Struct, frozen=True, kw_only=True):
    """Words and axioms, each with what it means."""

    words: dict[str, str]
    axioms: dict[str, str]


@cache
def load() -> Glossary:
    """The glossary that this suite ships.

    :raises FormatError: it is damaged.
    """
    where = "specs/glossary.toml"
    try:
        return msgspec.convert(tomllib.loads(specs.read("glossary.toml").decode()), Glossary, strict=True)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise FormatError(f"is no glossary ({error})", where=where, hint="install the package again") from None


def page() -> str:
    """docs/glossary.md."""
    found = load()
    lines = [
        "# Glossary",
        "",
        "`retry-conformance explain WORD` prints an entry; `explain A4` an axiom, `explain ruling 17` a ruling. This page is",
        "made from `specs/glossary.toml` by `python -m conformance.glossary`.",
        "",
        "| word | means |",
        "| --- | --- |",
        *(f"| {name} | {said} |" for name, said in found.words.items()),
        "",
        "## Axioms",
        "",
        "What a proof may rest on. Each finding names those that it needs, and of which source; a history that breaks one turns",
        "such findings into doubts ([how verdicts stay sound](design.md)).",
        "",
        "| axiom | says |",
        "| --- | --- |",
        *(f"| {name} | {said} |" for name, said in found.axioms.items()),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the page into the checkout's ``docs/``."""
    (Path(__file__).resolve().parent.parent / "docs" / "glossary.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
