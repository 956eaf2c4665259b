"""Reading: walks through listings, and whether what a program waits for has come. Decides nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from conformance.history.records import Operation
from conformance.program.batch_state import RETRYABLE, TERMINAL, Held
from conformance.program.calls import Calls, unanswered
from conformance.program.steps import Read, Wait
from conformance.transport.paths import LONGEST_IN_URL, plain_id

#: Pages that one walk reads at most.
MAX_PAGES = 60
#: Messages that one walk holds at most: many times what any batch has, and no page without end.
MAX_MESSAGES = 20_000


@dataclass(frozen=True)
class Page:
    """A page of a walk: the cursor that it was asked by ("" for the first), its messages, and the cursor of its first one."""

    cursor: str
    messages: list[Any]
    start: str | None


class Reader:
    """Reads batches, and takes in what it sees.

    :param calls: how requests of the program are made.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def calls(self) -> int:
        """Return how many calls the program has made so far, but for races."""
        return self._calls.made

    def read(self, step: Read, held: Held) -> None:
        """Carry out a read of this batch."""
        if step.auth != "valid":
            # Observed, and not learned from.
            self._calls.call("batch_list", batch=held.id, query=(("limit", str(step.limit)),), auth=step.auth)
        elif held.single and step.view != "campaign":
            self.one(held)
        elif step.view == "listing":
            self.learn(held, self.walk("batch_list", held.id, step.limit, "after"))
        elif step.view == "backward":
            self._backward(held, step.limit)
        elif step.view == "campaign":
            self.walk("campaign_list", None, step.limit, "after")
        elif step.view == "parted":
            self._parted(held, step.limit)
        else:
            positions = step.rows or tuple(range(len(held.places or held.rows)))
            by = step.by if step.rows else "place"
            for position in positions:
                message = held.message(position, by)
                if message is not None and plain_id(message):
                    self._calls.call("message_read", message=message)

    def walk(
        self,
        operation: Operation,
        batch: str | None,
        limit: int,
        onward: str,
        *,
        start: str = "",
        pages: list[Page] | None = None,
        most: int = MAX_PAGES,
    ) -> list[Any] | None:
        """All messages of a listing, page by page, as far as the target leads; None if a page got no answer.

        :param start: the cursor to begin at; :param pages: collects every page; :param most: pages that are read at most.
        """
        found: list[Any] = []
        cursor = start
        for _ in range(most):
            query = (("limit", str(limit)), *([(onward, cursor)] if cursor else []))
            reply = self._calls.call(operation, batch=batch, query=query)
            if unanswered(reply):
                return None
            page = reply.json if reply.exchange.status == 200 and isinstance(reply.json, dict) else {}
            data = page.get("data")
            found += data if isinstance(data, list) else []
            about = page.get("pageData")
            if not isinstance(about, dict) or not isinstance(data, list) or not data or len(found) > MAX_MESSAGES:
                break
            if pages is not None:
                began = about.get("startCursor")
                pages.append(Page(cursor, data, began if isinstance(began, str) else None))
            more = about.get("hasNextPage" if onward == "after" else "hasPreviousPage")
            following = about.get("endCursor" if onward == "after" else "startCursor")
            # A cursor that has no place in a URL leads nowhere.
            if not more or not isinstance(following, str) or following == cursor or len(following) > LONGEST_IN_URL:
                break
            cursor = following
        return found

    def learn(self, held: Held, found: list[Any] | None) -> bool:
        """Take in a walk. One that was cut short says nothing: what was known before stays. Says whether it was whole."""
        held.blind = found is None
        if found is not None:
            held.learn(found)
        return found is not None

    def _backward(self, held: Held, limit: int) -> None:
        """From the last page of a walk forward back to the beginning."""
        pages: list[Page] = []
        whole = self.learn(held, self.walk("batch_list", held.id, limit, "after", pages=pages))
        if whole and len(pages) > 1 and pages[-1].start is not None:
            self.walk("batch_list", held.id, limit, "before", start=pages[-1].start)

    def _parted(self, held: Held, limit: int) -> None:
        """The campaign's whole listing, and where a page of it shows two messages of the batch side by side, the part of that page
        up to the first of the two, and the page behind it. What a listing loses between its pages shows there (BR-IDS-05); where it
        loses the second one, the whole is read once more, to tell whether that is gone."""
        pages: list[Page] = []
        if self.walk("campaign_list", None, limit, "after", pages=pages) is None:
            return
        own = set(held.places)
        for page in pages:
            ids = [m["id"] if isinstance(m, dict) and _has_id(m) else "" for m in page.messages]
            place = next(
                (place for place, pair in enumerate(pairwise(ids[: limit + 1]), 1) if own.issuperset(pair)), None
            )
            if place is not None:
                parted = self.walk("campaign_list", None, place, "after", start=page.cursor, most=2)
                if parted is not None and not any(isinstance(m, dict) and m.get("id") == ids[place] for m in parted):
                    self.walk("campaign_list", None, limit, "after")
                return

    def one(self, held: Held) -> bool:
        """Read a message that was sent singly. Returns whether it was answered."""
        reply = self._calls.call("message_read", message=held.ids[0])
        held.blind = unanswered(reply)
        if not held.blind:
            held.learn_one(reply.json)
        return not held.blind

    def holds(self, step: Wait, held: Held) -> bool:
        """Return whether what the step waits for shows in one more look at the batch."""
        if held.single:
            return self.one(held) and (held.moved if step.until in ("listed", "moved", "left") else held.terminal)
        if step.until == "left":
            return self._left(held.message(step.row, step.by))
        # What the wait before this one has just read is not read again, but for a further look.
        known = step.until == "agreed" and held.current and held.terminal
        if not known and not self.learn(held, self.walk("batch_list", held.id, 1000, "after")):
            return False
        held.current = step.until != "agreed"
        if step.until == "listed":
            return held.listed
        if step.until in ("taken", "moved", "handed", "ended"):
            return bool(getattr(held, step.until))
        if not held.terminal:
            return False
        if step.until == "agreed":
            return self._agreed(held)
        return step.until == "terminal" or self.status_quiet(held)

    def _left(self, message: str | None) -> bool:
        """Return whether a single read shows that a message is no longer ``created``, or cannot be read at all."""
        if message is None or not plain_id(message):
            return True
        reply = self._calls.call("message_read", message=message)
        shown = reply.json.get("latestStatus") if isinstance(reply.json, dict) else None
        return not unanswered(reply) and shown != "created"

    def _agreed(self, held: Held) -> bool:
        """Return whether the campaign's listing and single reads show each message in the listing's status, and the single
        read as many attempts as the listing (BR-IDS-07)."""
        found = self.walk("campaign_list", None, 1000, "after")
        campaign = {m["id"]: m.get("latestStatus") for m in found or () if isinstance(m, dict) and _has_id(m)}
        agreed = True
        for identifier, (status, count) in held.seen.items():
            if not plain_id(identifier):
                continue
            reply = self._calls.call("message_read", message=identifier)
            alone = reply.json if isinstance(reply.json, dict) else {}
            same = campaign.get(identifier) == status == alone.get("latestStatus")
            agreed = agreed and same and _as_many(alone.get("attempts"), count)
        return agreed

    def ahead(self, held: Held) -> bool:
        """Return whether a single read of the first message shows it terminal, and not as the last listing does."""
        first = held.places[0]
        if not plain_id(first):
            return False
        reply = self._calls.call("message_read", message=first)
        alone = reply.json if isinstance(reply.json, dict) else {}
        status, count = held.seen[first]
        same = alone.get("latestStatus") == status and _as_many(alone.get("attempts"), count)
        return alone.get("latestStatus") in TERMINAL and not same

    def status_quiet(self, held: Held) -> bool:
        """Whether a read of a message shows the batch in a retryable status, or shows none."""
        if not plain_id(held.places[0]):
            return True
        reply = self._calls.call("message_read", message=held.places[0])
        if unanswered(reply):
            return False
        shown = reply.json.get("batches") if isinstance(reply.json, dict) else None
        for batch in shown if isinstance(shown, list) else ():
            if isinstance(batch, dict) and batch.get("id") == held.id:
                return batch.get("status") in RETRYABLE
        return True


def _as_many(attempts: object, count: int | None) -> bool:
    """True unless a single read's list of attempts and what the listing counts differ.

    What does not count two may be of the newest only, and a number may be one of retries (ruling 29): no reason to wait.
    """
    if count is None or count < 2 or not isinstance(attempts, list) or len(attempts) < 2:
        return True
    return len(attempts) - 1 <= count <= len(attempts)


def _has_id(message: dict[str, Any]) -> bool:
    return isinstance(message.get("id"), str)
