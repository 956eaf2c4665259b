"""The requirements, as data: from them come `list`, `explain`, the reports, the pytest items and the docs."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

import msgspec

from conformance import CONTRACT_VERSION, CONTRACT_VERSIONS, specs
from conformance.errors import FormatError, UsageError

Profile = Literal["core", "guide", "hardening"]
Level = Literal["MUST", "SHOULD"]
PROFILES: tuple[Profile, ...] = ("core", "guide", "hardening")

FAMILIES: Mapping[str, str] = {
    "ACC": "accepting a retry",
    "BLK": "blocking by a created message",
    "IDS": "ids and data",
    "SEL": "which messages are retried",
    "LIV": "moving on",
    "SGL": "single retries",
    "CON": "simultaneous calls",
    "ERR": "errors",
    "SEC": "keys and requests",
    "SCH": "described answers",
}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A document that a requirement comes from."""

    document: str
    title: str
    address: str = ""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What a requirement needs to apply at all: where the configuration does not offer it, there is nothing to test."""

    #: One of ``Header.offers``.
    offer: str = msgspec.field(name="with")
    #: Reason code and text of the verdict ``not_applicable``.
    code: str
    otherwise: str


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement of the contract."""

    id: str
    #: The contract version that brought it.
    since: str = "1.0"
    profile: Profile
    level: Level
    title: str
    sentence: str
    #: Why it matters to a citizen or an agency.
    matters: str
    #: The evidence that permits a finding.
    judged_when: str
    #: What must have happened for a pass.
    exercised_when: str
    #: Situations that must all have been exercised for a pass, as exercises name them (``Exercise.facet``); none means
    #: that any exercise will do. Of "a or b" one will do.
    cases: tuple[str, ...] = ()
    #: Cases that are asked for only where the configuration offers something, by case.
    cases_needing: dict[str, str] = {}
    #: Cases that take a retried message that is read in ``created``; "" of a requirement without cases.
    created: tuple[str, ...] = ()
    #: Each configured language is a case too, ``language:NAME``, where there are several.
    each_language: bool = False
    #: What the configuration must offer (``Header.offers``).
    needs: tuple[str, ...] = ()
    #: Without this offer the requirement does not apply; None: it always does.
    applies: Condition | None = None
    #: The status that the requirement is about, if the suite never provokes it: without such an answer it does not apply.
    never_provoked: int | None = None
    sources: tuple[Source, ...] = ()
    rulings: tuple[int, ...] = ()

    @property
    def family(self) -> str:
        """The middle part of the id."""
        return self.id.split("-")[1]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All requirements, in the order of the contract."""

    contract_version: str
    requirements: tuple[Requirement, ...]
    #: Where the documents leave room: what passes all the same, by number. They hold under every version.
    rulings: dict[int, str] = {}
    #: What a service may lack (``capabilities.absent``), and how a report says that it does.
    capabilities: dict[str, str] = {}

    def __getitem__(self, identifier: str) -> Requirement:
        """The requirement with this id.

        :raises UsageError: there is none; names those that look alike.
        """
        for requirement in self.requirements:
            if requirement.id == identifier.upper():
                return requirement
        close = difflib.get_close_matches(identifier.upper(), [r.id for r in self.requirements], 3)
        hint = f"did you mean {', '.join(close)}?" if close else "`retry-conformance list` names all"
        raise UsageError(f"there is no requirement {identifier!r}", hint=hint)

    def select(self, profiles: Iterable[str]) -> tuple[Requirement, ...]:
        """The requirements of these profiles."""
        chosen = set(profiles)
        return tuple(r for r in self.requirements if r.profile in chosen)

    def under(self, version: str) -> Catalogue:
        """The catalogue of an older version of the contract: later requirements are left out, rulings stay.

        :param version: one of ``CONTRACT_VERSIONS``.
        """
        upto = CONTRACT_VERSIONS[: CONTRACT_VERSIONS.index(version) + 1]
        kept = tuple(r for r in self.requirements if r.since in upto)
        return msgspec.structs.replace(self, contract_version=version, requirements=kept)


@cache
def load(version: str = CONTRACT_VERSION) -> Catalogue:
    """The catalogue that this suite ships, as of one version of the contract.

    :param version: by default the newest.
    :raises UsageError: this suite does not judge by that version.
    :raises FormatError: the catalogue is damaged, or of another contract version.
    """
    return parse(specs.read("requirements.toml")).under(known_version(version, "--contract"))


def known_version(version: str, where: str) -> str:
    """The version itself.

    :param where: the option or key that names it.
    :raises UsageError: this suite does not judge by it.
    """
    if version not in CONTRACT_VERSIONS:
        what = f"names {version!r}, no version of the contract that this suite judges by"
        raise UsageError(what, where=where, hint=f"name one of {', '.join(CONTRACT_VERSIONS)}")
    return version


def parse(data: bytes) -> Catalogue:
    """A catalogue from its TOML text.

    :raises FormatError: it is not what it should be.
    """
    where = "specs/requirements.toml"
    try:
        raw = tomllib.loads(data.decode())
        documents = {name: {"document": name, **about} for name, about in raw["documents"].items()}
        items: list[dict[str, Any]] = [
            {**item, "sources": [documents[name] for name in item.get("sources", ())]} for item in raw["requirement"]
        ]
        found = msgspec.convert(items, tuple[Requirement, ...], strict=True)
        rulings = {int(number): str(says) for number, says in raw["rulings"].items()}
        version = raw["contract_version"]
        capabilities = {str(name): str(says) for name, says in raw["capabilities"].items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, AttributeError, ValueError) as error:
        raise FormatError(f"is not a catalogue ({error})", where=where, hint="install the package again") from None
    if version != CONTRACT_VERSION:
        raise FormatError(f"is of contract {version}, this suite judges {CONTRACT_VERSION}", where=where)
    if len({r.id for r in found}) != len(found):
        raise FormatError("names a requirement twice", where=where)
    unknown = sorted({number for r in found for number in r.rulings} - rulings.keys())
    if unknown:
        raise FormatError(f"has no ruling {unknown[0]}", where=where)
    later = [r.id for r in found if r.since not in CONTRACT_VERSIONS]
    if later:
        raise FormatError(f"has {later[0]} since a version that there is not", where=where)
    return Catalogue(contract_version=version, requirements=found, rulings=rulings, capabilities=capabilities)
