"""Variants in what stands before the target, and in how answers travel."""

from __future__ import annotations

import gzip
import random
import zlib
from dataclasses import replace
from functools import cached_property

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Variant, variant

VARIANTS: dict[str, Variant] = {}

#: Reason codes of what an answer that is not the target's keeps back.
_GATEWAY = ("gateway-answer", "answer-lost", "chain-not-closed", "too-few-races", "not-repeated")
#: Whether a retry was accepted, and what then rests on it, is not known.
_UNREAD = ("unread-body", "not-exercised", "status-before-unknown", "another-reason")


def _page(status: int, reason: str) -> Answer:
    html = f"<html><head><title>{status} {reason}</title></head><body><h1>{reason}</h1><hr>lb-3</body></html>"
    return Answer(status, None, {"content-type": "text/html"}, raw=html.encode())


@variant(VARIANTS, "a load balancer answers one request in a hundred in place of the target", "ruling 22", *_GATEWAY)
class GatewayNoise(Behaviour):
    #: Part of the requests.
    part = 0.01

    @cached_property
    def draw(self) -> random.Random:
        """The source of what is drawn."""
        return random.Random(f"gateway {self.settings.seed}")

    def gateway(self, call: Call) -> Answer | None:
        if self.draw.random() >= self.part:
            return super().gateway(call)
        kinds = [_page(404, "Not Found"), _page(400, "Bad Request"), _page(502, "Bad Gateway")]
        if call.method == "POST":
            # A read that is redirected would be a target that is not set up (ruling 32).
            kinds.append(Answer(302, None, {"location": "https://login.example.test/"}))
        return self.draw.choice(kinds)


@variant(
    VARIANTS, "one retry in twenty is answered 502 by a load balancer, after the target saw it", "ruling 11", *_GATEWAY
)
class GatewayLosesAnswers(Behaviour):
    @cached_property
    def draw(self) -> random.Random:
        """The source of what is drawn."""
        return random.Random(f"lost {self.settings.seed}")

    def respond(self, call: Call, answer: Answer) -> Answer:
        if call.path.endswith("/retry") and self.draw.random() < 0.05:
            return _page(502, "Bad Gateway")
        return super().respond(call, answer)


@variant(
    VARIANTS, "every fortieth request is answered 429, with or without Retry-After", "ruling 10", "dropped", "too-few-races"
)  # fmt: skip
class ThrottlesNowAndThen(Behaviour):
    arrived = 0

    def gateway(self, call: Call) -> Answer | None:
        self.arrived += 1
        if self.arrived % 40:
            return super().gateway(call)
        headers = {"retry-after": "1"} if self.arrived % 80 else {}
        return replace(self.error(429, "too_many_requests"), headers=headers)


@variant(VARIANTS, "answers are compressed, by gzip and deflate in turn", "ruling 9")
class CompressesAnswers(Behaviour):
    answered = 0

    def respond(self, call: Call, answer: Answer) -> Answer:
        answer = super().respond(call, answer)
        self.answered += 1
        coding = ("gzip", "deflate")[self.answered % 2]
        if coding not in call.headers.get("accept-encoding", "") or call.method == "HEAD":
            return answer
        packed = gzip.compress(answer.content, mtime=0) if coding == "gzip" else zlib.compress(answer.content)
        kind = {"content-type": "application/json"} if answer.content else {}
        return replace(answer, raw=packed, headers={**kind, **answer.headers, "content-encoding": coding})


@variant(VARIANTS, "an empty answer travels as an empty stream of Brotli, asked for or not", "ruling 33", *_UNREAD)
class EmptyInBrotli(Behaviour):
    def respond(self, call: Call, answer: Answer) -> Answer:
        answer = super().respond(call, answer)
        if answer.status != 201 or answer.content:
            return answer
        return replace(answer, raw=b"\x06", headers={**answer.headers, "content-encoding": "br"})
