"""What of an exchange may be written down.

Keys, and any eight characters of them, never; testers' numbers only as salted tokens; strings that the target
made up and that no document names only as digests. Shapes and equality survive, so that judges can compare.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from conformance.config import SIMULATOR_FAILING

#: Pieces of a key that are this long, or longer, are scrubbed.
PIECE = 8
KEY_MARK = "[redacted:key]"
SECRET_MARK = "[redacted:secret]"

#: String fields that the contract names and that may stand as they came (section 1).
DOCUMENTED = frozenset(
    {
        *("id", "batchId", "messageId", "campaignId", "templateId", "templateBodyId", "creatorId", "externalAttemptId"),
        *("createdAt", "updatedAt", "sentAt", "deliveredAt", "status", "latestStatus", "language"),
        *("startCursor", "endCursor", "code", "type", "errorType", "errorCode", "originalFileName"),
    }
)
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

_SECRET_NAMES = re.compile(r"pass(word|wd)?|secret|token|api[-_]?key|credential|authori[sz]ation|session|private", re.I)
_SECRETS = re.compile(
    r"(?P<kept>\b[\w-]{0,20}(?:password|passwd|pwd|secret|token|api[-_]?key|authorization|credential|session)\w*[\"']?\s*[:=]\s*[\"']?)"
    r"(?P<value>(?!(?:bearer\s+)?\$)(?:bearer\s+)?[^\s\"',;&}]{4,})"
    r"|(?P<bearer>\b(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,})"
    r"|(?P<url>(?<=://)[^\s/@:]+:[^\s/@]+(?=@))"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"
    r"|(?P<aws>\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b)"
    r"|(?P<jwt>\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)",
    re.I,
)
_TOKENISH = re.compile(r"[A-Za-z0-9+/_=~-]{16,}")
_UUID = re.compile(r"(?:[a-z]+_)*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_DIGEST = re.compile(r"digest:[0-9a-f]{12}")
#: Digits of a number without its country code, as people write it in Singapore.
_NATIONAL = 8
#: A number of this many digits or more in a text may be somebody's phone.
_DIGITS = re.compile(r"(?<!\d)\+?\d{8,15}(?!\d)")


#: Lower case without a change of length.
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class Redactor:
    """Scrubs what goes to files and screens. One for each run; its salt is never written down.

    :param keys: every secret that the configuration holds.
    :param numbers: testers' numbers; the documented simulators stay clear.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        numbers: Iterable[str] = (),
        *,
        salt: bytes | None = None,
        known: Iterable[str] = (),
    ) -> None:
        self._salt = salt or secrets.token_bytes(16)
        self._pieces = frozenset(piece for key in keys for form in _forms(key) for piece in _cut(form))
        clear = set(SIMULATOR_FAILING)
        self._numbers = {written: n for n in set(numbers) if n not in clear for written in (n, n[-_NATIONAL:])}
        self._number = re.compile("|".join(map(_written, sorted(self._numbers, key=len, reverse=True))) or r"(?!)")
        self._clear = clear
        self._known = frozenset(known)

    # -- pieces -----------------------------------------------------------------------------------------------

    def token(self, number: str) -> str:
        """How a recipient stands in files: a simulator's number in clear, any other as ``tel:<12 hex>``."""
        if number in self._clear or number.startswith("tel:"):
            return number
        return f"tel:{self._hash(number)}"

    def text(self, text: str) -> str:
        """A text of ours, or an error's: keys, testers' numbers and evident secrets scrubbed, the rest as it is."""
        text = self._number.sub(lambda m: self.token(self._numbers[re.sub(r"\D", "", m.group())]), text)
        return self._without_keys(_SECRETS.sub(_mark, text))

    def foreign(self, text: str) -> str:
        """A text that the target made up: also what looks like a number of a phone or a random secret."""
        text = _DIGITS.sub(lambda m: self.token(m.group().lstrip("+")), self.text(text))
        return _TOKENISH.sub(self._random, text)

    def digest(self, text: str) -> str:
        """The stand-in of an unknown string: equal strings stay equal, and a stand-in stands for itself."""
        return text if _DIGEST.fullmatch(text) else f"digest:{self._hash(text)}"

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """An answer's headers; values of unknown ones as digests. Location keeps its origin and path only."""
        kept: dict[str, str] = {}
        for name, value in headers.items():
            low = name.lower()
            if low == "content-type":
                # Letters of a media type are alike in either case; in mixed ones they would look like a secret.
                kind, mark, rest = self.text(value).partition(";")
                kept[low] = self.foreign(f"{kind.strip().lower()}{mark}{rest}")
            elif low in _HEADERS:
                kept[self.foreign(low)] = self.foreign(value)
            elif low == "location":
                kept[low] = self.foreign(value.split("?", 1)[0])
            else:
                kept[self.foreign(low)] = self.digest(value)
        return kept

    def body(self, value: Any) -> Any:
        """An answer's JSON, of the same shape."""
        return self._json(value, "")

    def sent(self, value: Any) -> Any:
        """A request's body as it may be recorded: ours, so only keys and numbers are scrubbed."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(k)): self.sent(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.sent(v) for v in value]
        return self._plain(value)

    # -- inside -----------------------------------------------------------------------------------------------

    def _json(self, value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return {self._name(k): self._values(v) if k == "values" else self._json(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self._json(v, field) for v in value]
        return self._string(value, field) if isinstance(value, str) else self._plain(value)

    def _plain(self, value: Any) -> Any:
        """A number may be somebody's phone, or a secret in digits."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return 0 if self.text(str(value)) != str(value) else value

    def _string(self, text: str, field: str) -> str:
        if text in self._known:
            return text
        if field == "recipient":
            return self.token(text) if text.isascii() and text.isdigit() else self._without_keys(self.digest(text))
        if field in DOCUMENTED:
            return self.text(text)
        if field in _CONTENT and _NONCE.search(text):
            return self.text(text)
        if field == "message":
            return self.foreign(text)
        if _SECRET_NAMES.search(field):
            return SECRET_MARK
        marked = self.foreign(text)
        return SECRET_MARK if SECRET_MARK in marked or KEY_MARK in marked else self.digest(text)

    def _values(self, values: Any) -> Any:
        """A message's template values: as they came where they are ours."""
        if not isinstance(values, dict):
            return self._json(values, "values")
        ours = any(isinstance(v, str) and _NONCE.search(v) for v in values.values())
        return {
            self._name(k): (self.text(v) if ours else self.digest(v)) if isinstance(v, str) else self._json(v, "values")
            for k, v in values.items()
        }

    def _name(self, name: str) -> str:
        return name if name in DOCUMENTED else self.foreign(name)

    def _random(self, match: re.Match[str]) -> str:
        text = match.group()
        if _UUID.fullmatch(text) or text in self._known or text.startswith(("tel:", "digest:")):
            return text
        kinds = sum(bool(re.search(p, text)) for p in ("[a-z]", "[A-Z]", "[0-9]", "[+/=~]"))
        return (
            SECRET_MARK
            if kinds >= 3 or (kinds == 2 and len(set(text)) >= 12 and any(c.isdigit() for c in text))
            else text
        )

    def _without_keys(self, text: str) -> str:
        """The text without any piece of a key: the longest runs that are made of pieces are cut out whole."""
        if not self._pieces or len(text) < PIECE:
            return text
        dirty = bytearray(len(text))
        folded = text.translate(_LOWER)
        for start in range(len(text) - PIECE + 1):
            if folded[start : start + PIECE] in self._pieces:
                dirty[start : start + PIECE] = b"\x01" * PIECE
        if not any(dirty):
            return text
        parts: list[str] = []
        for index, char in enumerate(text):
            if not dirty[index]:
                parts.append(char)
            elif index == 0 or not dirty[index - 1]:
                parts.append(KEY_MARK)
        return "".join(parts)

    def _hash(self, text: str) -> str:
        return hashlib.sha256(self._salt + text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _mark(match: re.Match[str]) -> str:
    return (match.group("kept") or "") + SECRET_MARK


def _forms(key: str) -> Iterable[str]:
    """The forms in which a target may send a key back."""
    raw = key.encode()
    yield from (key, key[::-1], quote(key, safe=""), raw.hex(), "".join(f"%{byte:02x}" for byte in raw))
    for before in range(3):
        # What stands before the key shifts its base64; the characters that neighbours have a part in are left out.
        encoded = base64.b64encode(bytes(before) + raw).decode()[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield from (encoded, encoded.replace("+", "-").replace("/", "_"))


def _written(number: str) -> str:
    """A pattern of the ways in which a number is written; a short one only where it stands by itself."""
    spread = r"[ ().-]{0,2}".join(number)
    return spread if len(number) > _NATIONAL else rf"(?<![0-9A-Za-z]){spread}(?![0-9A-Za-z])"


def _cut(form: str) -> Iterable[str]:
    """All pieces of PIECE characters, in lower case."""
    low = form.translate(_LOWER)
    return (low[i : i + PIECE] for i in range(max(1, len(low) - PIECE + 1)))
