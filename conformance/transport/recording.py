"""From what is sent and what comes back to the history's records, scrubbed of keys and numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import httpx

from conformance.history.records import End, Invoke, Media, Row
from conformance.transport.guard import Admission
from conformance.transport.redact import LONGEST_NAME, Redactor
from conformance.transport.request import OutRow, Request
from conformance.transport.wire import Passage


class Recorder:
    """Makes the records of an exchange.

    :param redactor: scrubs them; :param below: the path of base_url, which paths on record leave out.
    """

    def __init__(self, redactor: Redactor, below: str) -> None:
        self._redactor = redactor
        self._below = below

    def invoke(
        self, n: int, t: float, http: httpx.Request, request: Request, admission: Admission, race: int | None
    ) -> Invoke:
        """The record of request ``n``, about to leave at ``t`` seconds, in the race of that number if it is one's."""
        path = http.url.raw_path.decode("ascii").split("?", 1)[0].removeprefix(self._below)
        data = self._redactor.data
        return Invoke(
            n=n,
            t=t,
            operation=request.operation,
            method=http.method,
            path=data(path),
            query=tuple((data(k), data(v)) for k, v in request.query),
            # Judges compare it with the header's.
            campaign=self._redactor.campaign(request.campaign),
            # Ids are the target's words, written as in its answers.
            batch=None if request.batch is None else data(request.batch),
            message=None if request.message is None else data(request.message),
            auth=request.auth,
            cause=request.cause,
            content_type=http.headers.get("content-type"),
            body=self._sent_body(request),
            rows=tuple(self._row(row) for row in request.rows),
            charge=admission.charge,
            race=race,
            driver=request.origin.driver,
            scenario=request.origin.scenario,
            step=request.origin.step,
        )

    def _sent_body(self, request: Request) -> Any:
        if request.content is None:
            return None
        try:
            return self._redactor.sent(json.loads(request.content))
        except (ValueError, RecursionError):
            return self._redactor.text(request.content.decode("utf-8", "replace"))

    def _row(self, row: OutRow) -> Row:
        text = self._redactor.row
        return Row(
            recipient=self._redactor.token(row.recipient),
            role=row.role,
            language=row.language,
            values={name: text(value) for name, value in row.values.items()},
            nonce=row.nonce,
        )

    def end(self, n: int, passage: Passage, answer: Any, media: Media, own: Iterable[str] = ()) -> End:
        """The record of how request ``n`` ended: its passage, and the answer as parsed.

        :param own: what the request held itself (:func:`held_by`).
        """
        body = None
        if media == "json":
            body = self._redactor.body(answer, own)
        elif media == "text":
            body = self._redactor.foreign(answer, own)
        return End(
            n=n,
            outcome=passage.outcome,
            released=passage.released,
            first=passage.first,
            last=passage.last,
            status=passage.status,
            headers=self._redactor.headers(passage.headers),
            size=0 if passage.undecoded else len(passage.body),
            media=media,
            undecoded=passage.undecoded[:LONGEST_NAME] or None,
            remarks=tuple(passage.remarks),
            body=body,
            error=self._redactor.foreign(passage.error) if passage.error else None,
        )


def held_by(http: httpx.Request, request: Request) -> tuple[str, ...]:
    """What a request holds in its path, query, ids and body, in clear: an answer that shows it again reveals nothing."""
    path, _, query = http.url.raw_path.decode("ascii").partition("?")
    ids = (request.campaign, request.batch or "", request.message or "")
    pairs = (text for pair in request.query for text in pair)
    body = (request.content or b"")[: 1 << 16].decode("utf-8", "replace")
    return tuple(text for text in (path, unquote(path), query, *ids, *pairs, body) if text)
