"""A created message stands in the way, at each place of the batch; afterwards the batch is retried again."""

from __future__ import annotations

from conformance.config import Config
from conformance.history.records import Role
from conformance.program.steps import AnyStep, Burst, Read, Retry, RowSpec, Send, SingleRetry, Wait
from conformance.scenarios.scenario import Scenario, blocked, failing, quiet, rest, retried, sent, single

#: The largest batch takes a few times its size in messages: at most so large a part of limits.max_messages is its size.
PART = 8
#: Rows of the batch that is blocked again and again; each second row repeats the recipient of the one before.
AGAIN = 4


def largest(config: Config) -> int:
    """Return how many rows the largest batch of a run has: ``limits.max_rows``, as far as ``limits.max_messages`` goes."""
    return max(1, min(config.limits.max_rows, max(AGAIN, config.limits.max_messages // PART)))


def _middle(size: int) -> int:
    """A place near the middle that is before it, as the next one is: of twenty rows, both are among the first ten."""
    return max(size // 2 - 2, min(1, size - 1))


def _rows(size: int, config: Config) -> tuple[RowSpec, ...]:
    """Failing rows; those in the middle and in the first place are in other languages than ``_again`` blocks with, if there are."""
    languages = [offered.language for offered in config.template.languages]
    further = languages[1:] or languages
    rows = list(failing(size))
    for places, language in zip(((_middle(size),), (0, 1)), further, strict=False):
        # Two at the beginning: the first message is not the only one of its language.
        for place in places[:size]:
            rows[place] = RowSpec(language=language)
    return tuple(rows)


def _largest(config: Config) -> tuple[AnyStep, ...]:
    size = largest(config)
    others = tuple(dict.fromkeys(place % size for place in (1, -2)))
    listing = Read(batch="b")
    steps: list[AnyStep] = [*sent("b", _rows(size, config)), single("b", *others)]
    # The last one first: only the first refusal changes the batch's status (BR-BLK-02).
    first, *further = dict.fromkeys((size - 1, 0, _middle(size)))
    steps += blocked("b", first, look=(listing,))
    for place in further[:-1]:
        steps += blocked("b", place, watched=False)
    for place in further[-1:]:
        # Next to another one. The listings show both, and nothing is read before: created is short.
        both = (SingleRetry(batch="b", row=beside, by="place") for beside in (place, (place + 1) % size))
        steps += [Burst(steps=(*both, listing, Retry(batch="b"), listing)), retried("b")]
    # Listed once more in the end: what a refusal leaves to a queue, or a queue delivers again, shows late.
    late = (Wait(batch="b", until="last"), listing)
    return (*steps, Retry(batch="b"), listing, retried("b"), single("b", *others), *late)


def _again(config: Config) -> tuple[AnyStep, ...]:
    """Blocked, accepted, blocked again: so the batch is in ``messages_enqueued`` before each blocked retry.

    The first time, another batch is retried while the blocking message is created (BR-SEL-10). The second time the second message
    of a recipient blocks, and what asks to force it comes behind the refusal (BR-SEC-05); the third message to block is in another
    language. What a single retry or a second one makes of a text shows here. Where numbers recover, the first message is delivered
    when its batch is retried, and the second one, to the same number, is not.
    """
    language = next((offered.language for offered in config.template.languages), None)
    role: Role = "recovering" if config.recipients.recovering else "failing"
    rows = (
        RowSpec(role=role, text="markup"),
        RowSpec(role=role, same_as=0, text="blanks"),
        RowSpec(language=language, text="breaks"),
        RowSpec(same_as=2, text="quotes"),
    )
    look = single("b", 0)
    # The other batch comes first: it has this one chance, and there are several to be blocked.
    beside = (SingleRetry(batch="b", row=0, by="place"), look, Retry(batch="other"), look)
    first = Burst(steps=(*beside, Retry(batch="b"), look, single("other", 0)))
    second = blocked("b", 3, by="row", look=(single("b", 2),), twice=True, cause="query:force")
    third = blocked("b", 2, by="row", look=(single("b", 3),), twice=True)
    return (
        *(Send(batch="other", rows=failing(1)), *sent("b", rows), *rest("b", AGAIN), quiet("other")),
        *(first, retried("b"), retried("other")),
        *(Retry(batch="b"), retried("b"), *second, Retry(batch="b"), retried("b"), *third, *rest("b", AGAIN)),
    )


BLOCKED = Scenario(
    name="blocked",
    title="The largest batch is retried next to a created message at its last, first and middle place, and next to two.",
    requirements=(
        *("BR-BLK-01", "BR-BLK-02", "BR-BLK-03", "BR-ACC-03", "BR-ACC-05", "BR-SEL-01", "BR-ERR-02", "BR-ERR-03"),
        *("BR-ERR-08", "BR-ERR-09", "BR-IDS-01", "BR-IDS-03", "BR-SEL-05", "BR-SCH-01", "BR-SCH-02", "BR-SGL-02"),
    ),
    needs=("failing",),
    build=_largest,
)
BLOCKED_AGAIN = Scenario(
    name="blocked-again",
    title="A batch is blocked, retried, blocked again by the second message of a recipient, retried, and blocked again.",
    requirements=(
        *("BR-BLK-01", "BR-BLK-02", "BR-BLK-03", "BR-ACC-03", "BR-SEL-07", "BR-SEL-10", "BR-ERR-02", "BR-IDS-03"),
        *("BR-IDS-06", "BR-SGL-02", "BR-SEC-05", "BR-SEL-02"),
    ),
    needs=("failing",),
    build=_again,
)
