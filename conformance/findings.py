"""What judges say: findings, exercises, doubts and observations. Plain data, no judgement here."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import msgspec


class Assumption(msgspec.Struct, frozen=True, order=True):
    """An axiom (docs/design.md), for the source that a proof trusts to keep it.

    ``source`` is a message id for A1, A2a and A2b, a field of one operation for A4, an operation for A5 and A7, a batchId for A6
    and A8; empty for the whole run.
    """

    axiom: str
    source: str = ""


#: With which the kind of every finding of the ledger begins (contract, section 4).
SURPLUS = "attempt that no retry explains"


class Margin(msgspec.Struct, frozen=True, order=True):
    """How far the reads of one view may lag before a proof falls: ``seconds``, and the reading ``n`` that it hangs on."""

    seconds: float
    view: str
    n: int


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A violation, provable from the history (docs/design.md)."""

    #: Requirement ids of which at least one is violated; nearly always one.
    any_of: tuple[str, ...]
    #: One sentence in the present tense that names the actor: "the target answers 201 although …".
    summary: str
    #: Seen when, therefore in what state, therefore what had to come, and what came; a line each.
    argument: tuple[str, ...]
    #: Every outcome that would have passed.
    expected: tuple[str, ...]
    observed: str
    #: Numbers of the exchanges that prove it.
    evidence: tuple[int, ...]
    #: Axioms (A1 … A10) without which the argument falls.
    axioms: tuple[str, ...] = ()
    #: The same axioms, each with the source that it is assumed of.
    assumptions: tuple[Assumption, ...] = ()
    #: Under what bound it holds, such as "holds if reads lag less than 0.42 s"; empty if it needs none.
    slack: str = ""
    #: "would be legal if …"
    counterfactual: str = ""
    scenario: str = ""
    #: What stays the same when the same defect is met in another run: no ids, times or numbers of exchanges.
    subject: str = ""

    @property
    def kind(self) -> str:
        """What is wrong, in words that are stable across runs, whichever requirements it is laid to."""
        return self.subject or self.summary

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits, stable across runs, for baselines.

        Of the first requirement only: what else it may be laid to depends on what the run had beside it. To whom a surplus attempt
        is laid first does so too: its kind alone tells it.
        """
        text = self.kind if self.kind.startswith(SURPLUS) else f"{self.any_of[0]}\n{self.kind}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Exercise(msgspec.Struct, frozen=True, kw_only=True):
    """The history holds what the contract's last column asks for, or one case of it, and nothing was wrong there."""

    requirement: str
    evidence: tuple[int, ...]
    #: Which of the cases that the catalogue lists for the requirement ("first", "last", …); "" where it lists none.
    facet: str = ""
    #: The axioms that it rests on, each with the source that it is assumed of.
    assumptions: tuple[Assumption, ...] = ()


class DoubtReason(StrEnum):
    """Why something that was tried proves neither a violation nor a pass.

    The value is the code that reports show. ``bars_pass``: the doubt stands against a pass even where the requirement was
    exercised, since what was seen may be the violation itself. ``settled_by``: what would settle it, cheapest first.
    """

    bars_pass: bool
    settled_by: tuple[str, ...]

    def __new__(cls, code: str, bars_pass: bool = False, settled_by: tuple[str, ...] = ()) -> DoubtReason:
        """A reason with its facts."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.bars_pass = bars_pass
        member.settled_by = settled_by
        return member

    SUITE_ERROR = ("suite-error", True, ("report it to the authors of this suite, with the history",))
    AXIOM_BROKEN = ("axiom-broken", True, ("a run in which the target keeps to the axioms (docs/design.md)",))
    DATA_LOST = ("data-lost", True, ("a target that keeps its data for the whole run",))
    STUCK_ONCE = ("stuck-once", True, ("the same in another batch", "a longer timing.settle_timeout"))
    LEFT_IN_PROGRESS = ("left-underway", True, ("a longer timing.settle_timeout",))
    LEFT_UNRETRYABLE = ("left-unretryable", True, ("a longer timing.settle_timeout",))
    #: One view only was read, so that it may be the view that is wrong (ruling 29).
    ONE_VIEW = ("one-view-only", True, ("reads of the same messages in another view",))
    #: Data that does not change was seen to change, and nothing proves what changed it.
    DATA_CHANGED = ("data-changed", True, ("reads of every message right before and right after the retry",))
    #: Rows of the run stand a second time in another batch, and nothing proves that a retry made them.
    COPIES = ("copies-of-rows", True, ("the campaign's whole listing right before and right after the retry",))
    #: A view showed less than another had shown, and was not read again.
    VIEW_LAG = ("view-may-lag", True, ("reads of every view until they agree or the settling time has passed",))
    LANGUAGES = ("one-language-only", True, ("rows in every configured language that are retried",))
    STATUS_LAG = ("status-may-lag", True, ("two reads of the blocking message at least 1 s apart after the refusal",))
    ATTEMPTED_NOTHING = (
        "attempted-nothing",
        True,
        ("a read of one message, with its batches, after the settling time",),
    )
    LEFT_OUT = ("left-out", True, ("a read of one message, with its batches, after the settling time",))
    #: An attempt beyond those of accepted retries, whoever gave it: what BR-SEL-07 forbids, laid to other requirements.
    UNEXPLAINED_ATTEMPT = ("unexplained-attempt", True, ("a run in which no message gains such an attempt",))
    #: An attempt that had ended is in progress again in its place, where a retry had to add one.
    BEGUN_ANEW = ("attempt-begun-anew", True, ("answers that list every attempt, each with its own id and createdAt",))
    #: A message is shown in a status that none of its listed attempts has.
    NO_SUCH_ATTEMPT = ("status-of-no-attempt", True, ("reads of the same view right before and right after the retry",))
    #: Three 5xx in a row to the valid retries of a batch, in a situation that changed meanwhile.
    BROKEN_IN_A_ROW = ("broken-in-a-row", True, ("a run in which the messages stay created for longer",))
    NOT_REPEATED = ("not-repeated", False, ("a run in which it is sent again",))
    STATUS_NOT_VISIBLE = (
        "status-not-visible",
        False,
        ("reads of the batch's messages that show batches[].status (ruling 12)",),
    )
    STATUS_BEFORE_UNKNOWN = (
        "status-before-unknown",
        False,
        ("single reads of the blocking message right before and right after the retry",),
    )
    ANSWER_LOST = ("answer-lost", False, ("a target and a network that answer",))
    THROTTLED = ("dropped", False, ("a lower limits.calls_per_second",))
    GATEWAY = ("gateway-answer", False, ("a way to the target without a gateway that answers in its place",))
    CREDENTIAL = ("credential-refused", False, ("a key that stays valid during the run",))
    NOT_QUIESCENT = ("not-quiescent", False, ("reads of every message right before the retry",))
    NOT_READ_BEFORE = ("not-read-before", False, ("reads of every message right before the retry",))
    NOT_READ_BACK = ("not-read-back", False, ("reads of every message after the retry, until it has settled",))
    MESSAGES_NOT_LISTED = ("messages-not-listed", False, ("a listing that shows every row of the batch",))
    NOT_SETTLED = ("not-settled", False, ("reads until every effect is visible",))
    PARTIAL_ENQUEUE = ("partial-enqueue", False, ("another accepted retry, in which enqueuing does not fail",))
    CHAIN_NOT_CLOSED = (
        "chain-not-closed",
        False,
        ("a run in which the batch is quiescent before the probes, and its valid retry afterwards is answered 201",),
    )
    ATTEMPTS_NOT_VISIBLE = ("attempts-not-visible", False, ("answers that show a message's attempts",))
    PAGE_SIZE_IGNORED = ("page-size-ignored", False, ("a listing that keeps to limit",))
    PAGES_NOT_LINKED = ("pages-not-linked", False, ("pageData with hasNextPage",))
    OTHER_CAMPAIGN = ("other-campaign-unproved", False, ("target.other.campaign_id and its own key",))
    RACES = ("too-few-races", False, ("more races: --depth deep", "a target and a network that answer steadily"))
    RACED_ONCE = ("raced-once", True, ("more races: --depth deep",))
    OTHER_REASON = ("another-reason", False, ("a run in which nothing else explains the refusal",))
    UNREAD_BODY = ("unread-body", False, ("a target that answers in an encoding that was asked for",))


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """Something was tried, and proves neither a violation nor a pass."""

    requirement: str
    reason: DoubtReason
    text: str
    #: What would settle it, cheapest first; the reason's own list where this is empty.
    more_needs: tuple[str, ...] = ()
    evidence: tuple[int, ...] = ()

    @property
    def code(self) -> str:
        """The reason's code, as reports show it."""
        return str(self.reason.value)

    @property
    def needs(self) -> tuple[str, ...]:
        """What would settle it, cheapest first."""
        return self.more_needs or self.reason.settled_by


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Which of several legal readings the target follows (the rule of rulings)."""

    key: str
    value: Any
    evidence: tuple[int, ...] = ()


Opinion = Finding | Exercise | Doubt | Observation
