"""What a program knows of its batches: by its own names and positions, never in its text."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.config import Config
from conformance.program.steps import RowSpec, Text
from conformance.transport.request import OutRow

TERMINAL = ("success", "failure")
RETRYABLE = ("messages_enqueued", "messages_enqueuing_failed")
#: Attempts after which a message may be exhausted: the first and two retries (ruling 3).
MAY_BE_LAST = 2

_NONCE = re.compile(r"\[n:([0-9a-f]{8})\]")
#: What each kind of text adds to the configured value; ``_BARE`` stands alone where a template has several parameters.
_TEXTS: dict[Text, str] = {
    "plain": "{}",
    "markup": "{} <b>5 &lt; 7</b> & more https://conformance.example/a?b=1&c=%20#d",
    "quotes": "{} \"said\" 'so', \\ or not \u2013 \u201cyes\u201d, 100%25 + 1, 50%% off",
    "blanks": "{}  two   three\u00a0four\tfive",
    "breaks": "{}\nsecond line\n\nfourth\r\nfifth",
    # More than one SMS of 70 characters, and than 255 bytes.
    "chinese": "{} " + "\u60a8\u597d\uff0c\u8c22\u8c22" * 20,
    # With digits of its own script.
    "tamil": "{} \u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd \u0be7\u0be8",
    "composed": "{} caf\u00e9",
    # Both ways to write a letter with an accent.
    "decomposed": "{} cafe\u0301 caf\u00e9",
    # With characters that nobody sees: a joiner, a soft hyphen, a direction mark, a line separator.
    "emoji": "{} \U0001f4e8 \U0001f469\u200d\U0001f4bb co\u00adop \u200f!\u2028next",
    "zeros": "007 {}",
    "date": "01/02/2026 2026-02-01 {}",
    "number": "1234.50 2500 $1 %s {{{{name}}}} {{0}} Ab@Example.org {}",
    "long": "{} " + "abcdefghi " * 52,
}
#: Whole values that a spreadsheet or YAML takes for a number, a date or a truth value; none that an upload may refuse.
_BARE: dict[Text, str] = {
    "zeros": "00700",
    "date": "01/02/2026",
    "number": "1234.50",
    "decomposed": "1e5",
    "quotes": "yes",
    "blanks": "  two   three  ",
}


@dataclass
class Held:
    """A batch that a program sent."""

    id: str
    rows: Sequence[OutRow]
    #: Message ids by row, as far as they were seen.
    ids: dict[int, str] = field(default_factory=dict)
    #: Message ids in the order of the last whole listing.
    places: list[str] = field(default_factory=list)
    #: latestStatus and number of attempts by id, in the last whole listing.
    seen: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    #: A whole listing was read.
    read: bool = False
    #: It has not been retried since the last listing that was read.
    current: bool = False
    #: The last walk through the listing got no answer to some page.
    blind: bool = False
    #: The same as ``seen``, of what the last retries may pick up, before them; None once that has been waited for.
    before: dict[str, tuple[str, int | None]] | None = None
    #: When the last send or retry of it had been answered, seconds since the run began.
    touched: float = 0.0
    #: When the last request that may have moved a message had been answered: what is waited for began then.
    stirred: float = 0.0
    #: When a single read first showed a message terminal that the listing before it did not; it says nothing once stirred again.
    ahead: float = float("-inf")
    #: The outcome of a retry is unknown since ``touched``, whatever others have made visible: it may still have an effect.
    doubted: bool = False
    #: When the last single retry of one of its messages had been answered that may have an effect.
    singly: float = float("-inf")
    #: It is a message that was sent singly, and no batch.
    single: bool = False
    #: How many attempts each failed message is owed since then: one, but for a race of which several were accepted.
    owed: int = 1
    #: Messages that a single retry was refused for, as having had too many attempts: no retry takes them up any more.
    spent: set[str] = field(default_factory=set)
    #: How many more some are owed, by single retries that were accepted in the same race.
    more: dict[str, int] = field(default_factory=dict)

    def learn(self, messages: Iterable[Any]) -> None:
        """Take in a whole listing."""
        self.read = self.current = True
        self.places = []
        self.seen = {}
        by_nonce: dict[str, list[int]] = {}
        for index, row in enumerate(self.rows):
            by_nonce.setdefault(row.nonce, []).append(index)
        for message in messages:
            if not isinstance(message, Mapping) or not isinstance(message.get("id"), str):
                continue
            identifier = str(message["id"])
            self.places.append(identifier)
            number, attempts = message.get("numAttempts"), message.get("messageAttempts")
            counts = (number, len(attempts) if isinstance(attempts, list) else None)
            # One of them may stand still, or a list hold the newest only: where either grows, there is another attempt.
            count = max((n for n in counts if isinstance(n, int)), default=None)
            self.seen[identifier] = (str(message.get("latestStatus")), count)
            nonce = _NONCE.search(f"{message.get('values')} {message.get('fullMessage')}")
            if nonce is not None and identifier not in self.ids.values():
                # Rows that are copies of each other share a nonce: each message is one of them.
                free = next((i for i in by_nonce.get(nonce[1], ()) if i not in self.ids), None)
                if free is not None:
                    self.ids[free] = identifier
        if len(self.places) == len(self.rows) and not self.ids:
            self.ids = dict(enumerate(self.places))

    def learn_one(self, message: Any) -> None:
        """Take in a single read of a message that was sent singly."""
        if isinstance(message, Mapping) and message.get("id") == self.ids.get(0):
            attempts = message.get("attempts")
            count = len(attempts) if isinstance(attempts, list) else None
            self.read = True
            self.places = [self.ids[0]]
            self.seen = {self.ids[0]: (str(message.get("latestStatus")), count)}

    @property
    def listed(self) -> bool:
        """Whether the last listing showed every row; of a batch whose rows are not known, any."""
        return len(self.places) >= max(1, len(self.rows))

    @property
    def terminal(self) -> bool:
        """Whether every message was terminal in the last listing."""
        return self.listed and all(status in TERMINAL for status, _ in self.seen.values())

    @property
    def moved(self) -> bool:
        """Whether no message was ``created`` any more in the last listing."""
        return self.listed and all(status != "created" for status, _ in self.seen.values())

    @property
    def handed(self) -> bool:
        """Whether every message was terminal in the last listing, or with the telco, where it may stay for long."""
        return self.listed and all(status in (*TERMINAL, "sent_to_telco") for status, _ in self.seen.values())

    @property
    def ended(self) -> bool:
        """Whether every message was terminal in the last listing, but those that never are, which have moved."""
        pending = {self.ids.get(index) for index, row in enumerate(self.rows) if row.role == "pending"}
        return self.moved and all(status in TERMINAL or i in pending for i, (status, _) in self.seen.items())

    @property
    def taken(self) -> bool:
        """Whether every message that had failed before the last retry shows another attempt, or is on its way.

        After a race each of its accepted retries owes one; where attempts are not counted, one is seen at most.
        Next to one that has moved, a message that was retried twice need not: it may be exhausted (ruling 3).
        An accepted retry of a batch in which none had failed takes something up all the same, or breaks BR-ACC-05.
        """
        if self.before is None:
            return True
        failed = {i: state for i, state in self.before.items() if state[0] == "failure" and i not in self.spent}
        if failed:
            moved = {i: self._moved(i, state) for i, state in failed.items()}
            return any(moved.values()) and all(m or (failed[i][1] or 0) > MAY_BE_LAST for i, m in moved.items())
        return any(self.seen.get(i, state)[1] != state[1] for i, state in self.before.items())

    @property
    def partly(self) -> bool:
        """Whether something of what the last retries owe shows: after a race, the attempt of one of them."""
        return any(self.seen.get(i, state) != state for i, state in (self.before or {}).items())

    def _moved(self, identifier: str, state: tuple[str, int | None]) -> bool:
        now = self.seen.get(identifier)
        if now is None or now[1] is None or state[1] is None:
            return now != state
        owed = self.owed + self.more.get(identifier, 0)
        return now != state and (owed == 1 or now[1] - state[1] >= owed)

    def message(self, position: int, by: str) -> str | None:
        """The id of a message by row or by place; None if it was not seen."""
        if by == "row":
            return self.ids.get(position)
        return self.places[position] if -len(self.places) <= position < len(self.places) else None


def _in_turn(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers in the order in which rows use them: the last one second, for the last of the simulator's numbers fails by another
    type of error than all others, and small batches should have both."""
    return (*numbers[:1], *numbers[:0:-1][:1], *numbers[1:-1])


def make_rows(specs: Sequence[RowSpec], config: Config, rng: random.Random) -> tuple[OutRow, ...]:
    """The rows of a send: recipients by role in turn, and a nonce in the first value of each."""
    turns: dict[str, int] = {}
    rows: list[OutRow] = []
    values_of = {config.template.language: config.template.values}
    values_of |= {offered.language: offered.values for offered in config.template.languages}
    for spec in specs:
        if spec.copy and spec.same_as is not None and rows:
            rows.append(rows[spec.same_as % len(rows)])
            continue
        numbers = _in_turn(getattr(config.recipients, spec.role))
        if spec.same_as is not None and rows:
            recipient = rows[spec.same_as % len(rows)].recipient
        else:
            turn = turns.get(spec.role, 0)
            turns[spec.role] = turn + 1
            recipient = numbers[turn % len(numbers)]
        language = spec.language or config.template.language
        nonce = f"{rng.getrandbits(32):08x}"
        values = dict(values_of.get(language, config.template.values))
        first = next(iter(values))
        # Outer blanks too: a target may trim them when it takes a row in, but not when it retries it.
        outer = "  " if spec.text == "blanks" else ""
        values[first] = f"{outer}{_TEXTS[spec.text].format(values[first])} [n:{nonce}]{outer}"
        if len(values) > 1 and spec.text in _BARE:
            values[next(reversed(values))] = _BARE[spec.text]
        rows.append(OutRow(recipient=recipient, role=spec.role, language=language, values=values, nonce=nonce))
    return tuple(rows)
