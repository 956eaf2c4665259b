"""Configurations: what is wrong gets one line that names the key and how to fix it, and never shows a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import config as config_module
from conformance.config import SIMULATOR_FAILING, Config
from conformance.config_load import digest, languages, load, offers
from conformance.errors import UsageError
from conformance.transport.redact import Redactor
from tests.conftest import command

#: Stands for whatever a user typed, a key for one; no message may show any of it.
SECRET = "hunter2hunter2"
TARGET = '[target]\nbase_url = "http://127.0.0.1/api"\ncampaign_id = "c"\n'


def _load(text: str | bytes, folder: Path, environ: Mapping[str, str] | None = None, **more: Any) -> Config:
    path = folder / "c.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path, environ or {}, **more)


WRONG: dict[str, tuple[str | bytes, str]] = {
    "unknown section": ("[targets]\nx = 1", "targets"),
    "unknown key": (f'[target]\nurl = "{SECRET}"', "url"),
    "unknown key below": (f'[target.other]\ncampaign_id = "x"\nkey = "{SECRET}"', "target.other"),
    "unknown key in a list": (f'[[given]]\nbatch_id = "b"\nkey = "{SECRET}"', "given"),
    "a value for a section": (f'target = "{SECRET}"', "target"),
    "a table for a value": (f'[target]\napi_key = {{ x = "{SECRET}" }}', "target.api_key"),
    "a list for a value": (f'[target]\napi_key = ["{SECRET}"]', "target.api_key"),
    "a value for a list": (f'[recipients]\nfailing = "{SECRET}"', "recipients.failing"),
    "a number for a text": ("[recipients]\nfailing = [6511112222]", "recipients.failing"),
    "a text for a number": (f'[limits]\nmax_calls = "{SECRET}"', "limits.max_calls"),
    "truth for a number": ("[limits]\nmax_calls = true", "limits.max_calls"),
    "truth for a fraction": ("[limits]\ncalls_per_second = true", "limits.calls_per_second"),
    "a number for truth": ("[target]\nbooked = 1", "target.booked"),
    "a fraction for a whole": ("[limits]\nmax_rows = 1.5", "limits.max_rows"),
    "a date for a text": ("[target]\napi_key = 1979-05-27", "target.api_key"),
    "zero": ("[limits]\nmax_messages = 0", "limits.max_messages"),
    "below zero": ("[limits]\nmax_rows = -1", "limits.max_rows"),
    "no number": ("[limits]\nmax_seconds = nan", "limits.max_seconds"),
    "endless": ("[limits]\nmax_seconds = inf", "limits.max_seconds"),
    "larger than a number": ("[timing]\nsettle_timeout = 1e999", "timing.settle_timeout"),
    "longer than anybody waits": ("[timing]\nsettle_timeout = 1e6", "timing.settle_timeout"),
    "slower than any run": ("[limits]\ncalls_per_second = 1e-300", "limits.calls_per_second"),
    "beyond any clock": ("[target]\nread_timeout = 1e300", "target.read_timeout"),
    "a language twice": (
        '[[template.languages]]\nlanguage = "malay"\nvalues = { a = "b" }\n' * 2,
        "template.languages[1].language",
    ),
    "an unknown language further on": (
        f'[[template.languages]]\nlanguage = "{SECRET}"\nvalues = {{ a = "b" }}\n',
        "template.languages[0].language",
    ),
    "no time": ("[target]\nread_timeout = 0", "target.read_timeout"),
    "a price below zero": ("[limits]\nprice_per_message = -0.1", "limits.price_per_message"),
    "a price that is none": ("[limits]\nprice_per_message = nan", "limits.price_per_message"),
    "a lag below zero": ("[timing]\nread_lag = -1", "timing.read_lag"),
    "a lag in words": (f'[timing]\nread_lag = "{SECRET}"', "timing.read_lag"),
    "a lag that is none": ("[timing]\nread_lag = nan", "timing.read_lag"),
    "no campaign": ('[target]\nbase_url = "http://127.0.0.1"', "target.campaign_id"),
    "an empty campaign": ('[target]\nbase_url = "http://127.0.0.1"\ncampaign_id = ""', "target.campaign_id"),
    "a campaign that is a path": (f'[target]\ncampaign_id = "../{SECRET}"', "target.campaign_id"),
    "dots for a campaign": ('[target]\ncampaign_id = ".."', "target.campaign_id"),
    "no other campaign": ('[target.other]\napi_key = "0123456789"', "target.other"),
    "an empty other campaign": ('[target.other]\ncampaign_id = ""', "target.other.campaign_id"),
    "the same campaign twice": (f'{TARGET}[target.other]\ncampaign_id = "c"', "target.other.campaign_id"),
    "the first campaign's key": (
        f'{TARGET}api_key = "{SECRET}"\n[target.other]\ncampaign_id = "x"\napi_key = "{SECRET}"',
        "target.other.api_key",
    ),
    "the first campaign's second key": (
        f'{TARGET}second_api_key = "{SECRET}"\n[target.other]\ncampaign_id = "x"\napi_key = "{SECRET}"',
        "target.other.api_key",
    ),
    "a key and its variable": (f'[target]\napi_key = "{SECRET}"\napi_key_env = "K"', "target.api_key"),
    "a variable that is not set": ('[target]\napi_key_env = "NOT_SET"', "target.api_key_env"),
    "a key for a variable": (f'[target]\napi_key_env = "{SECRET}"', "target.api_key_env"),
    "a variable that is empty": ('[target]\nsecond_api_key_env = "EMPTY"', "target.second_api_key_env"),
    "another's variable": ('[target.other]\ncampaign_id = "x"\napi_key_env = "NOT_SET"', "target.other.api_key_env"),
    "an empty key": ('[target]\napi_key = ""', "target.api_key"),
    "a short key": ('[target]\napi_key = "hunter2"', "target.api_key"),
    "a key with a blank": (f'[target]\napi_key = "Bearer {SECRET}"', "target.api_key"),
    "a key with a line end": (f'[target]\napi_key = "{SECRET}\\n"', "target.api_key"),
    "a key that is not ASCII": (f'[target]\napi_key = "{SECRET}é"', "target.api_key"),
    "a header of the transport's": (f'[target.headers]\nAuthorization = "{SECRET}"', "Authorization"),
    "a header that claims a host": (f'[target.headers]\nX-Forwarded-Host = "{SECRET}"', "X-Forwarded-Host"),
    "the same by underscore": (f'[target.headers]\nx_forwarded_host = "{SECRET}"', "x_forwarded_host"),
    "a header that changes the body": ('[target.headers]\ncontent-encoding = "gzip"', "content-encoding"),
    "a header that changes the method": ('[target.headers]\nx-http-method-override = "PUT"', "x-http-method-override"),
    "a header like a recipient": ('[target.headers]\nx-contact = "6590000000"', "x-contact"),
    "a header with a line end": (f'[target.headers]\nx-a = "{SECRET}\\r\\nb: c"', "target.headers.x-a"),
    "a header with a blank before": (f'[target.headers]\nx-a = " {SECRET}"', "target.headers.x-a"),
    "an empty header": ('[target.headers]\nx-a = ""', "target.headers.x-a"),
    "a header's odd name": (f'[target.headers]\n"x a" = "{SECRET}"', "target.headers.x a"),
    "a header that is a number": ("[target.headers]\nx-a = 1", "target.headers"),
    "no such file": (f'[target]\nca_file = "/nowhere/{SECRET}"', "target.ca_file"),
    "a folder for a file": ('[target]\nclient_cert = "/"', "target.client_cert"),
    "a proxy that is none": (f'[target]\nproxy = "{SECRET}"', "target.proxy"),
    "an empty proxy": ('[target]\nproxy = ""', "target.proxy"),
    "a proxy of another kind": (f'[target]\nproxy = "socks5://{SECRET}:1"', "target.proxy"),
    "a proxy with an odd port": (f'[target]\nproxy = "http://user:{SECRET}@h:x"', "target.proxy"),
    "a base_url with a user": (f'[target]\nbase_url = "http://user:{SECRET}@h/api"', "target.base_url"),
    "a base_url that is none": (f'[target]\nbase_url = "{SECRET}"', "target.base_url"),
    "no number for a recipient": (f'[recipients]\nsucceeding = ["{SECRET}"]', "recipients.succeeding"),
    "a recipient with a plus": ('[recipients]\nsucceeding = ["+6591230000"]', "recipients.succeeding"),
    "a recipient in full width": ('[recipients]\nsucceeding = ["６５９１２３００００"]', "recipients.succeeding"),
    "a recipient that is short": ('[recipients]\nsucceeding = ["995"]', "recipients.succeeding"),
    "a recipient in two roles": ('[recipients]\npending = ["6511112222"]', "recipients.pending"),
    "no language": (f'[template]\nlanguage = "{SECRET}"', "template.language"),
    "no further language": (
        f'[[template.languages]]\nlanguage = "{SECRET}"\nvalues = {{ a = "b" }}',
        "template.language",
    ),
    "no values": ("[template]\nvalues = {}", "template.values"),
    "no values of a language": ('[[template.languages]]\nlanguage = "tamil"', "values"),
    "a value that is a number": ("[template]\nvalues = { body = 1 }", "template.values"),
    "a parameter like a recipient": (f'[template.values]\nphone = "{SECRET}"', "template.values"),
    "a parameter that is the language": (f'[template.values]\nLanguage = "{SECRET}"', "template.values"),
    "a parameter with a mark": (f'[template.values]\n"a;b" = "{SECRET}"', "template.values"),
    "no requirement": ('[capabilities]\nabsent = ["BR-ACC-99"]', "capabilities.absent"),
    "a requirement that there is": ('[capabilities]\nabsent = ["BR-SEL-01"]', "capabilities.absent[0]"),
    "what the tester lacks": ('[capabilities]\nabsent = ["https", "succeeding"]', "capabilities.absent[1]"),
    "no version": ('[target]\ncontract = "2"', "target.contract"),
    "a version that is a number": ("[target]\ncontract = 1.0", "target.contract"),
    "no batch": ("[[given]]\nstate = 'x'", "batch_id"),
    "no batch's status": ('[[given]]\nbatch_id = "b"\nstate = "nonsense"', "given[0].state"),
    "no need": ('[capabilities]\nabsent = ["telepathy"]', "capabilities.absent[0]"),
    "provider states at no URL": (f'[provider_states]\nurl = "{SECRET}"', "provider_states.url"),
    "provider states elsewhere": ('[provider_states]\nurl = "ftp://h/x"', "provider_states.url"),
    "an empty batch": ('[[given]]\nbatch_id = ""', "given[0].batch_id"),
    "a batch that is a path": (f'[[given]]\nbatch_id = "a/{SECRET}"', "given[0].batch_id"),
    "no TOML": (f"[target]\napi_key = {SECRET}", "line 2"),
    "an open text": (f'[target]\napi_key = "{SECRET}', "c.toml"),
    "a section twice": ("[target]\n[target]", "c.toml"),
    "a key twice": (f'[target]\napi_key = "{SECRET}"\napi_key = "{SECRET}"', "c.toml"),
    "not UTF-8": (b"\xff\xfe[target]", "UTF-8"),
    "UTF-16": (TARGET.encode("utf-16"), "UTF-8"),
    "NUL": (b"\0", "c.toml"),
    "deep": ("x = " + "[" * 5000, "nested"),
    "deep tables": (".".join("a" * 3000) + " = 1", "a"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_configuration_gets_one_line(case: str, tmp_path: Path) -> None:
    text, named = WRONG[case]
    with pytest.raises(UsageError) as caught:
        _load(text, tmp_path, {"EMPTY": ""})
    _one_line(caught.value, named)


ENVIRONMENT: dict[str, tuple[dict[str, str], str]] = {
    "unknown section": ({"CONFORMANCE_FOO__BAR": SECRET}, "CONFORMANCE_FOO__BAR"),
    "unknown key": ({"CONFORMANCE_TARGET__KEY": SECRET}, "key"),
    "no section": ({"CONFORMANCE_": SECRET}, "CONFORMANCE_"),
    "no key": ({"CONFORMANCE_TARGET__": SECRET}, "target"),
    "a value for a section": ({"CONFORMANCE_TARGET": SECRET}, "target"),
    "below a value": ({"CONFORMANCE_TARGET__API_KEY__X": SECRET, "CONFORMANCE_TARGET__API_KEY": SECRET}, "API_KEY__X"),
    "a number for a list": ({"CONFORMANCE_RECIPIENTS__FAILING": "6511112222"}, "recipients.failing"),
    "no JSON for a list": ({"CONFORMANCE_RECIPIENTS__FAILING": "[6511112222"}, "recipients.failing"),
    "numbers for texts": ({"CONFORMANCE_RECIPIENTS__FAILING": "[6511112222]"}, "recipients.failing"),
    "no number": ({"CONFORMANCE_LIMITS__MAX_CALLS": SECRET}, "limits.max_calls"),
    "NaN": ({"CONFORMANCE_LIMITS__MAX_SECONDS": "NaN"}, "limits.max_seconds"),
    "yes for true": ({"CONFORMANCE_TARGET__BOOKED": "yes"}, "target.booked"),
    "deep": ({"CONFORMANCE_LIMITS__MAX_CALLS": "[" * 50_000}, "limits.max_calls"),
    "an index": ({"CONFORMANCE_GIVEN__0__BATCH_ID": SECRET}, "given"),
}


@pytest.mark.parametrize("case", ENVIRONMENT)
def test_a_wrong_environment_gets_one_line(case: str) -> None:
    environ, named = ENVIRONMENT[case]
    with pytest.raises(UsageError) as caught:
        load(None, environ)
    _one_line(caught.value, named)


SAID: dict[str, tuple[str, dict[str, str], str]] = {
    "an unknown key": ('[target]\nbase_ulr = "x"', {}, "target.base_ulr: is no key — did you mean base_url?"),
    "an unknown section": ("[taget]", {}, "taget: is no key — did you mean target?"),
    "an unknown variable": (
        "",
        {"CONFORMANCE_RECIPIENTS__SUCCEDING": "[]"},
        "CONFORMANCE_RECIPIENTS__SUCCEDING (recipients.succeding): is no key — did you mean succeeding or pending?",
    ),
    "text for a number": (
        '[limits]\ncalls_per_second = "10"',
        {},
        "limits.calls_per_second: takes a number, and not text — write it without quotes, such as 10",
    ),
    "a number for text": (
        "[target]\ncontract = 1.1",
        {},
        'target.contract: takes text, and not a number — write it in quotes: "…"',
    ),
    "a number in a variable's table": (
        "",
        {"CONFORMANCE_TEMPLATE__VALUES": '{"body": 1}'},
        "CONFORMANCE_TEMPLATE__VALUES (template.values[...]): takes text, and not a whole number — write it in quotes",
    ),
    "what is missing": (
        '[target.other]\napi_key = "0123456789"',
        {},
        "target.other: lacks campaign_id — add campaign_id, or remove the rest",
    ),
    "which recipient": ('[recipients]\nsucceeding = ["6591230000", "+65"]', {}, "recipients.succeeding[1]: is no number"),
    "a recipient twice": (
        '[recipients]\nsucceeding = ["6591230000", "6591230000"]',
        {},
        "recipients.succeeding[1]: is listed before",
    ),
    "which variable": (
        '[target]\napi_key_env = "POSTMAN_KEY"',
        {},
        "target.api_key_env: names POSTMAN_KEY, which is not set — export POSTMAN_KEY=…",
    ),
    "what may be a key itself": ('[target]\napi_key_env = "AKIAIOSFODNN"', {}, "is the name of a variable that is not set"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_the_line_says_what_the_key_takes_and_how_to_write_it(case: str, tmp_path: Path) -> None:
    text, environ, said = SAID[case]
    with pytest.raises(UsageError, match=re.escape(said)):
        _load(text, tmp_path, environ)


def _one_line(error: UsageError, named: str) -> None:
    text = str(error)
    assert named in text
    assert error.hint
    assert error.where
    assert "\n" not in text
    assert len(text) < 400
    assert not any(SECRET[i : i + 7] in text for i in range(len(SECRET) - 6))
    assert error.exit_status == 2


def test_files_that_are_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.toml"):
        with pytest.raises(UsageError, match="cannot be read"):
            load(path, {})


def test_a_target_beside_a_wrong_section_is_one_line_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^target: "):
        _load(f'target = "{SECRET}"', tmp_path, target="http://127.0.0.1/api")


def test_the_command_line_ends_with_status_2_and_nothing_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'[target]\napi_key = "{SECRET}"\nfoo = 1\n', encoding="utf-8")
    status, out, err = command("run", "--config", str(path), "--report-dir", str(tmp_path / "r"))
    assert status == 2
    assert SECRET not in out + err
    assert len(err.splitlines()) == 1
    # The folder says that nothing was run, in place of what an older run may have left.
    assert not (tmp_path / "r" / "history.jsonl").exists()


# -- what is right ----------------------------------------------------------------------------------------------


def test_an_empty_configuration_texts_simulators_only(tmp_path: Path) -> None:
    config = load(None, {})
    assert config.recipients.failing == SIMULATOR_FAILING
    assert not config.recipients.succeeding
    assert _load(b"\xef\xbb\xbf" + TARGET.encode(), tmp_path).target.campaign_id == "c"


def test_the_environment_lies_over_the_file(tmp_path: Path) -> None:
    environ = {
        "CONFORMANCE_TARGET__API_KEY_ENV": "MY_KEY",
        "MY_KEY": "00123456789",
        "CONFORMANCE_TARGET__CAMPAIGN_ID": "123",
        "CONFORMANCE_TARGET__BOOKED": "true",
        "CONFORMANCE_TARGET__HEADERS": '{"x-a": "1"}',
        "CONFORMANCE_TARGET__OTHER__CAMPAIGN_ID": "456",
        "CONFORMANCE_TARGET__OTHER__API_KEY": "987654321",
        "CONFORMANCE_TEMPLATE__VALUES__body": "7",
        "CONFORMANCE_RECIPIENTS__SUCCEEDING": '["6591230000"]',
        "CONFORMANCE_LIMITS__MAX_MESSAGES": "100",
        "CONFORMANCE_TIMING__READ_LAG": "auto",
        "CONFORMANCE_GIVEN": '[{"batch_id": "b", "state": "messages_enqueued"}]',
        "PATH": "/bin",
    }
    config = _load(
        TARGET + "[limits]\nmax_messages = 5\nmax_rows = 7\n", tmp_path, environ, target="http://127.0.0.1:1"
    )
    assert config.target.api_key == "00123456789"
    assert config.target.campaign_id == "123"
    assert config.target.base_url == "http://127.0.0.1:1"
    assert config.target.headers == {"x-a": "1"}
    assert config.target.other is not None
    assert config.target.other.api_key == "987654321"
    assert config.template.values == {"body": "7"}
    assert config.recipients.succeeding == ("6591230000",)
    assert (config.limits.max_messages, config.limits.max_rows) == (100, 7)
    assert config.given[0].batch_id == "b"
    assert {"failing", "succeeding", "other_campaign", "other_key"} <= set(offers(config))


def test_the_contract_is_the_newest_or_the_one_that_is_named(tmp_path: Path) -> None:
    assert _load(TARGET, tmp_path).target.contract == "1.1"
    assert _load(TARGET + 'contract = "1.0"\n', tmp_path).target.contract == "1.0"
    named = _load(TARGET, tmp_path, {"CONFORMANCE_TARGET__CONTRACT": "1.0"})
    assert named.target.contract == "1.0", "a version is a text, and no number"


def test_languages_are_listed_once_with_the_templates_own_first(tmp_path: Path) -> None:
    further = "".join(
        f'[[template.languages]]\nlanguage = "{n}"\nvalues = {{ body = "x" }}\n' for n in ("tamil", "english")
    )
    assert languages(_load(TARGET, tmp_path)) == ("english",)
    assert languages(_load(TARGET + further, tmp_path)) == ("english", "tamil")


def test_a_digest_is_of_the_configuration_but_not_of_the_key(tmp_path: Path) -> None:
    first = _load(TARGET + 'api_key = "0123456789"\n', tmp_path)
    assert digest(first) == digest(_load(TARGET + 'api_key = "abcdefghij"\n', tmp_path))
    assert digest(first) != digest(_load(TARGET + "booked = true\n", tmp_path))


LEAVES = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(["http://127.0.0.1/", "6511112222", "english"]),
)
KEYS = st.sampled_from(
    [*Config.__struct_fields__, "base_url", "api_key", "failing", "values", "max_rows", "languages", "x"]
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(tree=st.dictionaries(KEYS, TREES, max_size=4), noise=st.text(max_size=3), at=st.integers(0, 200))
def test_whatever_stands_in_a_file_it_loads_or_is_one_line(
    tree: dict[str, Any], noise: str, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = _toml(tree)
    text = text[:at] + noise + text[at:]
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    said = ""
    try:
        load(path, {})
    except UsageError as error:
        said = str(error)
    assert "\n" not in said


def _toml(tree: dict[str, Any]) -> str:
    return "".join(f"{name} = {_inline(value)}\n" for name, value in tree.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_inline(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" if not c.isalnum() or not c.isascii() else c for c in value) + '"'
    return str(value).lower()


# -- the documentation ------------------------------------------------------------------------------------------


def _keys(kind: Any, before: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        inner = re.search(r"conformance\.config\.(\w+)", str(field.type))
        if inner is not None:
            yield from _keys(getattr(config_module, inner[1]), f"{before}{field.name}.")
        else:
            yield before + field.name


def test_the_documentation_names_every_key_and_no_other() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "configuration.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`([^`]+)`", row)) == sorted(_keys(Config))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[target]\ncampain_id = 'c'", "did you mean campaign_id?"),
        ("[limit]\nmax_calls = 1", "did you mean limits?"),
        ("[target.other]\ncampaign = 'c'", "did you mean campaign_id?"),
        ("[[given]]\nbatchid = 'c'", "did you mean batch_id?"),
        ("[[template.languages]]\nlang = 'tamil'", "did you mean language?"),
        ("[capabilities]\nabsent = ['BR-AC-01']", "name https, other_campaign, other_key"),
        ("[capabilities]\nabsent = ['br-acc-01']", "is the requirement BR-ACC-01, and what a service lacks"),
        ("[capabilities]\nabsent = ['other_campain']", "did you mean other_campaign"),
        ("[capabilities]\nabsent = ['telepathy']", "name https, other_campaign, other_key"),
        *(
            (f"[capabilities]\nabsent = ['{role}']", f"recipients.{role} says what there is")
            for role in ("failing", "succeeding", "pending", "recovering")
        ),
        ("[target]\ncontract = '1.2'", "name one of 1.0, 1.1"),
        ("[target]\nwholly = 1", "docs/configuration.md"),
    ],
)
def test_what_was_meant_is_named(text: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        _load(text, tmp_path)
    assert meant in str(caught.value)


def test_a_variable_that_looks_like_a_section_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean CONFORMANCE_TARGET__…\?"):
        _load("", tmp_path, {"CONFORMANCE_TARGETS__BASE_URL": "x"})


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "0123456789"\napi_key_env = "K"',
        'api_key_env = "NOT_SET"',
        'api_key = ""',
        'api_key = "short"',
        "api_key = 7",
        "api_key = []",
        'second_api_key_env = "NOT_SET"',
        "second_api_key = 7.5",
    ],
)
def test_nothing_of_a_message_about_a_key_is_taken_for_the_key(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        _load(f"[target]\n{text}", tmp_path)
    assert Redactor().text(str(caught.value)) == str(caught.value)


def test_a_lag_that_is_waited_out_has_a_bound() -> None:
    with pytest.raises(UsageError, match=r"timing.read_lag: is above timing.settle_timeout, 10"):
        load(None, {"CONFORMANCE_TIMING__READ_LAG": "11.0", "CONFORMANCE_TIMING__SETTLE_TIMEOUT": "10"})


def test_a_variable_that_is_empty_is_not_set() -> None:
    """So a CI server leaves a secret that nobody gave it."""
    environ = {"CONFORMANCE_RECIPIENTS__SUCCEEDING": "", "CONFORMANCE_TARGET__OTHER__CAMPAIGN_ID": ""}
    config = load(None, environ)
    assert (config.recipients.succeeding, config.target.other) == ((), None)


def test_a_wrong_variable_is_named_with_how_to_write_it() -> None:
    with pytest.raises(UsageError, match=r"CONFORMANCE_RECIPIENTS__SUCCEEDING \(recipients.succeeding\).*as JSON"):
        load(None, {"CONFORMANCE_RECIPIENTS__SUCCEEDING": "6591230000x"})
