"""Probes of retries at once."""

from __future__ import annotations

from tests.desk import FAILING, RECOVERS, Desk
from tests.probes.common import Probe, code_of


def race(desk: Desk) -> list[str]:
    """Two retries of a batch at once."""
    batch = desk.failed([FAILING])
    answers = [desk.ask("POST", f"batch/{batch}/retry") for _ in range(2)]
    return sorted(code_of(desk.finish(answer)) for answer in answers)


def race_with_single(batch_first: bool) -> Probe:
    """A retry of a batch of one and of its message at once: the codes, batch first, and the attempts."""

    def probe(desk: Desk) -> tuple[str, str, list[int]]:
        batch = desk.failed([FAILING])
        one = desk.ids(batch)[0]
        paths = [f"batch/{batch}/retry", f"messages/{one}/retry"]
        answers = {path: desk.ask("POST", path) for path in (paths if batch_first else paths[::-1])}
        # The longer they take, the later they act.
        for path in sorted(paths, key=lambda path: getattr(answers[path], "seconds", 0.0)):
            answers[path] = desk.finish(answers[path])
        return code_of(answers[paths[0]]), code_of(answers[paths[1]]), desk.attempts(batch)

    return probe


def race_of_singles(desk: Desk) -> tuple[list[str], list[int]]:
    """Two single retries of a message at once: the codes, and the attempts."""
    batch = desk.failed([FAILING])
    one = desk.ids(batch)[0]
    answers = [desk.ask("POST", f"messages/{one}/retry") for _ in range(2)]
    return sorted(code_of(desk.finish(answer)) for answer in answers), desk.attempts(batch)


def batch_and_single(desk: Desk) -> tuple[int, int]:
    """A retry of a batch, and of its message just after: the latter's status, most attempts in progress at once."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    one = desk.target.service.world.batches[batch].messages[0]
    status = desk.retry_one(one.id).status
    most = 0
    for _ in range(20):
        desk.wait(0.1)
        shown = desk.listing(batch)[0]["messageAttempts"]
        most = max(most, sum(a["status"] not in ("success", "failure") for a in shown))
    return status, most


def race_of_two(desk: Desk) -> list[int]:
    """Two retries of a batch of two at once: the attempts."""
    batch = desk.failed([FAILING, FAILING])
    for answer in [desk.ask("POST", f"batch/{batch}/retry") for _ in range(2)]:
        desk.finish(answer)
    return desk.attempts(batch)


def race_of_recovering(desk: Desk) -> tuple[str, int]:
    """Two retries at once of a message that its first retry delivers: how it ends, and how many attempts it has."""
    batch = desk.failed([RECOVERS])
    for answer in [desk.ask("POST", f"batch/{batch}/retry") for _ in range(2)]:
        desk.finish(answer)
    desk.wait(1.1)
    return str(desk.listing(batch)[0]["latestStatus"]), desk.attempts(batch)[0]


def many_at_once(count: int) -> Probe:
    """So many retries of different batches at once: how many were answered 201, and how many messages retried."""

    def probe(desk: Desk) -> tuple[int, int]:
        batches = [desk.failed([FAILING]) for _ in range(count)]
        answers = [desk.ask("POST", f"batch/{batch}/retry") for batch in batches]
        statuses = [desk.finish(answer).status for answer in answers]
        return statuses.count(201), sum(desk.attempts(batch) == [2] for batch in batches)

    return probe
