"""A created message stands in the way, at each place of the batch; afterwards the batch is retried again."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Read, Retry, RowSpec, SingleRetry, Wait
from conformance.scenarios.scenario import Scenario, blocked, failing, quiet, rest, retried, sent, single

#: The largest batch takes a few times its size in messages: at most so large a part of limits.max_messages is its size.
PART = 8
#: Rows of the batch that is blocked again and again; its second row repeats the recipient of the first.
AGAIN = 4


def largest(config: Config) -> int:
    """Return how many rows the largest batch of a run has: ``limits.max_rows``, as far as ``limits.max_messages`` goes."""
    return max(1, min(config.limits.max_rows, max(AGAIN, config.limits.max_messages // PART)))


def _rows(size: int, config: Config) -> tuple[RowSpec, ...]:
    """Failing rows; those in the middle and in the first place are in other languages than ``_again`` blocks with, if there are."""
    languages = [offered.language for offered in config.template.languages]
    further = languages[1:] or languages
    rows = list(failing(size))
    for places, language in zip(((size // 2,), (0, 1)), further, strict=False):
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
    first, *further = dict.fromkeys((size - 1, 0, size // 2))
    steps += blocked("b", first, look=(listing,))
    for place in further[:-1]:
        steps += blocked("b", place, watched=False)
    for place in further[-1:]:
        # It blocks by itself, and then next to another one; the listings show both, and nothing is read before: created is short.
        alone = (SingleRetry(batch="b", row=place, by="place"), Retry(batch="b"))
        beside = (SingleRetry(batch="b", row=(place + 1) % size, by="place"), listing, Retry(batch="b"), listing)
        steps += [Burst(steps=(*alone, *beside)), retried("b")]
    # Listed once more in the end: what a refusal leaves to a queue, or a queue delivers again, shows late.
    late = (Wait(batch="b", until="last"), listing)
    return (*steps, Retry(batch="b"), listing, retried("b"), single("b", *others), *late)


def _again(config: Config) -> tuple[AnyStep, ...]:
    """Blocked, accepted, blocked again: so the batch is in ``messages_enqueued`` before each blocked retry.

    The first time, another batch is retried while the blocking message is created (BR-SEL-10). The second time what asks to force
    it comes behind the refusal (BR-SEC-05); the third message to block is in another language. What a single retry or a second
    one makes of a text shows here.
    """
    language = next((offered.language for offered in config.template.languages), None)
    rows = (
        RowSpec(text="markup"),
        RowSpec(same_as=0, text="blanks"),
        RowSpec(language=language, text="breaks"),
        *(RowSpec(text="quotes") for _ in range(AGAIN - 3)),
    )
    look = single("b", 0)
    # The other batch comes first: it has this one chance, and there are several to be blocked.
    beside = (SingleRetry(batch="b", row=0, by="place"), look, Retry(batch="other"), look)
    first = Burst(steps=(*beside, Retry(batch="b"), look, single("other", 0)))
    neighbour = (single("b", AGAIN - 1),)
    return (
        *(*sent("other", failing(1)), *sent("b", rows), *rest("b", AGAIN), quiet("other")),
        *(first, retried("b"), retried("other")),
        *(Retry(batch="b"), retried("b"), *blocked("b", 1, by="row", look=neighbour, twice=True, cause="query:force")),
        *(Retry(batch="b"), retried("b"), *blocked("b", 2, by="row", look=neighbour, twice=True), *rest("b", AGAIN)),
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
        *("BR-IDS-06", "BR-SGL-02", "BR-SEC-05"),
    ),
    needs=("failing",),
    build=_again,
)
