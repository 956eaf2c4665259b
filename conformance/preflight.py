"""Before anything is sent: can this target be tested at all? A few reads, no message."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable

from conformance.config import Config, Target
from conformance.errors import TargetError
from conformance.history.records import PREFLIGHT, TOO_LARGE, End, Exchange
from conformance.program.calls import passed_on, unanswered
from conformance.transport.request import Origin, Reply, Request, Transport
from conformance.transport.wire import PROXY

#: What a target does that is starting.
_STARTING = ("unreachable", "broken", "no_answer")
#: Seconds between two attempts to reach a target that is starting: the first, and the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
#: Seconds within which a connection broke rather than that the target was silent.
_AT_ONCE = 5.0
#: How often the other campaign is asked for while something in front of the target answers.
TRIES = 3
_ORIGIN = Origin(driver=PREFLIGHT, scenario=PREFLIGHT)


def check(transport: Transport, config: Config, *, seed: int = 0) -> None:
    """Read a page of the campaign and a message that there is not; then a page of the other campaign with its key.

    What comes of the last is for the judges and the doctor: nothing else rests on it.

    :raises TargetError: unreachable, key refused, not this API, broken, or answers everything alike; one sentence that
        says what to do.
    """
    where = config.target.base_url
    campaign = config.target.campaign_id
    request = Request(operation="campaign_list", campaign=campaign, query=(("limit", "1"),), origin=_ORIGIN)
    page = _asked(transport, request)
    _check_reached(page.exchange, config.target)
    _check_status(page.exchange, where)
    _check_page(page, where)
    nobody = uuid.UUID(int=random.Random(f"{seed}:preflight").getrandbits(128), version=4)
    request = Request(operation="message_read", campaign=campaign, message=f"message_{nobody}", origin=_ORIGIN)
    unknown = _asked(transport, request).exchange
    _check_reached(unknown, config.target)
    if unknown.accepted:
        hint = "name the API itself, not a stub or a page before it"
        raise TargetError(
            "the target answers a message that does not exist with 2xx: it answers everything alike",
            where=where,
            hint=hint,
            cause="answers_alike",
        )
    if asks_other(config) and config.target.other is not None:
        there = config.target.other.campaign_id
        request = Request(
            operation="campaign_list", campaign=there, auth="other", query=(("limit", "1"),), origin=_ORIGIN
        )
        for _ in range(TRIES):
            reply = transport.call(request)
            if not unanswered(reply) and not passed_on(reply):
                break


def wait_for(
    transport: Transport,
    config: Config,
    *,
    seed: int = 0,
    seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """``check``, again and again for some seconds where the target is not there yet, or answers server errors.

    :raises TargetError: it did not come in that time, or cannot be tested for another reason.
    """
    until, pause = clock() + seconds, FIRST_PAUSE
    while True:
        try:
            check(transport, config, seed=seed)
        except TargetError as error:
            if error.cause not in _STARTING or clock() + pause > until:
                raise
        else:
            return
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def asks_other(config: Config) -> bool:
    """Whether a page of the other campaign is asked for: where there is one, and a key for it."""
    return config.target.other is not None and bool(config.target.other.api_key)


def _asked(transport: Transport, request: Request) -> Reply:
    """The reply to a read; asked once more where a connection broke at once, for one such is no reason to give up."""
    reply = transport.call(request)
    exchange = reply.exchange
    if exchange.end.outcome == "lost" and exchange.last - exchange.t < _AT_ONCE:
        return transport.call(request)
    return reply


def _check_reached(exchange: Exchange, target: Target) -> None:
    end = exchange.end
    error = end.error or "no connection"
    where, hint = _to_check(end, target)
    if end.outcome == "not_sent":
        raise TargetError(f"the target cannot be reached ({error})", where=where, hint=hint, cause="unreachable")
    if end.outcome == "lost":
        what = f"the target gives no whole answer ({error})"
        raise TargetError(what, where=where, hint=hint, cause="no_answer")


def _to_check(end: End, target: Target) -> tuple[str, str]:
    """The key of the configuration that an error is about, and what to do."""
    error = (end.error or "").lower()
    if PROXY in error:
        return "target.proxy", "check that the proxy runs, admits this machine, and lets it connect to the target"
    if "client certificate" in error:
        cert = f"target.client_cert ({target.client_cert})" if target.client_cert else "target.client_cert"
        return cert, "name a PEM file with a certificate that the target accepts, and its key"
    if end.outcome == "not_sent":
        tls = any(word in error for word in ("ssl", "certificate", "tls"))
        hint = "check target.ca_file and the certificate" if tls else "check target.base_url, and that the target runs"
        return target.base_url, hint
    if error.startswith(TOO_LARGE):
        return target.base_url, "check that this is the API, and what it answers to a page of one message"
    return target.base_url, "check that this is an HTTP API, and target.read_timeout"


def _check_status(exchange: Exchange, where: str) -> None:
    status = exchange.status or 0
    hints = {
        401: ("key_refused", "refuses the key", "check target.api_key (or the variable that api_key_env names)"),
        403: (
            "not_permitted",
            "does not permit this key or this address",
            "check target.campaign_id, the key, and the allow-list of addresses",
        ),
        404: (
            "no_such_campaign",
            "knows no such campaign",
            "check target.base_url (with /api/v2) and target.campaign_id",
        ),
        429: ("throttled", "answers 429 again and again", "wait, or lower limits.calls_per_second"),
    }
    if status == 407:
        what = "the proxy asks for a user and a password (407)"
        raise TargetError(what, where="target.proxy", hint="write http://user:password@host:port")
    if exchange.end.undecoded:
        what = f"the target answers in an encoding that was not asked for and is not decoded ({exchange.end.undecoded})"
        raise TargetError(what, where=where, hint="let it heed Accept-Encoding, or send what is not encoded")
    if status in hints:
        cause, what, hint = hints[status]
        raise TargetError(f"the target {what} ({status})", where=where, hint=hint, cause=cause)
    if status >= 500:
        what = f"the target is broken: it answers {status}"
        raise TargetError(what, where=where, hint="repair it, then run again", cause="broken")
    if status != 200:
        raise TargetError(
            f"the target answers {status} to a page of the campaign's messages",
            where=where,
            hint="check target.base_url",
            cause="not_this_api",
        )


def _check_page(page: Reply, where: str) -> None:
    body = page.json
    if isinstance(body, dict) and isinstance(body.get("data"), list) and isinstance(body.get("pageData"), dict):
        return
    kind = page.exchange.end.headers.get("content-type", "no content type")
    what = f"the target does not answer as this API: no page of messages ({page.exchange.end.media}, {kind})"
    raise TargetError(what, where=where, hint="check target.base_url (with /api/v2)", cause="not_this_api")
