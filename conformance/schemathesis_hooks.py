"""Hooks for users of plain ``schemathesis run``: our guard on its way out, and our requirements as its checks.

``hooks = "conformance.schemathesis_hooks"`` in schemathesis.toml loads them (docs/schemathesis.md). The configuration is
the file that ``CONFORMANCE_CONFIG`` names, overlaid by the environment as for ``run``; the history goes to
``CONFORMANCE_HISTORY``, by default conformance-history.jsonl, and ``retry-conformance judge`` reads it.

One check for each requirement, named like it (``BR_ACC_01``). They judge the whole history, when all is over: a finding of
ours rests on many answers, and what was never exercised is said, never passed over. With ``must_be_exercised = true`` in
``[checks.BR_ACC_01]`` it fails. Each answer of the target counts as checked by those that are switched on; what the guard
answers itself does not.

The configuration is read, and the target asked for a page, before the first request of schemathesis: what is wrong with either
is an error of its configuration, in one line, and nothing else is sent.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests
import schemathesis
from schemathesis.config import ConfigError

from conformance import preflight
from conformance.catalogue import load as load_catalogue
from conformance.config_load import load as load_config
from conformance.deciding import decide
from conformance.errors import SuiteError
from conformance.fuzzing.schemathesis_bridge import GUARD, Door
from conformance.history.reader import read_history
from conformance.judges import judge
from conformance.verdicts import Verdict

CONFIG, HISTORY = "CONFORMANCE_CONFIG", "CONFORMANCE_HISTORY"
HISTORY_FILE = "conformance-history.jsonl"
_CATALOGUE = load_catalogue()


@cache
def door() -> Door:
    """The one way out of this process, made when it is first needed.

    :raises ConfigError: the configuration is wrong, or the target cannot be tested with it; one line, and the run ends.
    """
    try:
        return _opened()
    except SuiteError as error:
        raise ConfigError(str(error)) from None


def _opened() -> Door:
    environ = {name: value for name, value in os.environ.items() if name not in (CONFIG, HISTORY)}
    file = os.environ.get(CONFIG)
    config = load_config(Path(file) if file else None, environ)
    made = Door(config, Path(os.environ.get(HISTORY, HISTORY_FILE)))
    try:
        preflight.check(made.transport, config)
    except SuiteError:
        made.close()
        raise
    return made


class _Adapter(requests.adapters.BaseAdapter):
    """Takes what a session is about to send to the door, and brings the answer back."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"?"
        named = {str(name): value for name, value in request.headers.items() if isinstance(value, str)}
        try:
            status, headers, answer = door().answer(str(request.method), str(request.url), named, content)
        except (ConnectionError, SuiteError, ConfigError) as error:
            # The reason as an exception within it: schemathesis looks there, as urllib3 leaves it.
            raise requests.exceptions.ConnectionError(ConnectionError(str(error)), request=request) from None
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers = requests.structures.CaseInsensitiveDict(headers)
        response._content = answer
        response.raw = None
        return response

    def close(self) -> None:
        return


def _adapter(_: requests.Session, url: str) -> requests.adapters.BaseAdapter:
    """Every session's adapter, whatever the URL: nothing of this process leaves but through the door."""
    return _Adapter()


patch.object(requests.Session, "get_adapter", _adapter).start()


@dataclass(frozen=True)
class _Judged:
    verdicts: dict[str, Verdict]
    text: dict[str, str]


@cache
def judged() -> _Judged:
    """Verdicts on the history so far, which ends here; what was not exercised is said once, on standard error."""
    out = door()
    out.close()
    history = read_history(out.history)
    verdicts = {v.requirement: v for v in decide(history, judge(history, _CATALOGUE), _CATALOGUE).items}
    never = [name for name, v in verdicts.items() if v.verdict not in ("pass", "fail") and not v.exercised]
    print(
        f"conformance: {len(history.exchanges)} requests in {out.history}; the guard answered {out.refused} itself; "
        f"never exercised: {', '.join(never) or 'nothing'}",
        file=sys.stderr,
    )
    return _Judged(verdicts, {name: _said(v) for name, v in verdicts.items()})


def _said(verdict: Verdict) -> str:
    lines = []
    # What looks the same twice is one defect.
    for finding in {f.fingerprint: f for f in reversed(verdict.findings)}.values():
        lines += [finding.summary, *(f"  because {step}" for step in finding.argument)]
        lines += [f"  expected {' or '.join(finding.expected)}", f"  exchanges {', '.join(map(str, finding.evidence))}"]
    return "\n".join(lines)


class _Check:
    """The check of one requirement. schemathesis tells checks apart by the name of their class.

    :param must_be_exercised: a run in which the situation did not arise fails.
    :raises ConfigError: as for ``door``.
    """

    requirement = ""
    title = ""

    def __init__(self, must_be_exercised: bool = False) -> None:
        self.must_be_exercised = must_be_exercised
        door()

    def after_response(self, _: schemathesis.CheckContext, response: schemathesis.Response, case: Any) -> bool | None:
        """Count an answer of the target, which is judged with all others when the run is over; True skips one of the guard's."""
        return True if GUARD.encode() in response.content else None

    def after_run(self, _: schemathesis.CheckContext) -> None:
        """Judge the history.

        :raises AssertionError: the requirement is violated, or could not be tested although it had to be.
        """
        out = door()
        if not out.answered:
            raise AssertionError(f"{self.requirement} could not be tested: nothing was sent; {out.refusal}")
        verdict = judged().verdicts[self.requirement]
        if verdict.verdict in ("fail", "error"):
            raise AssertionError(f"{self.requirement} is violated: {self.title}\n{judged().text[self.requirement]}")
        if self.must_be_exercised and not verdict.exercised:
            raise AssertionError(f"{self.requirement} could not be tested: it was never exercised")


def _check(requirement: str, title: str) -> type[_Check]:
    return type(
        requirement.replace("-", "_"), (_Check,), {"requirement": requirement, "title": title, "__doc__": title}
    )


CHECKS = {r.id: schemathesis.check(_check(r.id, r.title)) for r in _CATALOGUE.requirements}
