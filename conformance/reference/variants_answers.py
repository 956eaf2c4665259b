"""Variants in what answers show, and in how ids, cursors and errors are written."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from dataclasses import replace
from functools import cached_property

from conformance.reference.behaviour import Behaviour
from conformance.reference.exchange import Answer, Call
from conformance.reference.mixins import Variant, variant
from conformance.reference.settings import Settings
from conformance.reference.world import TERMINAL, Message, World

VARIANTS: dict[str, Variant] = {}

#: Reason codes of what cannot be told without attempts.
_UNCOUNTED = ("attempts-not-visible", "not-settled", "not-exercised", "not-read-back", "partial-enqueue")
#: Where nothing counts attempts, one that ends between two looks is waited for in vain, and then no longer.
_UNSEEN = "not-waited-for"
_BARE = ("status-not-visible", "messages-not-listed", "chain-not-closed")


# -- attempts -------------------------------------------------------------------------------------------------


@variant(VARIANTS, "lists of attempts hold the newest only", "ruling 29", *_UNCOUNTED)
class NewestAttemptOnly(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        newest = self.begun(message)[-1]
        if "messageAttempts" in shown:
            shown["messageAttempts"] = [self.attempt(message, newest)]
        if "attempts" in shown:
            shown["attempts"] = [self.short_attempt(newest)]
        return shown


@variant(VARIANTS, "attempts are counted, and not listed", "ruling 6", *_UNCOUNTED)
class CountsOnly(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        return {k: v for k, v in super().view(message, view).items() if k not in ("messageAttempts", "attempts")}


@variant(VARIANTS, "attempts are neither counted nor listed", "ruling 6", *_UNCOUNTED, _UNSEEN)
class WithoutAttempts(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        return {k: v for k, v in shown.items() if k not in ("messageAttempts", "attempts", "numAttempts")}


@variant(
    VARIANTS, "messages show id, recipient and latestStatus only", "ruling 6", *_UNCOUNTED, _UNSEEN, *_BARE
)  # fmt: skip
class BareMessages(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        return {name: shown[name] for name in ("id", "recipient", "latestStatus")}


@variant(VARIANTS, "numAttempts rises when the message is sent, not when it is reset", "ruling 29")
class CountsWhenSent(Behaviour):
    def count(self, message: Message) -> int:
        now = self.world.now()
        return sum(a.status(now) in ("sent", *TERMINAL) for a in self.begun(message))


# -- fields ---------------------------------------------------------------------------------------------------


@variant(VARIANTS, "while a message is in progress, every other answer has null for what a cache holds", "ruling 33")
class NullNowAndThen(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        read: dict[str, int] = message.__dict__.setdefault("read", {})
        read[view] = read.get(view, 0) + 1
        if shown["latestStatus"] not in TERMINAL and read[view] % 2 == 0:
            shown |= {"fullMessage": None, "templateBody": None, "creatorEmail": None}
        return shown


@variant(VARIANTS, "the campaign's listing writes times in whole seconds, other views in full", "ruling 19")
class WholeSecondsInTheCampaign(Behaviour):
    _coarse = False

    def view(self, message: Message, view: str) -> dict[str, object]:
        self._coarse = view == "campaign"
        return super().view(message, view)

    def stamp(self, at: float) -> str:
        return re.sub(r"\.\d+", "", super().stamp(at)) if self._coarse else super().stamp(at)


# -- ids and cursors ------------------------------------------------------------------------------------------


def signed(text: str) -> str:
    """A text in the form of a JSON Web Token; the signature is none."""
    parts = [
        json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": text})
    ]
    parts.append(hashlib.blake2b(text.encode(), digest_size=24).digest())
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


class _OtherIds(Behaviour):
    """Base of variants whose ids are written otherwise."""

    def __init__(self, settings: Settings, world: World) -> None:
        super().__init__(settings, world)
        plain = world.make_id
        world.make_id = lambda: self.written(plain())

    def written(self, plain: str) -> str:
        """An id that is a UUID, as this target writes it."""
        raise NotImplementedError


@variant(VARIANTS, "ids look like signed tokens", "ruling 31")
class TokensForIds(_OtherIds):
    def written(self, plain: str) -> str:
        return signed(plain)


@variant(VARIANTS, "ids look like keys", "ruling 31")
class KeysForIds(_OtherIds):
    def written(self, plain: str) -> str:
        return "sk_live_" + hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()


@variant(VARIANTS, "cursors are signed tokens", "ruling 31")
class SignedCursors(Behaviour):
    def cursor(self, message: Message) -> str:
        return signed(message.id)


@variant(VARIANTS, "cursors hold token= and a key", "ruling 31")
class CursorsWithTokens(Behaviour):
    def cursor(self, message: Message) -> str:
        return f"after;token={hashlib.blake2b(message.id.encode(), digest_size=12).hexdigest()}"


@variant(
    VARIANTS, "a page that holds messages says that there are more: the last one is empty", "requirement BR-IDS-05"
)
class LastPageIsEmpty(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        page = super().page(call, answer)
        if page.status != 200 or not page.body["data"]:
            return page
        return replace(page, body={**page.body, "pageData": {**page.body["pageData"], "hasNextPage": True}})


# -- errors ---------------------------------------------------------------------------------------------------


@variant(VARIANTS, "errors tell the method, the path, and ids to trace the request by", "ruling 31")
class ErrorsTellTheRequest(Behaviour):
    _ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

    @cached_property
    def draw(self) -> random.Random:
        """The source of the ids."""
        return random.Random(f"traces {self.settings.seed}")

    def error_text(self, code: str) -> str:
        call, draw = self.calling, self.draw
        ulid = "01" + "".join(draw.choices(self._ULID, k=24))
        trace = f"{draw.getrandbits(128):032x}-{draw.getrandbits(64):016x}"
        said = f"Cannot {call.method} /api/v2{call.path}: {super().error_text(code)}"
        return f"{said} (request {ulid}, trace {trace}, incident INC{draw.randrange(10**10):010d})"
