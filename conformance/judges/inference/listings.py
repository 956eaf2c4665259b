"""Listings: pages put together again into walks, by their cursors.

Several pages are several instants (axiom A3): a snapshot says which messages a walk met, never that they stood so
at one moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conformance.history.records import Exchange
from conformance.judges.inference.readings import identity

Direction = Literal["forward", "backward"]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One walk through a listing of a batch (``batch`` set) or of the campaign (``batch`` None)."""

    batch: str | None
    campaign: str | None
    direction: Direction
    #: As asked for, in this order; a backward walk begins at the end.
    pages: tuple[Exchange, ...]
    #: Ids in the listing's order: page after page, a backward walk's pages turned round.
    ids: tuple[str, ...]
    #: The walk came to an end of the listing (no next, or no previous page) and every page was a good answer.
    complete: bool
    #: Page size asked for; None if none was.
    limit: int | None
    search: str | None

    @property
    def t(self) -> float:
        return self.pages[0].t

    @property
    def last(self) -> float:
        return self.pages[-1].last

    @property
    def evidence(self) -> tuple[int, ...]:
        return tuple(page.n for page in self.pages)


def query(exchange: Exchange) -> dict[str, str]:
    """The query of a request; of a repeated name, the last value."""
    return dict(exchange.invoke.query)


def page_ids(exchange: Exchange) -> tuple[str, ...]:
    """The message ids of one page, in its order; empty if it is no page."""
    return tuple(item["id"] for item in page_items(exchange) if identity(item.get("id")) is not None)


def page_items(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    """The messages of one page, in its order."""
    body = exchange.end.body
    items = body.get("data") if isinstance(body, Mapping) else None
    yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, Mapping))


def page_data(exchange: Exchange) -> Mapping[str, Any]:
    """``pageData`` of one page; empty if there is none."""
    body = exchange.end.body
    data = body.get("pageData") if isinstance(body, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def snapshots(exchanges: Iterable[Exchange]) -> tuple[Snapshot, ...]:
    """Every walk in the history, in the order of its first page; a page belongs to one walk at most.

    A page that goes on from another asks ``after`` its endCursor or ``before`` its startCursor, with the same
    page size, search and path, and was asked for after the other was answered.
    """
    pages = sorted((e for e in exchanges if _is_page(e)), key=lambda e: e.t)
    walks: list[tuple[Direction, list[Exchange]]] = []
    for page in pages:
        asked = query(page)
        name = "before" if "before" in asked else "after" if "after" in asked else None
        direction: Direction = "backward" if name == "before" else "forward"
        going_on = [walk for d, walk in walks if d == direction and name and _follows(walk[-1], page, name)]
        if going_on:
            going_on[-1].append(page)
        else:
            walks.append((direction, [page]))
    return tuple(_snapshot(walk, direction) for direction, walk in walks)


def _is_page(exchange: Exchange) -> bool:
    body = exchange.end.body
    return (
        exchange.invoke.operation in ("batch_list", "campaign_list")
        and exchange.invoke.cause is None
        and exchange.status == 200
        and isinstance(body, Mapping)
        and isinstance(body.get("data"), list)
    )


def _follows(page: Exchange, other: Exchange, name: str) -> bool:
    """Whether ``other`` goes on from ``page``: the cursor it asks for is the one that ``page`` ended with."""
    cursor = page_data(page).get("endCursor" if name == "after" else "startCursor")
    return (
        identity(cursor) is not None
        and other.t >= page.last
        and _same_walk(page, other)
        and query(other)[name] == cursor
    )


def _same_walk(a: Exchange, b: Exchange) -> bool:
    one, two = query(a), query(b)
    return (
        (a.invoke.operation, a.invoke.campaign, a.invoke.batch)
        == (b.invoke.operation, b.invoke.campaign, b.invoke.batch)
        and one.get("limit") == two.get("limit")
        and one.get("search") == two.get("search")
    )


def _snapshot(walk: list[Exchange], direction: Direction) -> Snapshot:
    first = walk[0]
    asked = query(first)
    end = page_data(walk[-1]).get("hasNextPage" if direction == "forward" else "hasPreviousPage")
    whole = "after" not in asked if direction == "forward" else True
    # A message whose id cannot be told from others' is left out, so that the listing is not whole.
    told = all(identity(item.get("id")) is not None for page in walk for item in page_items(page))
    limit = asked.get("limit")
    ordered = walk if direction == "forward" else walk[::-1]
    return Snapshot(
        batch=first.invoke.batch if first.invoke.operation == "batch_list" else None,
        campaign=first.invoke.campaign,
        direction=direction,
        pages=tuple(walk),
        ids=tuple(i for page in ordered for i in page_ids(page)),
        complete=whole and told and end is False,
        limit=int(limit) if limit is not None and limit.isdecimal() else None,
        search=asked.get("search"),
    )
