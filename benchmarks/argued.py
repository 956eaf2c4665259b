"""Pairs of faults of which a baseline of the first lets the second pass, and why a user would call them one defect.

Three kinds: the second is a part of the first, so that whatever it breaks was broken before, in the same place; the two differ in
how often or how fast only; or they differ inside the target, and every client sees the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product


@dataclass(frozen=True, kw_only=True)
class Argued:
    """Pairs that share fingerprints for one reason: each of ``first`` with each of ``second``; without these, all of ``first``."""

    why: str
    first: tuple[str, ...]
    second: tuple[str, ...] = ()

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs, in the order in which they are let pass."""
        return product(self.first, self.second) if self.second else permutations(self.first, 2)


_BOTH_ACT = ("both-retries-act-25-ms", "both-retries-act-5-ms", "both-retries-act-1-ms")
_SOME_DO_NOT_BLOCK = (
    *("only-the-first-blocks", "only-the-first-ten-block", "second-rows-do-not-block", "the-last-does-not-block"),
    "two-do-not-block",
)
_ONE_BESIDE = ("single-beside-batch-25-ms", "single-beside-batch-5-ms", "worker-acts-blindly")

ARGUED: tuple[Argued, ...] = (
    # -- the second is a part of the first
    Argued(
        why="of the messages that do not block, these are some",
        first=("created-does-not-block",),
        second=(
            *("one-worker-of-four-does-not-block", "only-the-first-blocks", "only-the-first-ten-block"),
            *("second-rows-do-not-block", "the-last-does-not-block", "two-do-not-block", "force-passes-the-created"),
            *("exhausted-do-not-block", "only-english-blocks"),
        ),
    ),
    Argued(
        why="whatever stands behind the first message does not block",
        first=("only-the-first-blocks", "second-rows-do-not-block"),
        second=(
            *("only-the-first-ten-block", "second-rows-do-not-block", "only-the-first-blocks"),
            *("the-last-does-not-block", "two-do-not-block"),
        ),
    ),
    Argued(
        why="where nothing behind the first message blocks, a forced retry next to one is carried out as well",
        first=("only-the-first-blocks", "second-rows-do-not-block", "one-worker-of-four-does-not-block"),
        second=("force-passes-the-created",),
    ),
    Argued(
        why="the last message of the largest batch is the only one behind the tenth that is tried",
        first=("only-the-first-ten-block", "the-last-does-not-block"),
    ),
    Argued(
        why="of the blocked retries that leave the status alone, these are some",
        first=("blocked-keeps-status",),
        second=(
            *("a-second-block-sets-the-status-back", "sets-the-status-in-the-first-round-only"),
            *("status-by-the-first-ten", "status-goes-to-the-newest-batch", "one-shard-keeps-the-status"),
        ),
    ),
    Argued(
        why="a second block comes in a later round, or in a batch that is not the newest, or on that shard",
        first=(
            "sets-the-status-in-the-first-round-only",
            "status-goes-to-the-newest-batch",
            "one-shard-keeps-the-status",
        ),
        second=("a-second-block-sets-the-status-back",),
    ),
    Argued(
        why="the message past the tenth blocks a batch that is not the newest",
        first=("status-goes-to-the-newest-batch",),
        second=("status-by-the-first-ten",),
    ),
    Argued(
        why="the largest batch is blocked by its last message first, and of those that are blocked it is surely not the newest",
        first=("status-by-the-first-ten",),
        second=("status-goes-to-the-newest-batch",),
    ),
    Argued(
        why="which batches are on the shard is drawn with their ids: it shows in any of these situations",
        first=(
            *("a-second-block-sets-the-status-back", "sets-the-status-in-the-first-round-only"),
            "status-goes-to-the-newest-batch",
        ),
        second=("one-shard-keeps-the-status",),
    ),
    Argued(
        why="every quiet batch is refused, whatever was retried before or is retried elsewhere, and however long ago it was sent",
        first=("never-retryable",),
        second=(
            *("one-by-itself-closes-its-batch", "one-batch-at-a-time", "refuses-what-came-too-early"),
            *("expires-after-five-seconds", "locks-what-came-too-early"),
        ),
    ),
    Argued(
        why="an id that is cut to its column's length is cut before a NUL behind it, too",
        first=("cuts-ids-to-their-column",),
        second=("ids-end-at-nul",),
    ),
    Argued(
        why="every batch that is five seconds old is refused, whatever was retried before or is retried elsewhere",
        first=("expires-after-five-seconds",),
        second=("one-retry-at-a-time", "refuses-what-came-too-early", "locks-what-came-too-early"),
    ),
    Argued(
        why="a batch that was retried while it was processed is the only one five seconds old when it is first to be retried",
        first=("refuses-what-came-too-early", "locks-what-came-too-early"),
        second=("expires-after-five-seconds",),
    ),
    Argued(
        why="a batch that is retried too early is refused for a while, or for good",
        first=("refuses-what-came-too-early", "locks-what-came-too-early"),
    ),
    Argued(
        why="other batches are being retried in every situation, so that it refuses in each",
        first=("one-batch-at-a-time",),
        second=(
            *("never-retryable", "one-by-itself-closes-its-batch", "refuses-what-came-too-early"),
            *("expires-after-five-seconds", "locks-what-came-too-early"),
        ),
    ),
    Argued(
        why="a message that was sent singly is one of the messages elsewhere",
        first=("created-elsewhere-blocks",),
        second=("created-singles-block",),
    ),
    Argued(
        why="the loser of a race is blocked by the winner's created message",
        first=("breaks-when-blocked",),
        second=("breaks-for-the-loser",),
    ),
    Argued(
        why="of the blocked retries that break, some are blocked by two messages",
        first=("breaks-when-blocked",),
        second=("breaks-when-two-are-created",),
    ),
    Argued(
        why="what a retry has delivered is delivered",
        first=("accepts-the-delivered", "failures-elsewhere-admit"),
        second=("accepts-what-a-retry-delivered",),
    ),
    Argued(
        why="a blocked retry gives a failed message an attempt: at once, or when a queue comes to it",
        first=("blocked-repeats-the-last-round", "blocked-restarts-the-blocking", "redelivers-jobs"),
        second=("blocked-is-carried-out-later",),
    ),
    Argued(
        why="retries of one message that meet all act, two single ones as one beside a batch's",
        first=("single-beside-batch-25-ms", "single-beside-batch-5-ms", "single-retries-the-created"),
        second=("singles-at-once",),
    ),
    Argued(
        why="the texts that are folded, or the languages that are lost, are among those of the first",
        first=("folds-blanks", "folds-widths", "falls-back-to-english"),
        second=("breaks-to-blanks", "trims-blanks", "decomposes", "plain-blanks", "tamil-comes-back-in-english"),
    ),
    Argued(
        why="the delivered messages that are retried are among those of the first",
        first=("retries-the-delivered", "force-resends-the-delivered", "single-retries-the-delivered"),
        second=(
            *("retries-the-delivered-after-a-single", "status-in-the-query-selects", "selects-by-the-number"),
            *("single-retries-what-a-retry-delivered", "keeps-what-a-single-delivered", "remembers-the-failure"),
        ),
    ),
    Argued(
        why="of the messages that a retry delivered and the next one picks up, some share their number with a failed one",
        first=("remembers-the-failure", "keeps-what-a-single-delivered"),
        second=("selects-by-the-number",),
    ),
    Argued(
        why="of the accepted retries that attempt nothing, some had a rival",
        first=("attempts-nothing",),
        second=("loser-rolls-back", "loser-takes-the-first-off"),
    ),
    Argued(
        why="a delivered message that is begun anew is delivered at another time",
        first=("resets-the-delivered-in-place",),
        second=("stamps-deliveries-anew",),
    ),
    Argued(
        why="rows to one number with one text are rows to one number",
        first=("one-row-of-a-number-is-retried",),
        second=("retries-equal-rows-once",),
    ),
    Argued(
        why="without a limit, no retry counts against it",
        first=("no-limit",),
        second=(
            *("exhausted-come-along", "single-retries-are-free", "limit-ends-with-a-block"),
            "accepts-the-exhausted-next-to-a-delivered",
        ),
    ),
    Argued(
        why="of the exhausted messages that come along with others, some are of a batch in messages_enqueuing_failed",
        first=("exhausted-come-along", "redelivers-jobs"),
        second=("limit-ends-with-a-block",),
    ),
    Argued(
        why="messages that change move past the pages, of a walk backward as well",
        first=("ordered-by-change",),
        second=("no-page-before",),
    ),
    Argued(
        why="the messages with two attempts are among those of the first",
        first=("two-attempts-at-once", "redelivers-jobs", "single-gives-two-attempts"),
        second=(
            *("chunks-overlap", "redelivers-jobs", "redelivers-one-job-in-twenty"),
            *("two-attempts-after-a-batch-retry", "two-attempts-at-once", "loser-acts-all-the-same"),
        ),
    ),
    Argued(
        why="the loser of a race is one of the blocked retries, or of those that give two attempts",
        first=("two-attempts-at-once", "blocked-repeats-the-last-round", "blocked-restarts-the-blocking"),
        second=("loser-acts-all-the-same", "refused-single-is-carried-out"),
    ),
    Argued(
        why="a retry and a single retry that meet are two retries that meet",
        first=(*_BOTH_ACT, "single-retries-the-created"),
        second=_ONE_BESIDE,
    ),
    Argued(
        why="the rows to the number are rows of the batch, and the first of them comes along",
        first=("single-retries-its-batch", "single-retries-the-first"),
        second=("single-retries-the-number",),
    ),
    Argued(
        why="an attempt by itself comes next to any call, and a refused one that is carried out next to a block",
        first=("retries-by-itself", "retries-other-batches", "refuses-every-other-and-carries-it-out"),
        second=("blocked-retries-the-rest",),
    ),
    Argued(
        why="a message that was sent singly is one of those that are retried with no retry of their own",
        first=("retries-by-itself", "retries-other-batches"),
        second=("takes-singles-along",),
    ),
    Argued(
        why="while the new attempt is in progress, its message shows the old one's failure",
        first=("status-of-an-old-attempt",),
        second=("failure-until-the-end",),
    ),
    # -- they differ in how often, or how fast
    Argued(
        why="which request the worker gets is drawn, so that it shows in any of these situations, now and then",
        first=("exhausted-do-not-block", "only-english-blocks", "one-worker-of-four-does-not-block"),
        second=("one-worker-of-four-does-not-block", "only-english-blocks"),
    ),
    Argued(
        why="which request the worker gets is drawn, so that it shows in any of these situations, now and then",
        first=("one-worker-of-four-does-not-block",),
        second=_SOME_DO_NOT_BLOCK,
    ),
    Argued(
        why="the worker that does not look for created may get any of these retries",
        first=_SOME_DO_NOT_BLOCK,
        second=("one-worker-of-four-does-not-block",),
    ),
    Argued(
        why="which job is delivered twice is drawn, so that it shows in any of these situations, now and then",
        first=("redelivers-one-job-in-twenty",),
        second=("chunks-overlap", "two-attempts-after-a-batch-retry", "limit-ends-with-a-block"),
    ),
    Argued(
        why="which job is delivered twice is drawn: it may be that of a race",
        first=(
            *("blocked-repeats-the-last-round", "blocked-restarts-the-blocking", "loser-acts-all-the-same"),
            "refused-single-is-carried-out",
        ),
        second=("redelivers-one-job-in-twenty",),
    ),
    Argued(why="one defect, in windows of different length", first=_BOTH_ACT),
    Argued(why="one defect, in windows of different length", first=_ONE_BESIDE),
    Argued(
        why="one defect, in windows of different length",
        first=("later-retry-overwrites-25-ms", "later-retry-overwrites-5-ms", "later-retry-overwrites-1-ms"),
    ),
    Argued(why="one defect, in pools of different size", first=("pool-of-five", "pool-of-twenty")),
    Argued(why="one defect, now and then", first=("answers200", "one-worker-of-four-answers200")),
    Argued(why="one defect, now and then", first=("breaks-and-carries-out", "breaks-and-carries-out-now-and-then")),
    Argued(why="one defect, now and then", first=("only-the-first-failed", "one-worker-of-four-retries-one")),
    Argued(why="one defect, now and then", first=("retried-get-stuck", "queue-loses-every-third")),
    # -- every client sees the same
    Argued(
        why="all that can be seen of a batch that its vendor holds in processing is the 201",
        first=("accepts-while-processing", "accepts-once-all-have-ended", "carries-out-while-processing"),
    ),
    Argued(
        why="the retry of a delivered batch is accepted; that another batch has failed messages is so in every run",
        first=("accepts-the-delivered", "failures-elsewhere-admit"),
    ),
    Argued(
        why="the last round of a blocked batch is the attempt that blocks",
        first=("blocked-repeats-the-last-round", "blocked-restarts-the-blocking"),
    ),
    Argued(
        why="other batches are retried all the time, so that an attempt by itself comes next to a retry of others",
        first=("retries-by-itself", "retries-other-batches"),
    ),
    Argued(why="the key of another campaign is good", first=("foreign-key", "caches-keys-without-their-campaign")),
    Argued(
        why="one request names POST in its header and its query", first=("override-makes-a-post", "query-makes-a-post")
    ),
    Argued(
        why="a retry to a recovering number is accepted, and ends in the old failure",
        first=("dropped-as-duplicates", "only-the-second-is-sent", "retries-only-pretend"),
    ),
    Argued(
        why="what a retry delivered is taken for failed by a later one",
        first=("remembers-the-failure", "keeps-what-a-single-delivered"),
    ),
    Argued(
        why="messages are exhausted by single retries wherever a batch mixes them with others",
        first=("exhausted-come-along", "single-retries-are-free"),
    ),
    Argued(
        why="each message that is retried past the limit was retried singly before",
        first=("single-retries-are-free",),
        second=("no-limit", "limit-ends-with-a-block"),
    ),
    Argued(why="the retried messages stand in a batch of another id", first=("new-batch", "renames-the-batch")),
    Argued(
        why="what stands behind the one percent sign of the texts is taken for a code",
        first=("decodes-percent-signs", "formats-texts"),
    ),
    Argued(
        why="the message in another language that blocks is the exhausted one",
        first=("exhausted-do-not-block", "only-english-blocks"),
    ),
    Argued(
        why="races are run on batches in which one message failed: the first is all of them",
        first=("loser-rolls-back", "loser-takes-the-first-off"),
    ),
)


def why(first: str, second: str) -> str:
    """Return the reason for which a baseline of the first may let the second pass; empty if there is none."""
    return next((one.why for one in ARGUED if (first, second) in one.pairs()), "")
