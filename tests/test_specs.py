"""The shipped data: catalogue, OpenAPI document, schemas, and the page that is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from conformance import CONTRACT_VERSION, CONTRACT_VERSIONS, schemas, specs
from conformance.catalogue import FAMILIES, load, parse
from conformance.catalogue_docs import drivers, index, pages
from conformance.errors import FormatError, UsageError
from conformance.examples import read_examples
from conformance.explaining import explanation
from conformance.history.records import Operation
from conformance.judges import RULES
from conformance.reference.faults import FAULTS
from conformance.report.write import data_files
from conformance.scenarios import SCENARIOS
from tests.greens import report

ROOT = Path(__file__).parent.parent
#: How many requirements each version of the contract has in each family.
COUNTS = {
    "1.0": {"ACC": 6, "BLK": 3, "IDS": 6, "SEL": 10, "LIV": 1, "CON": 3, "ERR": 7, "SEC": 7, "SCH": 2},
    "1.1": {"ACC": 6, "BLK": 3, "IDS": 7, "SEL": 10, "LIV": 2, "SGL": 3, "CON": 3, "ERR": 9, "SEC": 7, "SCH": 2},
}
#: Profile and level of what contract 1.1 brought.
NEW = {
    "BR-IDS-07": ("hardening", "MUST"),
    "BR-LIV-02": ("hardening", "MUST"),
    "BR-SGL-01": ("guide", "MUST"),
    "BR-SGL-02": ("guide", "MUST"),
    "BR-SGL-03": ("hardening", "MUST"),
    "BR-ERR-08": ("hardening", "MUST"),
    "BR-ERR-09": ("hardening", "SHOULD"),
}
CATALOGUE = load()


@pytest.mark.parametrize("version", CONTRACT_VERSIONS)
def test_the_catalogue_holds_the_whole_contract(version: str) -> None:
    catalogue = load(version)
    assert catalogue.contract_version == version
    found = {family: [r for r in catalogue.requirements if r.family == family] for family in FAMILIES}
    assert {family: len(items) for family, items in found.items() if items} == COUNTS[version]
    for family, items in found.items():
        assert [r.id for r in items] == [f"BR-{family}-{n:02}" for n in range(1, len(items) + 1)]


def test_the_newest_contract_is_the_default_and_an_older_one_leaves_out_what_came_later() -> None:
    assert load() == load(CONTRACT_VERSION)
    older = {r.id for r in load("1.0").requirements}
    later = {r.id: (r.profile, r.level) for r in CATALOGUE.requirements if r.id not in older}
    assert later == NEW
    assert load("1.0").rulings == CATALOGUE.rulings, "rulings hold under every version"
    with pytest.raises(UsageError, match=r"--contract.*1\.0, 1\.1"):
        load("0.9")


def test_facts_about_requirements_stand_in_the_catalogue() -> None:
    assert {r.id: r.never_provoked for r in CATALOGUE.requirements if r.never_provoked} == {
        "BR-ERR-06": 429,
        "BR-ERR-07": 500,
    }
    conditions = {r.id: r.applies.offer for r in CATALOGUE.requirements if r.applies is not None}
    assert conditions == {"BR-SEC-06": "https", "BR-LIV-02": "recovering"}
    assert list(CATALOGUE.capabilities) == ["https", "other_campaign", "other_key"]
    needed = {need for r in CATALOGUE.requirements for need in r.needs}
    assert needed.issuperset(CATALOGUE.capabilities), "a declaration is about something that a requirement needs"
    for r in CATALOGUE.requirements:
        assert set(r.cases_needing) <= set(r.cases), r.id


def test_what_brought_a_requirement_is_told_wherever_it_is_explained() -> None:
    assert "since 1.1" in explanation(CATALOGUE["BR-SGL-01"], 100)[0]
    assert "since 1.0" in explanation(CATALOGUE["BR-ACC-01"], 100)[0]
    assert "success (with recipients.succeeding)" in " ".join(explanation(CATALOGUE["BR-SGL-01"], 100))
    assert "each configured language" in " ".join(explanation(CATALOGUE["BR-IDS-03"], 100))


def test_every_requirement_says_what_it_needs_to_say() -> None:
    for requirement in CATALOGUE.requirements:
        assert requirement.sentence.endswith(".")
        assert requirement.judged_when
        assert requirement.exercised_when
        assert requirement.sources


def test_should_is_said_of_three() -> None:
    assert [r.id for r in CATALOGUE.requirements if r.level == "SHOULD"] == ["BR-ERR-05", "BR-ERR-07", "BR-ERR-09"]


def test_every_requirement_has_a_judge_and_a_scenario() -> None:
    judged = {name for rules in RULES.values() for rule in rules for name in rule.about if name}
    planned = {name for scenario in SCENARIOS for name in scenario.requirements}
    everything = {r.id for r in CATALOGUE.requirements}
    assert judged == everything
    #: What is never provoked is judged wherever it comes up.
    assert everything == planned | {"BR-ERR-06", "BR-ERR-07"}


def test_profiles_are_disjoint_and_complete() -> None:
    parts = [{r.id for r in CATALOGUE.select([p])} for p in ("core", "guide", "hardening")]
    assert sum(map(len, parts)) == len(set().union(*parts)) == len(CATALOGUE.requirements)


def test_an_unknown_id_names_what_looks_alike() -> None:
    assert CATALOGUE["br-acc-01"].id == "BR-ACC-01"
    with pytest.raises(UsageError, match="BR-ACC"):
        CATALOGUE["BR-ACC-99"]


@pytest.mark.parametrize(
    "data", [b"", b"{{", b"\xff", b'contract_version = "9"\n[documents]\n[[requirement]]\nid = "x"']
)
def test_a_damaged_catalogue(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse(data)


def test_the_openapi_document_is_valid_and_has_the_seven_operations() -> None:
    document = specs.openapi()
    validate(document)
    assert {o["operationId"] for _, o in _operations(document)} == set(get_args(Operation))


def test_every_operation_says_its_answers_and_links_lead_somewhere() -> None:
    document = specs.openapi()
    ids = {o["operationId"] for _, o in _operations(document)}
    links = []
    for _, operation in _operations(document):
        assert {"401", "403", "404", "429"} <= set(operation["responses"])
        for response in operation["responses"].values():
            links += [link["operationId"] for link in response.get("links", {}).values()]
    assert {"batch_retry", "batch_list", "message_read"} <= set(links) <= ids


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    methods = ("get", "post", "put", "patch", "delete")
    return [(p, item[m]) for p, item in document["paths"].items() for m in methods if m in item]


def test_the_schemas_are_those_of_the_types() -> None:
    assert specs.read("report.schema.json").decode() == schemas.text(schemas.report_schema())
    assert specs.read("history.schema.json").decode() == schemas.text(schemas.history_schema())
    for name in ("report.schema.json", "history.schema.json"):
        jsonschema_rs.meta.validate(json.loads(specs.read(name)))


def test_the_pages_of_requirements_are_those_of_the_catalogue() -> None:
    """`python -m conformance.catalogue_docs` writes them."""
    folder = ROOT / "docs" / "requirements"
    assert (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8") == index(CATALOGUE)
    assert (ROOT / "docs" / "drivers.md").read_text(encoding="utf-8") == drivers(FAULTS)
    made = dict(pages(CATALOGUE, FAULTS, read_examples(folder / "examples.json")))
    assert {file.name for file in folder.iterdir()} == {*made, "examples.json"}
    assert [name for name, text in made.items() if (folder / name).read_text(encoding="utf-8") != text] == []


def test_every_example_is_of_a_fault_that_breaks_its_requirement() -> None:
    found = read_examples(ROOT / "docs" / "requirements" / "examples.json")
    assert [one.requirement for one in found.values() if one.requirement not in FAULTS[one.fault].breaks] == []
    assert [one.requirement for one in found.values() if one.requirement not in one.any_of] == []
    # No fault of the reference target is about plain HTTP, on loopback.
    assert {r.id for r in CATALOGUE.requirements} - set(found) <= {"BR-SEC-06"}


def test_every_requirement_says_why_it_matters() -> None:
    assert [r.id for r in CATALOGUE.requirements if not r.matters.endswith(".") or len(r.matters) < 40] == []
    assert len({r.matters for r in CATALOGUE.requirements}) == len(CATALOGUE.requirements)


def test_every_ruling_is_told_where_it_is_named() -> None:
    assert sorted(CATALOGUE.rulings) == list(range(1, 34))
    said = "\n".join(explanation(CATALOGUE["BR-SCH-01"], 100))
    assert "ruling     6: Statuses and fields that no document names are allowed" in said
    text = index(CATALOGUE)
    assert all(says in text for says in CATALOGUE.rulings.values())
    damaged = specs.read("requirements.toml").replace(b'\n6 = "', b'\n66 = "')
    with pytest.raises(FormatError, match="no ruling 6"):
        parse(damaged)


def _green() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(data_files(report())["conformance.json"])
    return loaded


WRONG_REPORTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another verdict": lambda r: r.update(verdict="splendid"),
    "another verdict of a profile": lambda r: r["profiles"].update(core="splendid"),
    "another profile": lambda r: r["profiles"].update(gold="conformant"),
    "another verdict of a requirement": lambda r: r["requirements"][0].update(verdict="passed"),
    "another level": lambda r: r["requirements"][0].update(level="MAY"),
    "another profile of a requirement": lambda r: r["requirements"][0].update(profile="gold"),
    "another reason to stop": lambda r: r["run"].update(stopped_by="weather"),
    "a key too many": lambda r: r["run"].update(mood="good"),
    "a key too few": lambda r: r["run"].pop("exit_status"),
}


@pytest.mark.parametrize("case", WRONG_REPORTS)
def test_the_schema_of_reports_is_strict(case: str) -> None:
    validator = jsonschema_rs.validator_for(json.loads(specs.read("report.schema.json")))
    made = _green()
    validator.validate(made)
    WRONG_REPORTS[case](made)
    assert not validator.is_valid(made)


@pytest.mark.parametrize("name", schemas.TITLES)
def test_a_schema_has_an_id_descriptions_and_no_keyword_of_others(name: str) -> None:
    """What ajv refuses in strict mode: keywords that JSON Schema does not know, and keywords beside no type."""
    schema = json.loads(specs.read(name))
    jsonschema_rs.meta.validate(schema)
    assert schema["$id"].startswith("urn:retry-conformance:")
    known = {
        *("$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required", "items", "enum"),
        *("const", "anyOf", "additionalProperties", "propertyNames", "default", "prefixItems", "minItems", "maxItems"),
    }
    described = 0
    for part in _parts(schema):
        assert set(part) <= known, part.keys() - known
        described += "description" in part
        if "enum" in part and part.get("type") != "string":
            assert set(part) <= {"enum"} or "type" in part
        for needs, keys in (("object", ("properties", "required")), ("array", ("items", "prefixItems"))):
            assert not any(key in part for key in keys) or part["type"] == needs
    assert described >= 20


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    yield schema
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from _parts(inner)
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from _parts(schema[key])
    for key in ("anyOf", "prefixItems"):
        for inner in schema.get(key, ()):
            yield from _parts(inner)
