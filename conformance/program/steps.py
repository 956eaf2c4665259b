"""The language of programs: plain data that says what is done, and decides nothing.

A program is a list of steps over batches that it names itself (``b1``) and rows by position, never over
ids that a target made up: so it can be saved, drawn, shrunk, replayed and told as a story.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from conformance.history.records import Auth, Role

PROGRAM_VERSION = 1

View = Literal["listing", "backward", "campaign", "parted", "message"]

#: What a ``wait`` waits for. ``listed``: the batch listing shows every row. ``terminal``: every message is.
#: ``quiet``: design.md section 2, as far as the interpreter can see. ``taken``: every failed message of the last
#: accepted retry shows its new attempt. ``retried``: the same or, where that does not come, ``settle_timeout`` since the
#: retry has passed; and the batch is quiet. After a retry whose outcome is unknown, settle_timeout has passed in any case.
#: ``moved``: no message is ``created`` any more. ``handed``: every message is terminal, or ``sent_to_telco``. ``left``: the
#: message of ``row`` is not ``created`` any more. ``ended``: every message is terminal, but those to ``pending`` numbers,
#: which have left ``created``. ``agreed``: batch listing, campaign listing and single reads show every message terminal, in
#: the same status, with the same number of attempts.
#: ``others``: every program that does not itself wait for the others has ended. ``stuck``: those that wait for ``others`` too;
#: and where no wait of the run was in vain, this program ends there. ``last``: every other program has ended.
Condition = Literal[
    "listed",
    "terminal",
    "quiet",
    "taken",
    "retried",
    "moved",
    "handed",
    "left",
    "ended",
    "agreed",
    "others",
    "stuck",
    "last",
]
#: Conditions that are about no batch, in the order in which those that wait for them go on.
OF_NO_BATCH: tuple[Condition, ...] = ("others", "stuck", "last")

#: What a row says in its first value: ``plain`` is the configured value; the others add something that a system on the
#: way may change. ``composed`` and ``decomposed`` are the same letter in Unicode's two normal forms.
Text = Literal[
    "plain",
    "markup",
    "quotes",
    "blanks",
    "breaks",
    "chinese",
    "tamil",
    "composed",
    "decomposed",
    "emoji",
    "zeros",
    "date",
    "number",
    "long",
]


class Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True, omit_defaults=True):
    """Base of all steps; ``do`` tells them apart."""


class RowSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A row to send: what becomes of it, and what it says."""

    role: Role = "failing"
    text: Text = "plain"
    #: None is the template's first language.
    language: str | None = None
    #: Position of an earlier row of the same send, modulo how many there are, whose recipient this row repeats; None, or
    #: no earlier row, lets the interpreter choose.
    same_as: int | None = None
    #: It repeats all of that row: the language, the text, and the mark that tells other rows apart.
    copy: bool = False


class Send(Step, frozen=True, kw_only=True, tag="send"):
    """Batch Send of these rows; the batch is known as ``batch`` from here on."""

    batch: str
    rows: tuple[RowSpec, ...]


class Read(Step, frozen=True, kw_only=True, tag="read"):
    """Read a batch: its listing (all pages, forward or backward), the campaign's messages, or the messages one by one.

    ``parted`` is the campaign's listing whole, and then two pages of it, of which the first ends between two messages of the batch.
    ``limit`` is the page size in messages; ``rows`` (message view only) the positions to read, none means all.
    """

    batch: str
    view: View = "listing"
    limit: int = 1000
    rows: tuple[int, ...] = ()
    by: Literal["row", "place"] = "row"
    #: Of a listing only: with whose key.
    auth: Literal["valid", "second"] = "valid"


class Wait(Step, frozen=True, kw_only=True, tag="wait"):
    """Read until the condition holds, at most ``timing.settle_timeout`` seconds (or ``seconds``, if given).

    ``row`` and ``by`` name the message of ``left``, as in a single retry.
    """

    batch: str
    until: Condition
    row: int = 0
    by: Literal["row", "place"] = "row"
    seconds: float | None = None
    #: Whether the program ends, unmet, if the condition does not come to hold.
    essential: bool = True


class Retry(Step, frozen=True, kw_only=True, tag="retry"):
    """Batch Send - Retry. With a ``cause`` it is a probe: see ``program/probes.py`` for the causes there are.

    A valid retry that is answered 5xx, or perhaps by something in front of the target (ruling 22), is sent again, three times in
    all with a read between (BR-ERR-08); so is a probe that met a 429 or whose answer was lost, and one of a
    key that met a page in place of its 401. With the second key it is sent once.
    """

    batch: str
    auth: Auth = "valid"
    cause: str | None = None


class SingleRetry(Step, frozen=True, kw_only=True, tag="single_retry"):
    """Single Send - Retry of one message: of the row that was sent, or by place in the last listing (-1: the last).

    With a ``cause`` it is a probe, as for a batch retry.
    """

    batch: str
    row: int = 0
    by: Literal["row", "place"] = "row"
    cause: str | None = None


class SingleSend(Step, frozen=True, kw_only=True, tag="single_send"):
    """Single Send of one row, known as a batch of its own name that has no batchId: it is read and retried singly."""

    batch: str
    row: RowSpec = RowSpec()


class Burst(Step, frozen=True, kw_only=True, tag="burst"):
    """These steps back to back: the rate is reserved for all of them first, and no other program runs between them."""

    steps: tuple[Send | SingleSend | Read | Retry | SingleRetry, ...]


class Together(Step, frozen=True, kw_only=True, tag="together"):
    """These at once, as nearly as can be: a race. One request each: a read is of one page, or of one message a row."""

    steps: tuple[Retry | SingleRetry | Read, ...]


class State(Step, frozen=True, kw_only=True, tag="state"):
    """Ask the vendor for a provider state (docs/provider-states.md); the batch that it makes is known as ``batch``.

    ``teardown`` lets the state of that batch go again.
    """

    name: str
    batch: str
    params: dict[str, str] = {}
    action: Literal["setup", "teardown"] = "setup"


AnyStep = Send | Read | Wait | Retry | SingleRetry | SingleSend | Burst | Together | State


class Program(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scenario does, what a machine drew, or what ``--replay`` repeats."""

    name: str
    steps: tuple[AnyStep, ...]
    version: int = PROGRAM_VERSION
