"""Check a configuration as a whole, before anything is sent: what is wrong, under which key, and how to mend it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from conformance import catalogue
from conformance.config import Config, Implementation, Target
from conformance.contract.vocabulary import LANGUAGES
from conformance.errors import UsageError
from conformance.transport.forms import plain_parameter
from conformance.transport.guard import reserved
from conformance.transport.origin import parse_base_url
from conformance.transport.paths import plain_id
from conformance.transport.pieces import PIECE
from conformance.transport.states import states_url

#: Keys of the configuration that hold API keys.
KEYS = ("api_key", "second_api_key")
#: What the tester has or lacks, which says nothing about the service: never declared absent.
ROLES = ("failing", "succeeding", "pending", "recovering")
#: What a batch can be in, as the service names it.
BATCH_STATUSES = ("messages_enqueued", "messages_enqueuing_failed")
#: Characters of a name in [implementation].
LONGEST_NAME = 120
#: Between which bounds the numbers of a configuration are: seconds, calls a second, messages, calls, rows.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "target.connect_timeout": (0.001, 3600),
    "target.read_timeout": (0.001, 3600),
    "limits.calls_per_second": (0.1, 1e9),
    "limits.max_messages": (1, 10_000_000),
    "limits.max_calls": (1, 100_000_000),
    "limits.max_rows": (1, 100_000),
    "limits.max_seconds": (0.001, 31 * 86_400),
    "timing.settle_timeout": (0.001, 86_400),
}


def like(name: str, known: Iterable[str], said_as: Callable[[str], str] = str) -> str:
    """A question that names what looks like ``name``; empty if nothing does."""
    close = difflib.get_close_matches(name, list(known), 3)
    return f"did you mean {' or '.join(map(said_as, close))}?" if close else ""


def check(config: Config) -> None:
    """Check a configuration.

    :raises UsageError: what is wrong first; says which key.
    """
    target = config.target
    catalogue.known_version(target.contract, "target.contract")
    if target.base_url:
        parse_base_url(target.base_url, booked=target.booked)
    _check_keys(target)
    if not target.campaign_id and target.base_url:
        raise UsageError("is not set", where="target.campaign_id", hint="name the campaign that the key belongs to")
    _check_ids(config)
    _check_absent(config.capabilities.absent)
    _check_other(target)
    _check_headers(target.headers)
    for where, name in (("target.ca_file", target.ca_file), ("target.client_cert", target.client_cert)):
        if name is not None and not Path(name).is_file():
            raise UsageError("names no file", where=where, hint="name a PEM file")
    _check_proxy(target.proxy)
    _check_states(config.provider_states.url)
    _check_implementation(config.implementation)
    _check_recipients(config)
    _check_template(config)
    _check_numbers(config)


def _short_keys(target: Target) -> list[str]:
    """The keys that are too short to be told from other texts, by their names."""
    held = {f"target.{name}": getattr(target, name) for name in KEYS}
    held["target.other.api_key"] = target.other.api_key if target.other is not None else None
    return [where for where, key in held.items() if key is not None and len(key) < PIECE]


def _check_keys(target: Target) -> None:
    """A short key cannot be redacted: it may belong to a development server on this machine, and to no other."""
    loopback = bool(target.base_url) and parse_base_url(target.base_url, booked=target.booked).loopback
    for where in _short_keys(target):
        if not loopback:
            what = f"is shorter than {PIECE} characters, which is allowed for a target on this machine only"
            raise UsageError(what, where=where, hint="copy the whole key")


def cautions(config: Config) -> tuple[str, ...]:
    """What a user has to know of a configuration that may be used, a sentence each."""
    return tuple(
        f"{where} has fewer than {PIECE} characters: it cannot be redacted, so that files and screens may show it"
        for where in _short_keys(config.target)
    )


def _check_ids(config: Config) -> None:
    named = [("target.campaign_id", config.target.campaign_id)] if config.target.campaign_id else []
    if config.target.other is not None:
        named.append(("target.other.campaign_id", config.target.other.campaign_id))
        if config.target.other.campaign_id == config.target.campaign_id:
            raise UsageError("is the first campaign", where="target.other.campaign_id", hint="name another")
    named += [(f"given[{place}].batch_id", given.batch_id) for place, given in enumerate(config.given)]
    for where, identifier in named:
        if not plain_id(identifier):
            raise UsageError("is no id", where=where, hint="copy it from the service: letters, digits, - _ . ~")
    for place, given in enumerate(config.given):
        if given.state and given.state not in BATCH_STATUSES:
            hint = f"write one of {', '.join(BATCH_STATUSES)}, or leave it out"
            raise UsageError("is no status of a batch", where=f"given[{place}].state", hint=hint)


def _check_absent(names: Iterable[str]) -> None:
    """A declaration is about what the service lacks: it takes away no requirement, and nothing that the tester has."""
    shipped = catalogue.load()
    known = shipped.capabilities
    takes = f"name {', '.join(known)}, or leave it out"
    for place, name in enumerate(names):
        where = f"capabilities.absent[{place}]"
        if name in known:
            continue
        if name.upper() in {requirement.id for requirement in shipped.requirements}:
            what = f"is the requirement {name.upper()}, and what a service lacks is a capability"
            raise UsageError(what, where=where, hint=f"{takes}; --waivers lets a requirement fail for a while")
        if name in ROLES or name in ("languages", "provider_states"):
            what = f"is {name}, which the tester has or lacks, not the service"
            where_set = f"recipients.{name}" if name in ROLES else name
            raise UsageError(what, where=where, hint=f"leave it out; {where_set} says what there is")
        raise UsageError("is no capability of a service", where=where, hint=like(name, known) or takes)


def _check_states(url: str | None) -> None:
    if url is not None and not _usable(url):
        hint = "write http://host:port/path, as docs/provider-states.md says"
        raise UsageError("is no URL", where="provider_states.url", hint=hint)
    if url is not None:
        states_url(url)


def _check_implementation(said: Implementation) -> None:
    for name in said.__struct_fields__:
        text = getattr(said, name)
        if not text.isprintable() or len(text) > LONGEST_NAME:
            what = f"is no line of at most {LONGEST_NAME} characters"
            raise UsageError(what, where=f"implementation.{name}", hint="write a name, in one line")


def _check_other(target: Target) -> None:
    """A second key is another one; and another campaign's key is not one of the first's, which may retry."""
    if target.second_api_key is not None and target.second_api_key == target.api_key:
        raise UsageError("is target.api_key", where="target.second_api_key", hint="give another key of the campaign")
    key = target.other.api_key if target.other is not None else None
    if key is not None and key in (target.api_key, target.second_api_key):
        name = "target.api_key" if key == target.api_key else "target.second_api_key"
        raise UsageError(f"is {name}", where="target.other.api_key", hint="give the other campaign's own key")


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        where = f"target.headers.{name}"
        plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not plain or not value.isascii() or not value.isprintable() or value != value.strip() or not value:
            raise UsageError("is no header", where=where, hint="use ASCII letters, digits and hyphens")
        if reserved(name):
            what = "is set by the transport alone, or may be read as a recipient's"
            raise UsageError(what, where=where, hint="leave it out")


def _check_proxy(proxy: str | None) -> None:
    if proxy is not None and not _usable(proxy):
        raise UsageError("is no URL of a proxy", where="target.proxy", hint="write http://host:port")


def _usable(url: str) -> bool:
    """Whether it is a URL that names a host to speak HTTP to."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return named and url.isascii() and url.isprintable()


def _check_recipients(config: Config) -> None:
    seen: dict[str, str] = {}
    for role in ROLES:
        for place, number in enumerate(getattr(config.recipients, role)):
            where = f"recipients.{role}"
            if not (number.isascii() and number.isdigit() and 8 <= len(number) <= 15):
                raise UsageError(
                    "is no number",
                    where=f"{where}[{place}]",
                    hint="write 8 to 15 digits with country code, no +",
                )
            if seen.get(number) == role:
                raise UsageError("is listed before", where=f"{where}[{place}]", hint="list each number once")
            if number in seen:
                raise UsageError(f"shares a number with recipients.{seen[number]}", where=where, hint="list it once")
            seen[number] = role


def _check_template(config: Config) -> None:
    offered = [("template", config.template.language, config.template.values)]
    offered += [
        (f"template.languages[{place}]", other.language, other.values)
        for place, other in enumerate(config.template.languages)
    ]
    listed: set[str] = set()
    for where, language, values in offered:
        if language not in LANGUAGES:
            raise UsageError(
                "is no language of the service", where=f"{where}.language", hint=f"one of {', '.join(LANGUAGES)}"
            )
        if language in listed:
            raise UsageError("is listed before", where=f"{where}.language", hint="list each language once")
        if where != "template":
            listed.add(language)
        if not values:
            raise UsageError("is empty", where=f"{where}.values", hint="give one value for each template parameter")
        if not all(map(plain_parameter, values)):
            what = "has a parameter whose name may be read as a recipient's, or holds a mark"
            raise UsageError(what, where=f"{where}.values", hint="use a template with other parameters")


def _check_numbers(config: Config) -> None:
    limits, timing = config.limits, config.timing
    for where, (least, most) in BOUNDS.items():
        section, key = where.split(".")
        if not least <= getattr(getattr(config, section), key) <= most:
            raise UsageError(f"is not between {least:g} and {most:g}", where=where, hint="give a number between these")
    price = limits.price_per_message
    if price is not None and not 0 <= price < math.inf:
        raise UsageError("is no price", where="limits.price_per_message", hint="give a price, or leave it out")
    lag = timing.read_lag
    if isinstance(lag, str) and lag != "auto":
        raise UsageError('is neither a number of seconds nor "auto"', where="timing.read_lag", hint='use 0 or "auto"')
    if isinstance(lag, float) and not 0 <= lag < math.inf:
        raise UsageError("is no number of seconds", where="timing.read_lag", hint='use 0 or "auto"')
    if isinstance(lag, float) and lag > timing.settle_timeout:
        # It is waited out: nothing that waits is without a bound, and beyond it no proof closes.
        hint = "give a lag below timing.settle_timeout"
        raise UsageError(
            f"is above timing.settle_timeout, {timing.settle_timeout:g}", where="timing.read_lag", hint=hint
        )
