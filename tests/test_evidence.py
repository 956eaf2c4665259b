"""`show`, `ticket`, `verify` and `init`: bad input gets a line, and a report edited by hand does not pass."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import msgspec
import pytest

from conformance.baseline import Baseline
from conformance.catalogue import load
from conformance.cli import status_of
from conformance.config_load import load as load_config
from conformance.findings import Margin
from conformance.history import totals
from conformance.history.reader import read_history
from conformance.history.records import Exchange, History, Note
from conformance.judges.inference.proof import Proof
from conformance.report.causes import lead
from conformance.report.concern import concern, narrowed
from conformance.report.exchange_text import full
from conformance.report.model import Races, Report
from conformance.report.page import page as page_of
from conformance.report.page.write import write_page
from conformance.report.reproduce import script
from conformance.report.story import provided
from conformance.report.ticket import ticket
from conformance.report.verifying import agreement
from conformance.report.write import read_report
from conformance.session import Ending, Options, conclude, worsened
from conformance.transport.redact import Redactor
from conformance.verdicts.shown import sent
from conformance.waivers import Waiver
from tests.reported import accepted_although_created, innocent, reported, whole
from tests.story import Story


def _recorded(history: History) -> bytes:
    records = [
        history.header,
        *(r for e in history.exchanges for r in (e.invoke, e.end)),
        *history.notes,
        *([history.footer] if history.footer is not None else []),
    ]
    return b"".join(msgspec.json.encode(r) + b"\n" for r in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a report and its history."""
    history = whole(accepted_although_created())
    content = _recorded(history)
    report = reported(history)
    digest = hashlib.sha256(content).hexdigest()
    run = msgspec.structs.replace(report.run, history_sha256=digest, finished=totals.finished(history))
    (tmp_path / "history.jsonl").write_bytes(content)
    (tmp_path / "conformance.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(report, run=run)))
    return tmp_path


def test_show_prints_an_exchange_in_full(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["show", "11", "--history", str(folder / "history.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "exchange 11: batch_retry" in out
    assert "2026-01-01T00:00:0" in out
    assert "key: the configured one" in out
    assert Redactor().text(out) == out, "nothing in it looks like a key"


def test_show_tells_which_exchanges_hold_an_id(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = folder / "history.jsonl"
    reads = [e for e in read_history(history).exchanges if e.invoke.operation == "message_read"]
    named, other = reads[0], next(e for e in reads if e.invoke.message != reads[0].invoke.message)
    assert status_of(["show", str(named.invoke.message), "--history", str(history)]) == 0
    numbers = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line]
    assert str(named.n) in numbers
    assert str(other.n) not in numbers


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["show", "999"], 2, "has no exchange 999 — its numbers go from 1 to"),
        (["show", "batch_x"], 2, "has no exchange that holds 'batch_x'"),
        (["ticket", "7"], 2, "has 1 cause, and none with the number 7"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(
    arguments: list[str],
    status: int,
    said: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    where = ["--history", "history.jsonl"] if arguments[0] == "show" else ["--report-dir", "."]
    assert status_of([*arguments, *where]) == status
    assert said in capsys.readouterr().err


def test_a_ticket_holds_what_somebody_needs_who_never_saw_the_suite(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(["ticket", "1", "--report-dir", str(folder)]) == 0
    out = capsys.readouterr().out
    for said in ("**Expected:**", "**Observed:** 201", "UTC", "BR-BLK-01", "HTTP 201", "sh reproduce-1.sh", "https://"):
        assert said in out
    report = read_report(folder / "conformance.json")
    assert "HTTP 201" not in ticket(report, report.causes[0], None, load()), "without a history there are no answers"


def test_lag_is_never_said_to_be_less_than_nothing() -> None:
    assert provided("") == "no read lag can explain it"
    assert "less than" not in Proof(margins={"batch_list": Margin(seconds=0.0, view="batch_list", n=5)}).slack
    assert provided("holds if reads lag less than 3.0 ms: so") == "holds if reads lag less than 3.0 ms: so"


def _kept(report: Report) -> Report:
    return report


def _passes(report: Report) -> Report:
    items = tuple(
        msgspec.structs.replace(r, verdict="pass", findings=()) if r.id == "BR-BLK-01" else r
        for r in report.requirements
    )
    return msgspec.structs.replace(report, requirements=items)


def _milder(report: Report) -> Report:
    items = tuple(
        msgspec.structs.replace(r, findings=tuple(msgspec.structs.replace(f, observed="400") for f in r.findings))
        for r in report.requirements
    )
    return msgspec.structs.replace(report, requirements=items)


def _of(report: Report, **run: object) -> Report:
    return msgspec.structs.replace(report, run=msgspec.structs.replace(report.run, **run))


def _about(report: Report, **about: object) -> Report:
    assert report.about is not None
    return msgspec.structs.replace(report, about=msgspec.structs.replace(report.about, **about))


def _each(report: Report, **about: object) -> Report:
    items = tuple(msgspec.structs.replace(r, **about) for r in report.requirements)
    return msgspec.structs.replace(report, requirements=items)


EDITS = {
    "as it was written": (_kept, ""),
    "a verdict": (_passes, "BR-BLK-01 is pass in the report, and fail by the history"),
    "the whole verdict": (
        lambda r: msgspec.structs.replace(r, verdict="conformant"),
        "verdict is conformant in the report, and nonconformant by the history",
    ),
    "an observation of a finding": (
        _milder,
        "BR-BLK-01.findings[0].observed is 400 in the report, and 201 by the history",
    ),
    "the exit status": (lambda r: _of(r, exit_status=0), "exit status 0 does not come of these verdicts"),
    "another history": (lambda r: _of(r, history_sha256="1" * 64), "run.history_sha256 is 1111"),
    "the calls": (lambda r: _of(r, calls=1), "run.calls is 1 in the report"),
    "what happened": (
        lambda r: msgspec.structs.replace(
            r, causes=tuple(msgspec.structs.replace(cause, headline="All is fine") for cause in r.causes)
        ),
        "causes[0].headline is All is fine in the report",
    ),
    "a cause left out": (
        lambda r: msgspec.structs.replace(r, causes=()),
        "causes is empty in the report, and a list of 1 by the history",
    ),
    "an observation left out": (
        lambda r: msgspec.structs.replace(r, observations=r.observations[1:]),
        "observations is empty in the report, and a list of 1 by the history",
    ),
    "the claim": (
        lambda r: _about(r, claim="conformant; judged: all 52", detail=""),
        "about.claim is conformant; judged: all 52 in the report, and nonconformant; judged: all 52 by the history",
    ),
    "how much was judged": (lambda r: _about(r, judged=1), "about.judged is 1 in the report, and 52 by the history"),
    "the verdict of a profile": (
        lambda r: msgspec.structs.replace(r, profiles={**r.profiles, "core": "conformant"}),
        "profiles.core is conformant",
    ),
    "a title": (lambda r: _each(r, title="Be nice"), "BR-BLK-01.title is Be nice"),
    "latency": (lambda r: msgspec.structs.replace(r, latency={}), "latency.batch_retry is empty in the report"),
    "races": (lambda r: msgspec.structs.replace(r, races=Races(pairs=7)), "races.pairs is 7"),
    "why it ended": (lambda r: _of(r, stopped_by="interrupted"), "run.stopped_by is interrupted"),
    "how long it took": (lambda r: _of(r, seconds=0.5), "run.seconds is 0.5"),
    "the suite's version": (
        lambda r: msgspec.structs.replace(r, suite=msgspec.structs.replace(r.suite, version="9.9")),
        "suite.version is 9.9",
    ),
    "a pass that is known": (lambda r: _each(r, known=True), "BR-ACC-01.known is True in the report"),
    "a requirement twice": (
        lambda r: msgspec.structs.replace(r, requirements=(*r.requirements, r.requirements[0])),
        "or more than once",
    ),
    "a requirement left out": (
        lambda r: msgspec.structs.replace(r, requirements=r.requirements[1:]),
        "BR-ACC-01 is not in the report",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_report_that_was_edited_is_not_what_the_history_gives(name: str, folder: Path) -> None:
    edit, said = EDITS[name]
    content = (folder / "history.jsonl").read_bytes()
    found = agreement(edit(read_report(folder / "conformance.json")), whole(accepted_although_created()), content)
    assert found.same == (not said)
    assert said in "\n".join(found.lines)


def test_what_a_history_cannot_tell_is_named(folder: Path) -> None:
    """Whoever writes a report may say that all of it was known: the exit status has to come of that, and it is told."""
    content, history = (folder / "history.jsonl").read_bytes(), whole(accepted_although_created())
    report = read_report(folder / "conformance.json")
    known = msgspec.structs.replace(
        report,
        requirements=tuple(msgspec.structs.replace(r, known=r.verdict == "fail") for r in report.requirements),
    )
    assert not agreement(_of(known, exit_status=0), history, content).same, "something is not settled"
    found = agreement(_of(known, exit_status=0, fail_on="fail"), history, content)
    assert found.same
    assert found.lines[1].startswith("taken from the report: what is known (BR-BLK-01), --fail-on fail, remarks")


ENDINGS = {
    "to the end": ({}, Ending()),
    "interrupted": ({"by": "interrupted"}, Ending(status=130, complete=False, stopped_by="interrupted")),
    "ended from outside": ({"by": "terminated"}, Ending(status=143, complete=False, stopped_by="terminated")),
    "crashed": ({"by": "suite_broke"}, Ending(status=5, complete=False, stopped_by="suite_broke")),
    "turned away": ({"by": "key_refused"}, Ending(status=4, complete=False, stopped_by="key_refused")),
    "on a full disk": (None, Ending(status=5, complete=False, stopped_by="history_lost")),
    "judged after a kill": (None, None),
    "judged after an interruption": ({"by": "interrupted"}, None),
    "with a waiver": ({}, Ending()),
    "with a baseline": ({}, Ending()),
    "a selection": ({}, Ending()),
    "by contract 1.0": ({}, Ending()),
    "of a profile": ({}, Ending()),
}


@pytest.mark.parametrize("unwritten", [False, True])
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("name", ENDINGS)
def test_the_report_of_any_run_is_what_its_history_gives(
    name: str, broken: bool, unwritten: bool, tmp_path: Path
) -> None:
    by, ending = ENDINGS[name]
    history = whole(accepted_although_created() if broken else innocent())
    assert history.footer is not None
    chosen = {"a selection": {"selected": ("BR-ACC-04",)}, "of a profile": {"profiles": ("core",)}}.get(name, {})
    history = msgspec.structs.replace(
        history,
        header=msgspec.structs.replace(history.header, **chosen),
        footer=msgspec.structs.replace(history.footer, complete=not by) if by is not None else None,
        notes=(*history.notes, Note(t=1.0, event="stopped", text="so", data=by)) if by else history.notes,
    )
    path = tmp_path / "history.jsonl"
    path.write_bytes(_recorded(history))
    waiver = Waiver(requirement="BR-BLK-01", covers="fail", reason="r", link="l", expires=datetime.date(2099, 1, 1))
    options = Options(
        waivers=(waiver,) if name == "with a waiver" else (),
        fail_on="fail" if name == "with a baseline" else "inconclusive",
        baseline=Baseline(
            known=frozenset(f.fingerprint for r in reported(history).requirements for f in r.findings),
            listed=frozenset(r.id for r in load("1.0").requirements),
        )
        if name == "with a baseline"
        else None,
    )
    catalogue = load("1.0" if name == "by contract 1.0" else "1.1")
    result = conclude(path, catalogue, options, ending, messages=7 if by is None else None)
    if unwritten:
        result = worsened(result, ["report.html could not be written"], None)
    report = msgspec.json.decode(msgspec.json.encode(result.report), type=Report)
    found = agreement(report, read_history(path), path.read_bytes())
    assert found.same, found.lines
    if report.run.exit_status != 0 and not unwritten:
        assert not agreement(_of(report, exit_status=0), read_history(path), path.read_bytes()).same


def test_verify_says_so_and_has_an_exit_status(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / "conformance.json"), str(folder / "history.jsonl")]
    assert status_of(["verify", *files]) == 0
    assert "does not show where the history came from" in capsys.readouterr().out
    assert status_of(["verify", str(folder)]) == 0, "both are in it"
    assert status_of(["verify", files[0]]) == 2
    assert "HISTORY: is missing" in capsys.readouterr().err
    report = _passes(read_report(folder / "conformance.json"))
    (folder / "conformance.json").write_bytes(msgspec.json.encode(report))
    assert status_of(["verify", *files]) == 1


INIT = ["init", "--base-url", "http://127.0.0.1:1/api/v2/", "--campaign", "c-1", "--key-env", "KEY"]


def test_init_writes_what_the_suite_reads(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    assert status_of([*INIT, "--succeeding", "+65 9123 0000, 6591230001", "--output", str(file)]) == 0
    config = load_config(file, {"KEY": "a-key-that-is-long-enough"})
    assert config.target.base_url == "http://127.0.0.1:1/api/v2"
    assert config.target.campaign_id == "c-1"
    assert config.recipients.succeeding == ("6591230000", "6591230001")
    assert "a-key" not in file.read_text(encoding="utf-8")
    before = file.read_bytes()
    assert status_of([*INIT, "--output", str(file)]) == 2, "no file is overwritten"
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--base-url": "https://postman.gov.sg/api/v2"}, "production"),
        ({"--key-env": "the key itself"}, "give the name"),
        ({"--campaign": " "}, "--campaign"),
        ({"--campaign": 'c"1'}, "target.campaign_id"),
        ({"--succeeding": "everybody"}, "--succeeding"),
        ({"--base-url": None}, "--base-url: is missing"),
    ],
)
def test_init_refuses_what_a_run_would(
    changed: dict[str, str | None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, str | None] = {**dict(zip(INIT[1::2], INIT[2::2], strict=True)), **changed}
    arguments = [part for name, value in options.items() if value is not None for part in (name, value)]
    file = tmp_path / "c.toml"
    assert status_of(["init", *arguments, "--output", str(file)]) == 2
    assert said in capsys.readouterr().err
    assert not file.exists()


def test_the_page_and_the_scripts_replace_those_of_an_earlier_run(tmp_path: Path) -> None:
    failing, clean = whole(accepted_although_created()), whole(innocent())
    (tmp_path / "reproduce-9.sh").write_text("old", encoding="utf-8")
    assert write_page(reported(failing), failing, tmp_path) == ""
    assert sorted(f.name for f in tmp_path.iterdir()) == ["report.html", "reproduce-1.sh"]
    assert write_page(reported(clean, 3), clean, tmp_path) == ""
    assert [f.name for f in tmp_path.iterdir()] == ["report.html"]
    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").mkdir()
    assert "could not be written" in write_page(reported(clean, 3), clean, tmp_path)


def test_a_script_holds_nothing_of_the_run() -> None:
    history = whole(accepted_although_created())
    report = reported(history)
    text = script(report.causes[0], lead(report.requirements, report.causes[0]), history)
    assert "situation=blocked" in text
    for secret in ("65111122", "b.0", "http://t/api"):
        assert secret not in text.replace("6511112222", "")


def _far_down(story: Story) -> History:
    """The last reads of the batch are pages of the campaign, with 200 messages of somebody else before its own."""
    history = whole(story)
    item = story.exchanges[-1].end.body
    others = [{**item, "id": f"other.{i}", "values": {"body": "not ours"}, "batches": []} for i in range(200)]
    page = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": "first", "endCursor": "last"}

    def paged(exchange: Exchange) -> Exchange:
        body = exchange.end.body
        listing = exchange.invoke.operation == "batch_list"
        if not listing or exchange.invoke.batch != "b":
            return exchange
        end = msgspec.structs.replace(exchange.end, body={"data": [*others, *body["data"]], "pageData": page})
        invoke = msgspec.structs.replace(exchange.invoke, operation="campaign_list", batch=None)
        return msgspec.structs.replace(exchange, invoke=invoke, end=end)

    return msgspec.structs.replace(history, exchanges=tuple(map(paged, history.exchanges)))


def test_of_a_long_listing_the_rows_of_the_cause_are_shown() -> None:
    history = _far_down(accepted_although_created())
    report = reported(whole(accepted_although_created()))
    pages = tuple(e.n for e in history.exchanges if e.invoke.operation == "campaign_list")
    retry = next(e.n for e in history.exchanges if e.invoke.operation == "batch_retry")
    cause = msgspec.structs.replace(report.causes[0], evidence=(retry, *pages[-1:]))
    told = ticket(report, cause, history, load())
    assert '"id": "b.0"' in told
    assert "other." not in told
    assert '"endCursor": "last"' in told
    assert "rows left out" in told
    assert "characters more" not in told
    shown = page_of(msgspec.structs.replace(report, causes=(cause,)), history, load())
    assert "other." not in shown
    assert f"(200 rows left out; `show {pages[-1]}` prints all)" in shown
    whole_one = full(history[pages[-1]], history.header)
    assert whole_one.count('"other.') == 200


@pytest.mark.parametrize(
    ("cited", "kept", "said"),
    [
        # The batch, then one message of it where there is no room for more, then as many as there is room for.
        (("retry",), ["b.0", "b.1", "b.2"], 8_000),
        (("retry", "read b.1"), ["b.1"], 900),
        (("retry",), ["b.0"], 900),
    ],
)
def test_where_room_is_short_named_rows_come_first(cited: tuple[str, ...], kept: list[str], said: int) -> None:
    history = _far_down(accepted_although_created())
    by_name = {
        f"read {e.invoke.message}" if e.invoke.message else "retry": e.n
        for e in history.exchanges
        if e.invoke.operation in ("message_read", "batch_retry")
    }
    last = [e for e in history.exchanges if e.invoke.operation == "campaign_list"][-1]
    about = concern(sent(history), [by_name[name] for name in cited])
    body, left_out = narrowed(last, about, said)
    assert [row["id"] for row in body["data"]] == kept
    assert left_out == 203 - len(kept)
    nobody = concern(sent(history), [last.n])
    assert narrowed(last, nobody, said) == (last.end.body, 0), "a proof about the listing itself keeps all of it"
