"""Pages of a listing, by cursors."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conformance.reference.world import Message


class BadPageError(ValueError):
    """The query asks for a page that cannot be."""


@dataclass(frozen=True)
class Page:
    """A page of messages, and whether there are more on either side."""

    messages: Sequence[Message]
    more_after: bool
    more_before: bool
    #: How the cursor of a message is written.
    cursor: Callable[[Message], str]

    @property
    def data(self) -> dict[str, object]:
        """``pageData`` as answers show it."""
        return {
            "hasNextPage": self.more_after,
            "hasPreviousPage": self.more_before,
            "startCursor": self.cursor(self.messages[0]) if self.messages else None,
            "endCursor": self.cursor(self.messages[-1]) if self.messages else None,
        }


def plain_cursor(message: Message) -> str:
    """The cursor of a message: its id in Base64."""
    return base64.urlsafe_b64encode(message.id.encode()).decode()


def page_of(
    messages: Sequence[Message], query: dict[str, str], cursor: Callable[[Message], str] = plain_cursor
) -> Page:
    """The page that a query asks for.

    :param cursor: how the cursor of a message is written.
    :raises BadPageError: no limit from 1 to 1000, both cursors, or one that is none of ours.
    """
    limit = query.get("limit", "")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:5]) <= 1000):
        raise BadPageError("limit")
    if "search" in query:
        messages = [m for m in messages if query["search"] in m.recipient]
    start, end = 0, len(messages)
    if "after" in query and "before" in query:
        raise BadPageError("after and before")
    if "after" in query:
        start = _position(messages, query["after"], cursor) + 1
        end = min(end, start + int(limit))
    elif "before" in query:
        end = _position(messages, query["before"], cursor)
        start = max(0, end - int(limit))
    else:
        end = min(end, int(limit))
    return Page(messages[start:end], end < len(messages), start > 0, cursor)


def _position(messages: Sequence[Message], mark: str, cursor: Callable[[Message], str]) -> int:
    for position, message in enumerate(messages):
        if cursor(message) == mark:
            return position
    raise BadPageError("cursor")
