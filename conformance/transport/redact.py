"""What of an exchange may be written down.

Keys, and any eight characters of them, never; testers' numbers only as salted tokens; strings that the target
made up and that no document names only as digests. Shapes and equality survive, so that judges can compare: what is
left out has a mark in its place, ``[redacted:REASON:DIGEST]``, whose digest is keyed with the run's salt. In one run
equal texts have equal marks, and different texts different ones.

Ids and cursors are data that the API hands out. Of them, only keys and testers' numbers are left out.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from conformance.config import SIMULATOR_FAILING
from conformance.transport.bounds import escaped
from conformance.transport.credentials import OPAQUE, Found, credentials, named, unknown
from conformance.transport.inside import inside
from conformance.transport.numbers import Numbers
from conformance.transport.pieces import LOWER, PIECE, pieces, runs

#: Characters of a key in a row, or all of it, from which on chance is no explanation.
PROOF = 12

#: Ids, cursors and times, which the API hands out (contract section 1).
_DATA = frozenset(
    {
        *("id", "batchId", "messageId", "campaignId", "templateId", "templateBodyId", "creatorId", "externalAttemptId"),
        *("createdAt", "updatedAt", "sentAt", "deliveredAt", "startCursor", "endCursor"),
    }
)
#: String fields that the contract names and that may stand as they came (section 1).
DOCUMENTED = _DATA | {
    "status",
    "latestStatus",
    "language",
    "code",
    "type",
    "errorType",
    "errorCode",
    "originalFileName",
}
#: Free text that is ours when our nonce stands in it, and somebody's personal data otherwise.
_CONTENT = frozenset({"fullMessage", "body"})
_NONCE = re.compile(r"\[n:[0-9a-f]{8}\]")
#: Answer headers that may stand; others are named without their value.
_HEADERS = frozenset(
    {
        *("content-type", "content-length", "content-encoding", "transfer-encoding"),
        *("retry-after", "date", "allow", "server", "www-authenticate"),
    }
)
#: Characters that are kept of a text; what is longer is cut, and its length and digest are written down.
LONGEST_ID, LONGEST_TEXT, LONGEST_NAME = 1024, 8192, 256

_SECRET_NAMES = re.compile(r"pass(word|wd)?|secret|token|api[-_]?key|credential|authori[sz]ation|session|private", re.I)
_DIGEST = re.compile(r"digest:[0-9a-f]{12}")
#: What stands for something already. In a text that a target made up, only marks that this run made count.
_MARKS = re.compile(
    r"(\[redacted:[a-z-]{1,20}(?::[0-9a-f]{8})?\]|\[cut:\d{1,9}:[0-9a-f]{8}\]|(?:tel|digest):[0-9a-f]{12}(?![0-9a-f]))"
)
#: A number of this many digits in a text may be somebody's phone, if it is no part of an id.
_PHONE = re.compile(rf"(?P<id>{OPAQUE.pattern})|(?<!\w)\+?[0-9]{{8,15}}+(?!\w|-\w)")


class Redactor:
    """Scrubs what goes to files and screens. One for each run; its salt is never written down.

    :param keys: the API keys that the configuration holds.
    :param numbers: testers' numbers; the documented simulators stay clear.
    :param known: texts of the configuration that are no secrets.
    :param others: other values of the configuration that are not written down: headers, the proxy's password.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        numbers: Iterable[str] = (),
        *,
        salt: bytes | None = None,
        known: Iterable[str] = (),
        others: Iterable[str] = (),
    ) -> None:
        self._salt = salt or secrets.token_bytes(16)
        keys = tuple(keys)
        self._sizes = tuple(len(key) for key in keys)
        self._of_keys = frozenset(pieces(keys))
        self._pieces = self._of_keys | frozenset(pieces(others))
        self._clear = frozenset(SIMULATOR_FAILING)
        self._numbers = Numbers(numbers, self._clear)
        self._known = frozenset(known)
        #: Marks of this run, and texts in ids and cursors that look like credentials.
        self._issued: set[str] = set()
        self._handed: set[str] = set()
        #: Long values of rows that were sent: what a target cut off behind is no stranger's.
        self._rows: list[str] = []
        #: What became of texts that come again and again, by what they are.
        self._seen: dict[tuple[str, ...], str] = {}

    # -- pieces -----------------------------------------------------------------------------------------------

    def token(self, number: str) -> str:
        """How a recipient stands in files: a simulator's number in clear, any other as ``tel:<12 hex>``."""
        if number in self._clear or number.startswith("tel:"):
            return number
        return f"tel:{self._hash(number)}"

    def text(self, text: str) -> str:
        """A text of ours, or an error's: keys, testers' numbers and evident secrets scrubbed, the rest as it is."""
        return self._scrub(text, (*self._always(()), self._secrets(()), self._named(())))

    def row(self, text: str) -> str:
        """A value of a row that is sent, as it is written down."""
        if len(self._rows) < _REMEMBERED and len(text) <= LONGEST_ID:
            insort(self._rows, text)
        return self.text(text)

    def data(self, text: str) -> str:
        """An id, a cursor or a path: keys and testers' numbers scrubbed, and cut if it is very long."""
        return self._remembered("data", text, LONGEST_ID, self._plain_data)

    def _plain_data(self, text: str) -> str:
        return self._scrub(self._disowned(text), self._always(()))

    def campaign(self, text: str) -> str:
        """The id of a campaign: one of the configuration stands as in the history's header, whatever a key shares with it."""
        return text if text in self._known else self.data(text)

    def foreign(self, text: str, own: Iterable[str] = ()) -> str:
        """A text that the target made up: also what looks like a number of a phone or a random secret.

        :param own: what the request held: its path, its ids. Shown again, it is no secret.
        """
        own = tuple(own)
        stages = (*self._always(own), self._secrets(own), self._named(own), self._phones, self._unknown(own))
        return self._cut(text, LONGEST_TEXT, lambda part: self._scrub(self._disowned(part), stages))

    def digest(self, text: str) -> str:
        """The stand-in of an unknown string: equal strings stay equal, and a stand-in stands for itself."""
        return text if _DIGEST.fullmatch(text) else f"digest:{self._hash(text)}"

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """An answer's headers; values of unknown ones as digests. Location keeps its origin and path only."""
        kept: dict[str, str] = {}
        for name, value in headers.items():
            low = name.lower()
            if low == "content-type":
                kept[low] = self._remembered("media type", value[:LONGEST_ID], LONGEST_ID, self._media_type)
            elif low in _HEADERS:
                kept[self._name(low)] = self._remembered("header", value, LONGEST_TEXT, self.foreign)
            elif low == "location":
                kept[low] = self.foreign(value.split("?", 1)[0])
            else:
                kept[self._name(low)] = self.digest(value)
        return kept

    def _media_type(self, text: str) -> str:
        """Letters of a media type are alike in either case; in mixed ones they would look like a secret."""
        kind, mark, rest = self.text(text).partition(";")
        return self.foreign(f"{kind.strip().lower()}{mark}{rest}")

    def body(self, value: Any, own: Iterable[str] = ()) -> Any:
        """An answer's JSON, of the same shape.

        :param own: as :meth:`foreign` has it.
        """
        return self._json(value, "", tuple(own))

    def sent(self, value: Any) -> Any:
        """A request's body as it may be recorded: ours, so only keys and numbers are scrubbed."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(k)): self.sent(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.sent(v) for v in value]
        return self._plain(value)

    def hand(self, text: str) -> None:
        """The API handed this id or cursor out: what looks like a credential in it is none, wherever it is shown."""
        for found in (*credentials(text), *named(text), *unknown(text)):
            if len(self._handed) < _HANDED:
                self._handed.add(text[found.start : found.end])

    # -- JSON -------------------------------------------------------------------------------------------------

    def _json(self, value: Any, field: str, own: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {
                self._name(k): self._values(v, own) if k == "values" else self._json(v, k, own)
                for k, v in value.items()
            }
        if isinstance(value, list):
            return [self._json(v, field, own) for v in value]
        return self._string(value, field, own) if isinstance(value, str) else self._plain(value)

    def _plain(self, value: Any) -> Any:
        """A number may be somebody's phone, or a secret in digits: it gets another number in its place."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        text = str(value)
        if len(text) < PIECE - 1 or self._scrub(text, self._always(())) == text:
            return value
        # Larger than any count, and whole in 64 bits.
        return (1 << 60) + int(self._hash(text), 16)

    def _string(self, text: str, field: str, own: tuple[str, ...]) -> str:
        """A string of an answer, as it was the first time.

        What the request held matters only to what is left out: where nothing is, the string is the same for all requests.
        """
        ours = field in _CONTENT and self._of_a_row(text)
        place = ("ours" if ours else "", field, text)
        known = self._seen.get(place)
        if known is None:
            known = self._scrubbed(text, field, ())
            alike = ours or field == "recipient" or field in DOCUMENTED or "[" not in f"{text}{known}"
            if not alike:
                return self._scrubbed(text, field, own)
            if len(self._seen) < _REMEMBERED and len(text) <= LONGEST_ID:
                self._seen[place] = known
        return known

    def _scrubbed(self, text: str, field: str, own: tuple[str, ...]) -> str:
        if text in self._known or self._stands(text):
            return text
        if field == "recipient":
            digits = text.isascii() and text.isdigit()
            return self.token(text) if digits else self._without_keys(self.digest(text), ())
        if field in _DATA:
            self.hand(text[:LONGEST_ID])
            return self.data(text)
        if field in DOCUMENTED:
            return self._cut(text, LONGEST_NAME, lambda part: self.text(self._disowned(part)))
        if field in _CONTENT and self._of_a_row(text):
            return self._cut(text, LONGEST_TEXT, self.text)
        if field == "message":
            return self.foreign(text, own)
        if _NONCE.search(text):
            return self.foreign(text, own)
        reason = self._reason(text, own) if len(text) >= PIECE - 1 else None
        if reason in (None, "number") and (told := self._numbers.told(text[:LONGEST_TEXT])):
            # Whose number it is can be told from its token, which stands before the rest (BR-ERR-09).
            return " ".join((*map(self.token, told), self.digest(text)))
        if reason is None and _SECRET_NAMES.search(field):
            reason = "secret"
        return self.digest(text) if reason is None else self._mark(reason, text)

    def _reason(self, text: str, own: tuple[str, ...]) -> str | None:
        """What is seen in a string that no document names; None if nothing, and its digest does."""
        head = self._disowned(text[:LONGEST_TEXT])
        shown = inside(head)
        if shown is not None:
            return shown.removeprefix("a ").lower().replace(" ", "-")
        marks: list[str] = _MARKS.findall(self._scrub(head, (*self._always(own), self._secrets(own))))
        reasons = [mark.split(":")[1] for mark in marks if mark.startswith("[redacted:")]
        proven = [reason for reason in reasons if reason not in ("number", "configured", "key-part")]
        return next(iter(proven or reasons), None)

    def _values(self, values: Any, own: tuple[str, ...]) -> Any:
        """A message's template values: as they came where they are ours."""
        if not isinstance(values, dict):
            return self._json(values, "values", own)
        ours = any(isinstance(v, str) and self._of_a_row(v) for v in values.values())
        return {
            self._name(k): (self._ours(v) if ours else self.digest(v))
            if isinstance(v, str)
            else self._json(v, "values", own)
            for k, v in values.items()
        }

    def _of_a_row(self, text: str) -> bool:
        """True for a text that holds a mark of our rows, or is the beginning of a value that was sent, long enough to be told
        from any other text."""
        if _NONCE.search(text):
            return True
        place = bisect_left(self._rows, text)
        return len(text) >= PIECE and place < len(self._rows) and self._rows[place].startswith(text)

    def _ours(self, text: str) -> str:
        return self._remembered("values[]", text, LONGEST_TEXT, self.text)

    def _remembered(self, what: str, text: str, longest: int, scrub: Callable[[str], str]) -> str:
        """The text cut and scrubbed, as it was the first time."""
        known = self._seen.get((what, text))
        if known is None:
            known = self._cut(text, longest, scrub)
            if len(self._seen) < _REMEMBERED and len(text) <= LONGEST_ID:
                self._seen[what, text] = known
        return known

    def _name(self, name: str) -> str:
        return name if name in DOCUMENTED else self._remembered("{}", name, LONGEST_NAME, self.foreign)

    # -- texts ------------------------------------------------------------------------------------------------

    def _scrub(self, text: str, stages: Iterable[Callable[[str], str]]) -> str:
        """The text after all stages; what stands for something already is left alone by each."""
        text = escaped(text)
        for stage in stages:
            # Only a text that holds either mark's beginning is worth the search.
            parts = _MARKS.split(text) if "[" in text or ":" in text else [text]
            text = "".join(part if place % 2 else stage(part) for place, part in enumerate(parts))
        return text

    def _cut(self, text: str, longest: int, scrub: Callable[[str], str]) -> str:
        if len(text) <= longest:
            return scrub(text)
        # What the cut may have parted is left out: it ends at a blank, or well before the cut.
        head = text[: longest // 2]
        clean = scrub(head[: max(head.rfind(" "), longest // 4)])
        return f"{clean}[cut:{len(text)}:{self._hash(text)[:8]}]"

    def _mark(self, reason: str, text: str) -> str:
        mark = f"[redacted:{reason}:{self._hash(text)[:8]}]"
        if len(self._issued) < _HANDED:
            self._issued.add(mark)
        return mark

    def _disowned(self, text: str) -> str:
        """A target's text, in which a mark that this run did not make is no mark, but the target's own words."""
        return _MARKS.sub(lambda m: m[0] if self._made(m[0]) else m[0].replace("[", "("), text)

    def _stands(self, text: str) -> bool:
        """Whether a text is nothing but marks of this run, with simulators' numbers in clear before them."""
        parts = text.split(" ")
        marks = all(part in self._clear or (self._made(part) and _MARKS.fullmatch(part)) for part in parts)
        return marks and parts[-1] not in self._clear

    def _made(self, text: str) -> bool:
        return text in self._issued or text.startswith(("tel:", "digest:", "[cut:"))

    def _always(self, own: tuple[str, ...]) -> tuple[Callable[[str], str], ...]:
        return (lambda text: self._without_keys(text, own)), self._without_numbers

    def _secrets(self, own: tuple[str, ...]) -> Callable[[str], str]:
        return lambda text: self._replaced(text, credentials(text), own)

    def _named(self, own: tuple[str, ...]) -> Callable[[str], str]:
        return lambda text: self._replaced(text, named(text), own)

    def _unknown(self, own: tuple[str, ...]) -> Callable[[str], str]:
        return lambda text: self._replaced(text, unknown(text), own)

    def _replaced(self, text: str, found: Iterable[Found], own: tuple[str, ...]) -> str:
        parts: list[str] = []
        done = 0
        for start, end, reason in sorted(found):
            shown = text[start:end]
            if start < done or shown in self._known or shown in self._handed or any(shown in each for each in own):
                continue
            parts += (text[done:start], self._mark(reason, shown))
            done = end
        return "".join((*parts, text[done:]))

    def _phones(self, text: str) -> str:
        return _PHONE.sub(lambda m: m[0] if m["id"] else self.token(m[0].lstrip("+")), text)

    def _without_numbers(self, text: str) -> str:
        return self._numbers.scrub(text, self._stand_in)

    def _stand_in(self, digits: str) -> str:
        whole = self._numbers.whole.get(digits)
        return self.token(whole) if whole is not None else self._mark("number", digits)

    def _without_keys(self, text: str, own: tuple[str, ...]) -> str:
        """The text without any piece of a key: the longest runs that are made of pieces are cut out whole."""
        if not self._pieces or len(text) < PIECE:
            return text
        folded = text.translate(LOWER)
        parts: list[str] = []
        done = 0
        for start, end in runs(folded, self._pieces):
            parts += (
                text[done:start],
                self._mark(self._of_key(text[start:end], folded[start:end], own), text[start:end]),
            )
            done = end
        return "".join((*parts, text[done:]))

    def _of_key(self, shown: str, folded: str, own: tuple[str, ...]) -> str:
        """The reason for which a run of pieces is left out: only what is no chance, and no word of the request, proves."""
        if not any(folded[i : i + PIECE] in self._of_keys for i in range(len(folded) - PIECE + 1)):
            return "configured"
        long = len(shown) >= min((PROOF, *self._sizes))
        common = any(shown in each for each in (*own, *self._known))
        return "key" if long and not common else "key-part"

    def _hash(self, text: str) -> str:
        return hashlib.sha256(self._salt + text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


#: How many marks and texts of ids one run keeps in mind.
_HANDED = 50_000
#: Strings whose redaction is remembered.
_REMEMBERED = 20_000
