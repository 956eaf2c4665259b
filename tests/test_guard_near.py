"""Ids near a batch's own: they leave only where they can mean no other batch, and cost what that batch costs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from conformance.errors import UnreadError
from conformance.transport.guard import NEAR, Context, Guard
from conformance.transport.origin import parse_base_url
from conformance.transport.paths import Named
from tests.guarding import ALLOWED, BASE, FOREIGN, KEY, NOTHING_YET, OTHER, OURS, a_guard, refused, request

BATCH_SEND = Named("batch_send", OURS)


def _retry_of(batch: str) -> str:
    return f"/campaigns/{OURS}/batch/{batch}/retry"


def _charge(guard: Guard, path: str, **context: Any) -> int:
    return guard.check(request("POST", path), Context(**context)).charge


def _page(*messages: tuple[str, Any]) -> dict[str, Any]:
    return {"data": [{"id": name, "recipient": who} for name, who in messages], "pageData": {"hasNextPage": False}}


RANDOM = (
    "batch_0b8f6f0e-7d5c-4a1e-9a55-1f2e3d4c5b6a",
    "batch_7c1d2e3f-0a9b-4c8d-8e7f-6a5b4c3d2e1f",
    "batch_e4a0c1b2-93d8-4f60-b1c7-d92c0e5f7a38",
)


def _counted(number: int, first: int = 0) -> str:
    """What looks like a random UUID, and ends in a number that is counted up."""
    return f"batch_{first:08x}-0000-4000-8000-{number:012x}"


COUNTED = tuple(_counted(number) for number in (0x11, 0x12, 0x13))
#: The time stands first.
TIMED = tuple(_counted(0x1111 + n, 0x65A1B2C3 + n) for n in range(5))
#: The time stands first in version 7 too, and the rest is random.
ORDERED = (
    "batch_0198c2f0-7a7a-7b7e-9d1c-3a1f0a5f0d41",
    "batch_0198c2f0-7a7b-7c1d-8e7f-6a5b4c3d2e1f",
    "batch_0198c2f0-7b02-7f60-b1c7-d92c0e5f7a38",
)


def _made(*batches: str, rows: int = 3, **more: Any) -> Guard:
    """A guard of a run that made these batches."""
    guard = Guard(parse_base_url(BASE), [OURS, OTHER], ALLOWED, keys=[KEY], **more)
    for batch in batches:
        guard.made.learn_send(BATCH_SEND, rows, {"batchId": batch})
        guard.made.learn_page(batch, (), NOTHING_YET)
    return guard


def _tried(guard: Guard, batch: str) -> list[str]:
    return [how for how in NEAR if guard.near(batch, how, UUID(int=7)) is not None]


@pytest.mark.parametrize("ids", [RANDOM, ORDERED])
@pytest.mark.parametrize("how", NEAR)
def test_an_id_near_a_batch_s_own_is_charged_as_that_batch(how: str, ids: tuple[str, ...]) -> None:
    guard = _made(*ids)
    near = guard.near(ids[0], how, UUID(int=7))
    assert near is not None
    path = f"/campaigns/{OURS}/batch/{near}/retry"
    assert _charge(guard, path, cause=f"id:near:{how}") == 3
    refused(_made(*ids), request("POST", path))
    refused(guard, request("POST", path.replace(OURS, "campaign_x")))
    refused(guard, request("POST", path.replace("batch/", "messages/")))


SOMEBODY = {
    "numbers": ("17", "18", "19"),
    "numbers in UUIDs": COUNTED,
    "times in UUIDs": TIMED,
    "one batch": RANDOM[:1],
    "two batches": RANDOM[:2],
    "ids of two kinds": (*RANDOM, "batch_65a1b2c3d4e5f60718293a4b"),
    "other prefixes": (*RANDOM[:2], RANDOM[2].replace("batch_", "b_")),
    "times that count on": tuple(f"{ORDERED[0][:-4]}{number:04x}" for number in range(3)),
    "times with one end": tuple(f"batch_0198c2f0-7a7{n}-7b7e-9d1c-3a1f0a5f0d41" for n in range(3)),
    "one time, and another end": (*ORDERED, f"{ORDERED[0][:-12]}d00d0a5f0d41"),
    "two versions": (*ORDERED[:2], RANDOM[2]),
    "numbers in other case": (_counted(0x11, 0xA).upper(), _counted(0x12, 0xA), RANDOM[1]),
}


@pytest.mark.parametrize("ids", SOMEBODY)
def test_what_might_be_somebody_else_s_batch_is_not_tried(ids: str) -> None:
    """A part of an id, a pattern, or what a column cuts: it means one batch only where ids are made by chance."""
    assert _tried(_made(*SOMEBODY[ids]), SOMEBODY[ids][0]) == ["null-byte"]


def test_ids_that_the_user_gave_tell_nothing_of_how_the_target_makes_them() -> None:
    assert _tried(_made(*RANDOM[:2], given=["batch_given", RANDOM[2]]), RANDOM[0]) == ["null-byte"]
    assert _tried(_made(*RANDOM, given=["batch_given"]), RANDOM[0]) == list(NEAR)


def test_a_batch_of_others_that_is_nearly_ours_is_enough_not_to_try() -> None:
    for near in (RANDOM[0][:-1] + "b", "x" + RANDOM[0][-12:]):
        guard = _made(*RANDOM)
        path = f"/campaigns/{OURS}/batch/{guard.near(RANDOM[0], 'wildcard', UUID(int=7))}/retry"
        shown = {"data": [{"id": "m9", "recipient": FOREIGN, "batches": [{"id": near}]}]}
        guard.made.learn_shown(Named("campaign_list", OURS), shown)
        assert _tried(guard, RANDOM[0]) == ["null-byte"]
        with pytest.raises(UnreadError):
            guard.check(request("POST", path), Context(cause="id:near:wildcard"))


def test_any_batch_that_is_nearly_ours_is_enough_whoever_is_in_it() -> None:
    guard = _made(*RANDOM)
    shown = {"data": [{"id": "m1", "recipient": ALLOWED[0], "batches": [{"id": RANDOM[0][:-1] + "b"}]}]}
    guard.made.learn_shown(Named("campaign_list", OURS), shown)
    assert _tried(guard, RANDOM[0]) == ["null-byte"]


def test_an_id_near_a_batch_that_may_not_be_retried_may_not_be_either() -> None:
    guard = a_guard()
    guard.made.learn_send(BATCH_SEND, 1, {"batchId": RANDOM[0]})
    unread = guard.near(RANDOM[0], "null-byte", UUID(int=7))
    with pytest.raises(UnreadError):
        guard.check(request("POST", f"/campaigns/{OURS}/batch/{unread}/retry"), Context())
    guard.made.learn_page(RANDOM[0], (), _page(("message_0009", FOREIGN)))
    refused(guard, request("POST", f"/campaigns/{OURS}/batch/{unread}/retry"))
    strange = guard.near("batch_of_others", "null-byte", UUID(int=7))
    refused(guard, request("POST", f"/campaigns/{OURS}/batch/{strange}/retry"))
    assert guard.near("batch_0002;x", "null-byte", UUID(int=7)) is None, "no id with more than one reading"


def test_an_id_near_a_batch_s_own_that_turns_out_to_be_another_batch_is_barred() -> None:
    guard = _made(*RANDOM)
    near = guard.near(RANDOM[0], "longer", UUID(int=7))
    guard.made.learn_send(BATCH_SEND, 1, {"batchId": near})
    refused(guard, request("POST", f"/campaigns/{OURS}/batch/{near}/retry"))


def test_somebody_who_is_shown_for_an_id_near_a_batch_s_own_bars_that_batch() -> None:
    guard = _made(*RANDOM)
    paths = [f"/campaigns/{OURS}/batch/{guard.near(RANDOM[0], how, UUID(int=7))}/retry" for how in NEAR]
    shown = {"data": [{"id": "message_0009", "recipient": FOREIGN}]}
    guard.made.learn_shown(Named("batch_retry", OURS, batch=f"{RANDOM[0]}%"), shown)
    for path in (*paths, _retry_of(RANDOM[0])):
        refused(guard, request("POST", path))
    assert _charge(guard, _retry_of(RANDOM[1])) == 3
