"""What the run may retry: the batches and messages that it made or was given, and ids that nobody has."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.transport.chance import stands_alone
from conformance.transport.masked import Allowed
from conformance.transport.paths import Named


@dataclass
class _Batch:
    #: Messages that a retry may send at most.
    size: int
    #: False until every page of it was read: a target may answer a send with the id of another batch.
    allowed: bool = False
    #: The target showed a recipient in it that is not allowed. Final.
    barred: bool = False
    ours: bool = True
    #: Cursors that a walk of its listing from the first page on led to, and the rows before each.
    reached: dict[str, int] = field(default_factory=dict)


class NotReadError(LookupError):
    """The batch may be retried once it was read whole."""


class Made:
    """Learns from answers what is the run's own, and says what a retry costs. Thread-safe.

    :param recipients: every number that may be texted.
    :param given: ids of batches that the user gave to the run.
    """

    def __init__(self, recipients: Collection[str], given: Iterable[str] = ()) -> None:
        self._allowed = Allowed(recipients)
        self._lock = threading.Lock()
        self._batches: dict[str, _Batch] = {batch: _Batch(0, ours=False) for batch in given}
        #: The batch of each message; None for a message that was sent singly.
        self._messages: dict[str, str | None] = {}
        #: Ids of messages and of batches under which an answer showed somebody who is not allowed. Final.
        self._barred: set[str] = set()
        self._invented: set[str] = set()
        #: Ids of batches that answers showed, whoever's they are.
        self._shown: set[str] = set()
        #: Ids that were made of a batch's own, with that batch, and whether they are right only where it stands alone.
        self._near: dict[str, tuple[str, bool]] = {}
        self._invented_messages: set[str] = set()

    def invented(self, *names: str) -> None:
        """Ids of batches that this run made up."""
        with self._lock:
            self._invented.update(names)

    def near(self, name: str, owner: str, *, alone: bool) -> bool:
        """An id that this run makes of a batch's own: if the target takes it for a batch, it is that one.

        :param alone: it might be another batch's where ids are counted or short (``transport.chance``).
        :returns: whether it may be tried.
        """
        with self._lock:
            possible = not alone or self._alone(owner)
            if possible:
                self._near[name] = (owner, alone)
            return possible

    def _alone(self, batch: str) -> bool:
        made = [name for name, known in self._batches.items() if known.ours]
        return stands_alone(batch, made, {*self._batches, *self._shown})

    def invented_message(self, name: str) -> None:
        """Record the id of a message that this run made up."""
        with self._lock:
            self._invented_messages.add(name)

    def give(self, batch: str) -> None:
        """A batch that the vendor made for this run: as one that the user gave, it may be retried once it was read."""
        with self._lock:
            self._batches.setdefault(batch, _Batch(0, ours=False))

    def charge(self, named: Named) -> int:
        """How many messages this retry may send at most.

        :raises LookupError: it may not be made at all; says why.
        """
        with self._lock:
            if named.operation == "single_retry":
                message = named.message or ""
                # What the target made or showed comes first, as for batches.
                known = message in self._messages or message in self._barred
                if not known and message in self._invented_messages:
                    return 0
                if message not in self._messages or message in self._barred:
                    raise LookupError("it retries a message that this run did not make, or that texts somebody else")
                owner = self._messages[message]
                if owner is not None:
                    self._usable(owner)
                return 1
            batch = named.batch or ""
            if batch in self._near:
                return self._charge_near(batch)
            # What the target made comes first: an id that we made up may turn out to be somebody's.
            if batch not in self._batches and batch in self._invented:
                return 0
            return self._usable(batch).size

    def _charge_near(self, name: str) -> int:
        owner, alone = self._near[name]
        if name in self._batches or name in self._barred:
            raise LookupError("it retries an id near a batch's own that turned out to be another batch")
        if alone and not self._alone(owner):
            # What was read meanwhile shows that ids are not made by chance.
            raise NotReadError("it retries an id near a batch's own that may be another batch's as well")
        return self._usable(owner).size

    def _usable(self, identifier: str) -> _Batch:
        batch = self._batches.get(identifier)
        if batch is None:
            raise LookupError("it retries a batch that this run did not make and was not given")
        if batch.barred or identifier in self._barred:
            raise LookupError("it retries a batch in which somebody stands who is not allowed")
        if not batch.allowed:
            raise NotReadError("it retries a batch that was not read whole: who stands in it is not known")
        return batch

    def learn_send(self, named: Named, rows: int, answer: Any) -> None:
        """A send of so many rows was answered 2xx with this JSON: its batch, once it was read, or its message, is ours."""
        if not isinstance(answer, dict):
            return
        made = answer.get("batchId") if named.operation == "batch_send" else answer.get("id")
        if not isinstance(made, str):
            return
        with self._lock:
            if named.operation == "single_send":
                if self._allowed(answer.get("recipient")):
                    self._messages.setdefault(made, None)
            elif made in self._batches:
                # The target mixes batches up: a retry may reach the rows of both.
                self._batches[made].size += rows
            else:
                self._batches[made] = _Batch(rows)

    def learn_page(self, batch_id: str, query: Sequence[tuple[str, str]], answer: Any) -> None:
        """A page of a batch's listing was answered 200 with this JSON.

        A batch may be retried once a walk from its first page on, cursor by cursor, came to its last one and
        showed allowed recipients only.
        """
        messages = answer.get("data") if isinstance(answer, dict) else None
        with self._lock:
            batch = self._batches.get(batch_id)
            if batch is None or not isinstance(messages, list):
                return
            for message in messages:
                if not isinstance(message, dict) or not self._allowed(message.get("recipient")):
                    batch.barred = True
                    return
                if isinstance(message.get("id"), str):
                    self._messages.setdefault(message["id"], batch_id)
                    # Another view may have shown somebody else under that id before.
                    batch.barred = batch.barred or message["id"] in self._barred
            if batch.barred:
                return
            rows = self._walked(batch, query, len(messages))
            if rows is None:
                return
            page = answer.get("pageData")
            more = page.get("hasNextPage") if isinstance(page, dict) else None
            cursor = page.get("endCursor") if isinstance(page, dict) else None
            if more is True and isinstance(cursor, str):
                batch.reached[cursor] = rows
            elif more is False and (rows > 0 or batch.ours):
                # Of a batch that was just sent, no row may be made yet; an older one would show its rows.
                batch.size = max(batch.size, rows)
                batch.allowed = True

    def _walked(self, batch: _Batch, query: Sequence[tuple[str, str]], rows: int) -> int | None:
        """Rows up to the end of this page, if it is one of a walk forward from the first; else None."""
        asked = dict(query)
        if len(asked) < len(query) or not asked.keys() <= {"limit", "after"}:
            return None
        if "after" not in asked:
            return rows
        before = batch.reached.get(asked["after"])
        return None if before is None else before + rows

    def learn_shown(self, named: Named, answer: Any) -> None:
        """An answer came with this JSON, whatever its status: whoever it shows under an id has to be allowed.

        One answer of any view that shows, under an id, a recipient who is not provably allowed bars that message and
        its batch for good: what the views disagree about may text somebody else.
        """
        shown = list(_shown(answer))
        with self._lock:
            for message in shown:
                batches = message.get("batches")
                entries = batches if isinstance(batches, list) else [batches]
                of = [entry.get("id") for entry in entries if isinstance(entry, dict)]
                homes = {each for each in (*of, message.get("batchId")) if isinstance(each, str)}
                self._shown |= homes
                if self._allowed(message.get("recipient")):
                    continue
                names = [message.get("id"), message.get("messageId")]
                single = named.operation in ("message_read", "single_retry")
                # What is answered for an id stands for it, whatever id it shows.
                names += [named.message] if single else []
                for name in (each for each in names if isinstance(each, str)):
                    self._bar(name)
                listed = named.batch if named.operation in ("batch_list", "batch_retry") else None
                owner, _ = self._near.get(listed or "", (None, False))
                self._barred.update({*homes, *(each for each in (listed, owner) if each is not None)})

    def _bar(self, message: str) -> None:
        self._barred.add(message)
        owner = self._messages.get(message)
        if owner is not None:
            self._barred.add(owner)


def _shown(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of an answer that names a recipient and an id. Answers are bounded in depth (``transport.bounds``)."""
    if isinstance(value, dict):
        if value.get("recipient") is not None:
            yield value
        for inner in value.values():
            yield from _shown(inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict | list):
                yield from _shown(inner)
