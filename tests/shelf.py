"""Stories with everything that a message shows, listings in pages, and the campaign's listing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import msgspec

from conformance.history.records import Operation
from tests.story import Story

Change = Callable[[dict[str, Any]], None]
STAMP = "2026-01-01T08:00:00.123456+08:00"


class Shelf(Story):
    """A story whose messages hold text, template and batch; ``changes`` spoil what a view shows from then on.

    :param texts: what the rows of a send say, in turn; the row's mark is added.
    """

    def __init__(self, *, texts: Sequence[str] = ("x",), same: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.texts = tuple(texts)
        self.same = same
        #: By (message, operation), where None is any.
        self.changes: list[tuple[str | None, str | None, Change]] = []
        self.batch_of: Callable[[str], list[dict[str, Any]] | None] = self._own_batch

    def send(self, batch: str, rows: str) -> Self:
        super().send(batch, rows)
        invoke = self.exchanges[-1].invoke
        made = []
        for i, row in enumerate(invoke.rows):
            text = f"{self.texts[i % len(self.texts)]} [n:{row.nonce}]"
            recipient = "6511112222" if self.same else row.recipient
            made.append(msgspec.structs.replace(row, values={"body": text}, recipient=recipient))
            self.messages[f"{batch}.{i}"]["text"] = text
        self.exchanges[-1] = msgspec.structs.replace(
            self.exchanges[-1], invoke=msgspec.structs.replace(invoke, rows=tuple(made))
        )
        return self

    def single_send(self, message: str, letter: str) -> Self:
        super().single_send(message, letter)
        self.messages[message]["text"] = f"x [n:{self.messages[message]['nonce']}]"
        self.members.setdefault("none", [])
        self.mend_end(body={"id": message, "recipient": "6511112299", "latestStatus": "created"})
        return self

    def mend_end(self, **fields: Any) -> Self:
        """The last exchange ended otherwise."""
        last = self.exchanges[-1]
        self.exchanges[-1] = msgspec.structs.replace(last, end=msgspec.structs.replace(last.end, **fields))
        return self

    def change(self, change: Change, *, message: str | None = None, view: Operation | None = None) -> Self:
        """From now on, what is shown (of one message, in one view) is spoilt."""
        self.changes.append((message, view, change))
        return self

    def show(self, name: str, value: Any, *, message: str | None = None, view: Operation | None = None) -> Self:
        """From now on a field has this value; a dotted name reaches into an object."""

        def change(shown: dict[str, Any]) -> None:
            *path, last = name.split(".")
            place = shown
            for part in path:
                place = place[part]
            place[last] = value

        return self.change(change, message=message, view=view)

    def hide(self, name: str, *, view: Operation | None = None) -> Self:
        """From now on a field is not shown."""
        return self.change(lambda shown: shown.pop(name, None), view=view)

    def walk(
        self,
        batch: str,
        limit: int = 1000,
        *,
        pages: Sequence[Sequence[str]] | None = None,
        backward: bool = False,
    ) -> Self:
        """The listing page by page; ``pages`` says which messages each holds. Backward: after a walk forward."""
        members = self.members[batch]
        listed = [list(p) for p in pages or [members[i : i + limit] for i in range(0, len(members), limit)]]
        for number, page in reversed(list(enumerate(listed[:-1]))) if backward else enumerate(listed):
            query = [("limit", str(limit))]
            if backward:
                query.append(("before", f"{batch}<{number + 1}"))
            elif number:
                query.append(("after", f"{batch}>{number - 1}"))
            data = {
                "hasNextPage": number + 1 < len(listed),
                "hasPreviousPage": number > 0,
                "startCursor": f"{batch}<{number}",
                "endCursor": f"{batch}>{number}",
            }
            body = {"data": [self._shown(m, "batch_list") for m in page], "pageData": data}
            self._asked("batch_list", body, query, batch=batch)
        return self

    def campaign(self, *, without: Sequence[str] = ()) -> Self:
        """The campaign's whole listing, in one page."""
        data = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": "a", "endCursor": "b"}
        held = [m for members in self.members.values() for m in members if m not in without]
        body = {"data": [self._shown(m, "campaign_list") for m in held], "pageData": data}
        return self._asked("campaign_list", body, [("limit", "1000")])

    def views(self, batch: str) -> Self:
        """All three views of a batch, and its listing in pages of two, both ways."""
        self.look(batch)
        self.campaign()
        return self.walk(batch, 2).walk(batch, 2, backward=True)

    def answer(self, operation: Operation, status: int, body: Any = None, **target: Any) -> Self:
        """Any answer to a valid request."""
        self._exchange(operation, status, body, **target)
        return self

    def _asked(self, operation: Operation, body: Any, query: list[tuple[str, str]], **target: Any) -> Self:
        self._exchange(operation, 200, body, **target)
        last = self.exchanges[-1]
        invoke = msgspec.structs.replace(last.invoke, query=tuple(query))
        self.exchanges[-1] = msgspec.structs.replace(last, invoke=invoke)
        return self

    def _own_batch(self, message: str) -> list[dict[str, Any]] | None:
        batch = self.messages[message]["batch"]
        if batch == "none":
            return None
        return [{"id": batch, "status": self.batches[batch]}]

    def _shown(self, message: str, operation: Operation) -> dict[str, Any]:
        body = super()._shown(message, operation)
        text = self.messages[message]["text"]
        body |= {
            "values": {"body": text},
            "fullMessage": f"Hello {text}",
            "language": "english",
            "campaignId": "c",
            "creatorId": "user_1",
            "createdAt": STAMP,
            "templateBody": {"id": "t1", "language": "english", "body": "Hello {{body}}", "updatedAt": self._stamp()},
        }
        if self.same:
            body["recipient"] = "6511112222"
        body.pop("batches", None)
        shown = self.batch_of(message)
        if operation != "batch_list" and shown is not None:
            own = {"originalFileName": "rows.csv", "totalMessages": len(self.members[self.messages[message]["batch"]])}
            body["batches"] = [{**own, **batch} for batch in shown]
        for one, view, change in self.changes:
            if one in (None, message) and view in (None, operation):
                change(body)
        return body
