"""Probes as values: one parser, and what follows from a probe's kind and name."""

from __future__ import annotations

import pytest

from conformance.errors import FormatError
from conformance.history.probe import Probe


@pytest.mark.parametrize(
    ("cause", "probe"),
    [
        ("auth:none", Probe("auth", "none")),
        ("method:GET", Probe("method", "GET")),
        ("path:trailing-slash", Probe("path", "trailing-slash")),
        ("campaign:other-own-key", Probe("campaign", "other-own-key")),
        ("id:malformed:null-byte", Probe("id", "malformed:null-byte")),
        ("scheme:http", Probe("scheme", "http")),
        ("body:generated:array", Probe("body", "generated:array")),
        ("generated:odd", Probe("generated", "odd")),
    ],
)
def test_a_cause_is_parsed_and_written_back(cause: str, probe: Probe) -> None:
    assert Probe.parse(cause) == probe
    assert str(probe) == cause


def test_a_valid_request_has_no_probe() -> None:
    assert Probe.parse(None) is None


@pytest.mark.parametrize("cause", ["", "auth", "auth:", ":none", "mood:bad"])
def test_what_is_no_probe_is_refused_by_name(cause: str) -> None:
    with pytest.raises(FormatError, match="names a probe"):
        Probe.parse(cause)


@pytest.mark.parametrize(
    ("cause", "batch", "single"),
    [
        ("auth:none", "BR-SEC-01", "BR-SEC-01"),
        ("auth:case", "BR-SEC-07", "BR-SEC-07"),
        ("auth:other-key", "BR-SEC-02", "BR-SGL-03"),
        ("campaign:other", "BR-SEC-03", "BR-SGL-03"),
        ("campaign:other-own-key", "BR-SEC-03", "BR-SGL-03"),
        ("path:upper-case", "BR-SEC-07", "BR-SEC-07"),
        ("method:PUT", "BR-SEC-04", "BR-SEC-04"),
        ("id:unknown", None, "BR-SGL-01"),
        ("body:null", None, None),
    ],
)
def test_an_effect_of_a_probe_breaks_the_requirement_of_the_ledger(
    cause: str, batch: str | None, single: str | None
) -> None:
    probe = Probe.parse(cause)
    assert probe is not None
    assert (probe.requirement(), probe.requirement("single_retry")) == (batch, single)


def test_only_a_body_a_query_and_a_header_may_be_accepted() -> None:
    causes = ("body:null", "query:limit", "header:accept", "auth:none", "id:unknown", "generated:odd", "method:GET")
    assert [cause for cause in causes if (probe := Probe.parse(cause)) and probe.harmless] == list(causes[:3])


def test_drawn_probes_and_shapes_of_ids() -> None:
    assert Probe("body", "generated:array").generated
    assert Probe("generated", "valid").generated
    assert not Probe("body", "array").generated
    assert Probe("id", "malformed:quote").shape == "quote"
    assert Probe("id", "unknown").shape is None
