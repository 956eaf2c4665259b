"""Words of ours and axioms, in a sentence or two each. ``python -m conformance.glossary`` writes docs/glossary.md."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from conformance import specs
from conformance.errors import FormatError


class Glossary(msgspec.Struct, frozen=True, kw_only=True):
    """Words and axioms, each with what it means."""

    words: dict[str, str]
    axioms: dict[str, str]

    def meaning(self, asked: str, rulings: Mapping[int, str]) -> tuple[str, str] | None:
        """The entry that was asked for and what it means: a word, an axiom (``A4``), or a ruling (``ruling 17``); None for
        anything else.

        :param rulings: of the contract, by number.
        """
        folded = " ".join(asked.lower().replace("_", " ").split())
        for name, said in {**self.words, **self.axioms}.items():
            if folded in (name.lower(), f"axiom {name.lower()}"):
                return name, said
        if folded == "a2":
            return "A2", f"{self.axioms['A2a']} {self.axioms['A2b']}"
        number = folded.removeprefix("ruling").strip()
        if number.isascii() and number.isdigit() and len(number) < 4 and int(number) in rulings:
            return f"ruling {int(number)}", rulings[int(number)]
        return None


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
