"""Probes of what the views and their pages show."""

from __future__ import annotations

from typing import Any

from tests.desk import FAILING, Desk
from tests.probes.common import Probe


def pages_backward(desk: Desk) -> list[int]:
    """Read a batch of six in pages of two, back from the last message: how many messages each page holds."""
    batch = desk.failed([FAILING] * 6)
    rows = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query={"limit": "6"})).body
    cursor, held = rows["pageData"]["endCursor"], []
    for _ in range(4):
        query = {"limit": "2", "before": cursor}
        page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query=query)).body
        held.append(len(page["data"]))
        if not page["pageData"]["hasPreviousPage"]:
            break
        cursor = page["pageData"]["startCursor"]
    return held


def listed_in_pages(desk: Desk) -> list[bool]:
    """Read a batch of three in pages of two, with another batch behind it: whether each message is the batch's."""
    batch = desk.failed([FAILING] * 3)
    own = set(desk.ids(batch))
    desk.failed([FAILING])
    query, found = {"limit": "2"}, []
    for _ in range(2):
        page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query=query)).body
        found += [message["id"] in own for message in page["data"]]
        query = {"limit": "2", "after": page["pageData"]["endCursor"]}
    return found


def views(recipient: str, rounds: int = 1) -> Probe:
    """Retry, and read all views: status and number of attempts in each."""

    def probe(desk: Desk) -> list[tuple[str, int | None]]:
        batch = desk.failed([recipient])
        desk.rounds(batch, rounds)
        listed = desk.listing(batch)[0]
        one, everywhere = desk.message(listed["id"]), desk.campaign()[0]
        assert len(listed["messageAttempts"]) in (listed["numAttempts"], 2, rounds + 1)
        return [
            (listed["latestStatus"], listed["numAttempts"]),
            (listed["latestStatus"], len(listed["messageAttempts"])),
            (one["latestStatus"], len(one["attempts"])),
            (everywhere["latestStatus"], None),
        ]

    return probe


def more_pages(desk: Desk) -> Any:
    """What the first of two pages says about a next one, after a retry."""
    batch = desk.failed([FAILING, FAILING])
    desk.retry(batch)
    page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query={"limit": "1"}))
    return page.body["pageData"]["hasNextPage"]


def campaign_in_pages(desk: Desk) -> list[int]:
    """Read the campaign's listing from behind the first of two messages of a batch: how many stand there."""
    desk.failed([FAILING, FAILING])
    first = desk.finish(desk.ask("GET", "messages", query={"limit": "1"})).body
    query = {"limit": "9", "after": first["pageData"]["endCursor"]}
    return [len(desk.finish(desk.ask("GET", "messages", query=query)).body["data"])]
