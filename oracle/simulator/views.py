"""What a simulated target shows: a message, a page, each at the instants that its replicas have reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oracle.simulator.habits import VIEWS, View
from oracle.simulator.state import Message, stamp
from oracle.simulator.target import Answer, Target

#: What a message has to show; what is null or missing now and then.
UNKNOWN = {"enqueued": "queued_at_provider", "sending": "handed_over"}
BARE = ("id", "recipient", "latestStatus")
FLICKERING = ("values", "fullMessage", "createdAt", "language", "batches", "attempts", "messageAttempts", "numAttempts")
OLD = {"enqueued": "sent", "sending": "sent", "sent_to_telco": "sent"}


class Views:
    """The reads of a target. A page's messages are seen at one instant each (A3), no older than its view's lag."""

    def __init__(self, target: Target) -> None:
        self.target = target
        habits = target.habits
        self.names: Mapping[str, str] = UNKNOWN if habits.unknown_statuses else OLD if habits.old_statuses else {}

    def instant(self, view: View, begun: float) -> float:
        """An instant that this view may show to a request that was begun then."""
        most = self.target.habits.lags[view]
        now = self.target.clock.now
        if not most:
            return now
        # A replica is behind by a part of its lag; measured from the begin, so that the bound holds (A7).
        return (
            begun - 0.999 * most
            if self.target.worst
            else now - self.target.rng.uniform(0, max(0.0, most - (now - begun)))
        )

    def page(self, messages: Sequence[Message], view: View, query: Mapping[str, str], begun: float) -> Answer:
        """A page of a listing; cursors name the message that they stand at."""
        target = self.target
        reached = self.instant(view, begun)
        ordered = [m for m in messages if m.made <= reached and m.exists]
        ordered.sort(key=lambda m: (m.data["createdAt"], m.id), reverse=target.habits.descending)
        ordered = target.paged(ordered, view)
        places = {m.id: i for i, m in enumerate(ordered)}
        limit = int(query.get("limit", "20"))
        if "before" in query:
            end = places.get(query["before"].removeprefix("c:"), len(ordered))
            start = max(0, end - limit)
        else:
            after = query.get("after", "").removeprefix("c:")
            start = places.get(after, -1) + 1
            end = min(len(ordered), start + limit)
        shown = ordered[start:end]
        data = [self.message(m, view, max(self.instant(view, begun), m.made)) for m in shown]
        page = {
            "hasNextPage": end < len(ordered),
            "hasPreviousPage": start > 0,
            "startCursor": f"c:{shown[0].id}" if shown else None,
            "endCursor": f"c:{shown[-1].id}" if shown else None,
        }
        return Answer(200, {"data": data, "pageData": page})

    def read(self, message: Message | None, begun: float) -> Answer:
        """A single read; a message that the replica does not know yet is not found."""
        at = self.instant("message_read", begun)
        if message is None or message.made > at:
            return self.target.refuse("not_found", 404)
        return Answer(200, self.message(message, "message_read", at))

    def message(self, message: Message, view: View | str, at: float) -> dict[str, Any]:
        """The message as the view shows the instant."""
        habits = self.target.habits
        place = max(1, message.past.index(at))
        number, status, updated = message.past.values[place]
        body = self.data(message, at) | message.views.get(view, {})
        body["latestStatus"] = self.names.get(status, status)
        if habits.bare:
            return self.target.shown(message, view, {name: body[name] for name in BARE})
        if habits.stamps != "none":
            body["updatedAt"] = updated
        self.attempts(body, message, view if view in VIEWS else "message_read", number, status)
        if view != "batch_list" and message.batch is not None and habits.shows_batches:
            body["batches"] = [self.batch(message, at)]
        if habits.flickers and not self.target.steady and self.target.rng.random() < 0.2:
            name = self.target.rng.choice(FLICKERING)
            if name in body and self.target.rng.random() < 0.5:
                del body[name]
            elif name in body:
                body[name] = None
        return self.target.shown(message, view, body)

    def batch(self, message: Message, at: float) -> dict[str, Any]:
        batch = message.batch
        assert batch is not None
        status = batch.past.values[max(0, batch.past.index(at))]
        return {"id": batch.id, "status": status, **batch.data}

    def data(self, message: Message, at: float) -> dict[str, Any]:
        """What does not change; ``spoiled`` holds what it was before a fault changed it."""
        for until, before in message.spoiled:
            if at < until:
                return dict(before)
        return dict(message.data)

    def attempts(self, body: dict[str, Any], message: Message, view: View, number: int, status: str) -> None:
        """The fields that count and list attempts, in the way of the view (rulings 6, 29)."""
        habits = self.target.habits
        kind = habits.counting[view]
        # A fault may have taken attempts away that a lagging view would still count.
        number = min(number, len(message.attempts))
        if kind == "none":
            return
        if view != "message_read":
            counted = number - 1 if kind == "retries" else number
            if kind == "when-sent" and status == "created":
                counted -= 1
            body["numAttempts"] = counted
        if kind in ("number", "retries", "when-sent") or view == "campaign_list":
            return
        listed = [
            self.attempt(message, i, status if i == number - 1 else message.attempts[i].ended, view)
            for i in range(number)
        ]
        if kind == "newest":
            listed = listed[-1:]
            body.pop("numAttempts", None)
        elif habits.newest_first:
            listed.reverse()
        body["messageAttempts" if view == "batch_list" else "attempts"] = listed

    def attempt(self, message: Message, index: int, status: str, view: View) -> dict[str, Any]:
        attempt = message.attempts[index]
        shown: dict[str, Any] = {"status": self.names.get(status, status), "createdAt": attempt.created}
        if view == "batch_list":
            shown["messageId"] = message.id
            if self.target.habits.attempt_ids:
                shown["id"] = attempt.id
        return shown

    def now(self, message: Message) -> dict[str, Any]:
        """What a send or single retry answers with: the message as it is made or reset, whatever lags."""
        habits = self.target.habits
        body = self.data(message, self.target.clock.now)
        body["latestStatus"] = "created"
        if habits.stamps != "none":
            body["updatedAt"] = stamp(self.target.clock.now, coarse=habits.stamps == "coarse")
        if habits.bare:
            return {name: body[name] for name in BARE}
        if message.batch is not None:
            self.attempts(body, message, "message_read", len(message.attempts), "created")
        return body
