"""Load a configuration: a TOML file, overlaid by the environment, checked as a whole before anything is sent."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec

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

PREFIX = "CONFORMANCE_"
_SEE = "`retry-conformance explain docs/configuration.md` lists the keys"
_KEYS = ("api_key", "second_api_key")
_SECTIONS = tuple(field.name for field in msgspec.structs.fields(Config))
#: What the tester has or lacks, which says nothing about the service: never declared absent.
ROLES = ("failing", "succeeding", "pending", "recovering")
#: What a batch can be in, as the service names it.
BATCH_STATUSES = ("messages_enqueued", "messages_enqueuing_failed")
#: Keys of texts: what the environment holds for them is not read as JSON.
_TEXTS = (
    *("base_url", "campaign_id", "contract", "language", "ca_file", "client_cert", "proxy", "url", *_KEYS),
    *(field.name for field in msgspec.structs.fields(Implementation)),
)
#: Characters of a name in [implementation].
LONGEST_NAME = 120
#: A variable's name that no key looks like: words in capitals, joined by underscores.
_LIKE_A_VARIABLE = re.compile(r"[A-Z]{2,12}(_[A-Z]{2,12}){1,4}")
#: Tables of texts under names of the user's own.
_TABLES_OF_TEXTS = (["target", "headers"], ["template", "values"])


def load(path: Path | None, environ: Mapping[str, str], *, target: str | None = None) -> Config:
    """The configuration of a run.

    :param path: the TOML file, if any.
    :param environ: ``CONFORMANCE_TARGET__BASE_URL`` overlays ``target.base_url``, and so on; lists as JSON.
    :param target: overrides ``target.base_url``.
    :return: a whole configuration, with the keys that ``…_env`` names put in their places.
    :raises UsageError: something is unknown, missing, of the wrong type or out of bounds; says which key.
    """
    data = _read(path)
    overlaid = _overlay(data, environ)
    if target is not None and isinstance(data.setdefault("target", {}), dict):
        data["target"]["base_url"] = target
    try:
        config = msgspec.convert(data, Config, strict=True)
    except RecursionError:
        raise UsageError("is nested too deeply", where="the configuration", hint=_SEE) from None
    except msgspec.ValidationError as error:
        raise _told(str(error), overlaid) from None
    config = _with_keys(config, environ)
    _check(config)
    return config


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", where=str(path), hint="name a TOML file") from None
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8", where=str(path), hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"is not TOML: {error}", where=str(path), hint="correct it there") from None
    except RecursionError:
        raise UsageError("is nested too deeply", where=str(path), hint=_SEE) from None


#: What a key takes, in a user's words, by the decoder's.
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}
#: How such a value is written: in TOML, and in a variable.
_WRITTEN = {
    "int": ("write it without quotes, such as 10", "write digits only"),
    "float": ("write it without quotes, such as 10", "write digits only"),
    "str": ('write it in quotes: "…"', 'write it in quotes: "…"'),
    "bool": ("write true or false, without quotes", "write true or false"),
    "array": ('write ["…"], with commas between', 'write a list as JSON, such as ["…"]'),
    "object": ('write { name = "…" }, or a section of its own', 'write a table as JSON, such as {"name": "…"}'),
}


def _told(error: str, overlaid: Mapping[str, str]) -> UsageError:
    """A decoder's message as one of ours: which key, what it takes, how that is written. No value is shown, whatever was typed.

    :param overlaid: the variables, by the keys that they set.
    """
    what, _, at = error.partition(" - at ")
    key = at.strip("`").removeprefix("$.").removeprefix("$")
    unknown = re.search(r"unknown field `([^`]*)`", what)
    if unknown is not None:
        where = f"{key}.{unknown[1]}" if key else unknown[1]
        return UsageError("is no key", where=_named(where, overlaid), hint=_like(unknown[1], _keys_of(key)) or _SEE)
    if (lacking := re.search(r"missing required field `([^`]*)`", what)) is not None:
        return UsageError(
            f"lacks {lacking[1]}", where=_named(key, overlaid), hint=f"add {lacking[1]}, or remove the rest"
        )
    where = _named(key, overlaid) or "the configuration"
    taken = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", what)
    kinds = [kind for kind in taken[1].split(" | ") if kind != "null"] if taken is not None else []
    if taken is None or not all(kind in _KINDS for kind in (*kinds, taken[2])):
        # It begins with a short word: a longer one behind `api_key:` would be taken for a key, and not be shown.
        return UsageError(f"is wrong: {what[:1].lower()}{what[1:]}", where=where, hint=_SEE)
    takes = " or ".join(_KINDS[kind] for kind in kinds)
    hint = _WRITTEN[kinds[0]][key in overlaid]
    return UsageError(f"takes {takes}, and not {_KINDS[taken[2]]}", where=where, hint=hint)


def _named(key: str, overlaid: Mapping[str, str]) -> str:
    """A key, behind the variable that set it or that is nearest above it, if one did."""
    parts = re.sub(r"\[.*", "", key).split(".")
    above = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    variable = next((overlaid[name] for name in above if name in overlaid), "")
    return f"{variable} ({key})" if variable else key


def _keys_of(where: str) -> list[str]:
    """The keys of a table of the configuration; none if there is no such table."""
    known = {path: table for field in msgspec.structs.fields(Config) for path, table in _tables(field.name, field.type)}
    known[""] = Config
    table = known.get(re.sub(r"\[[^]]*\]", "", where))
    return [field.name for field in msgspec.structs.fields(table)] if table is not None else []


def _tables(path: str, kind: object) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """The tables of the configuration at and below a key, by their paths without places in lists."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield path, kind
        for field in msgspec.structs.fields(kind):
            yield from _tables(f"{path}.{field.name}", field.type)
    else:
        for part in get_args(kind):
            yield from _tables(path, part)


def _like(name: str, known: Iterable[str], said_as: Callable[[str], str] = str) -> str:
    """A question that names what looks like ``name``; empty if nothing does."""
    close = difflib.get_close_matches(name, list(known), 3)
    return f"did you mean {' or '.join(map(said_as, close))}?" if close else ""


def _overlay(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Lay the environment over the data. A variable that is empty is one that is not set, as CI servers leave them.

    :return: the variables, by the keys that they set.
    """
    overlaid: dict[str, str] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        keys = name[len(PREFIX) :].lower().split("__")
        if keys[0] not in _SECTIONS:
            hint = _like(keys[0], _SECTIONS, said_as=lambda section: f"{PREFIX}{section.upper()}__…")
            raise UsageError(
                "is no key of the configuration", where=name, hint=hint or "unset it, or see docs/configuration.md"
            )
        if not environ[name]:
            continue
        overlaid[".".join(keys)] = name
        table = data
        for key in keys[:-1]:
            below = table.setdefault(key, {})
            if not isinstance(below, dict):
                raise UsageError("names a key below a value", where=name, hint="unset it, or see docs/configuration.md")
            table = below
        table[keys[-1]] = _value(environ[name], keys)
    return overlaid


def _value(text: str, keys: list[str]) -> Any:
    """JSON where it is a list, table, number or truth value; else the text itself, as are keys and names."""
    if keys[-1] in _TEXTS or keys[-1].endswith("_env") or keys[:-1] in _TABLES_OF_TEXTS:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _with_keys(config: Config, environ: Mapping[str, str]) -> Config:
    target = config.target
    found: dict[str, str | None] = {}
    for key in _KEYS:
        found[key] = _key(getattr(target, key), getattr(target, f"{key}_env"), f"target.{key}", environ)
    other = target.other
    if other is not None:
        key_of_other = _key(other.api_key, other.api_key_env, "target.other.api_key", environ)
        other = msgspec.structs.replace(other, api_key=key_of_other)
    target = msgspec.structs.replace(
        target, api_key=found["api_key"], second_api_key=found["second_api_key"], other=other
    )
    return msgspec.structs.replace(config, target=target)


def _key(direct: str | None, name: str | None, where: str, environ: Mapping[str, str]) -> str | None:
    if direct is not None and name is not None:
        raise UsageError(f"is set beside {where}_env", where=where, hint="set one of the two")
    if name is not None:
        direct = environ.get(name)
        if not direct:
            # A name that does not look like one is not repeated: it may be a key, put in the wrong place.
            told = f"names {name}" if _LIKE_A_VARIABLE.fullmatch(name) else "is the name of a variable"
            what = f"{told}, which is not set" if told.startswith("names") else f"{told} that is not set"
            raise UsageError(
                what, where=f"{where}_env", hint=f"export {name}=…" if name in told else "export it, with the key"
            )
    if direct is not None and (not direct.strip() or not direct.isascii() or not direct.isprintable() or " " in direct):
        raise UsageError("is empty, or holds what no header can carry", where=where, hint="copy the key again")
    return direct


def _check(config: Config) -> None:
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
    held = {f"target.{name}": getattr(target, name) for name in _KEYS}
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
        raise UsageError("is no capability of a service", where=where, hint=_like(name, known) or takes)


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
    offered = [
        (config.template.language, config.template.values),
        *((x.language, x.values) for x in config.template.languages),
    ]
    for language, values in offered:
        if language not in LANGUAGES:
            raise UsageError(
                "is no language of the service", where="template.language", hint=f"one of {', '.join(LANGUAGES)}"
            )
        if not values:
            raise UsageError("is empty", where="template.values", hint="give one value for each template parameter")
        if not all(map(plain_parameter, values)):
            what = "has a parameter whose name may be read as a recipient's, or holds a mark"
            raise UsageError(what, where="template.values", hint="use a template with other parameters")


def _check_numbers(config: Config) -> None:
    limits, timing, target = config.limits, config.timing, config.target
    positive: dict[str, float] = {
        "target.connect_timeout": target.connect_timeout,
        "target.read_timeout": target.read_timeout,
        "limits.calls_per_second": limits.calls_per_second,
        "limits.max_messages": limits.max_messages,
        "limits.max_calls": limits.max_calls,
        "limits.max_rows": limits.max_rows,
        "limits.max_seconds": limits.max_seconds,
        "timing.settle_timeout": timing.settle_timeout,
    }
    for where, number in positive.items():
        if not math.isfinite(number) or number <= 0:
            raise UsageError("is not above zero", where=where, hint="give a positive number")
    price = limits.price_per_message
    if price is not None and not (math.isfinite(price) and price >= 0):
        raise UsageError("is below zero", where="limits.price_per_message", hint="give a price, or leave it out")
    lag = timing.read_lag
    if isinstance(lag, str) and lag != "auto":
        raise UsageError('is neither a number of seconds nor "auto"', where="timing.read_lag", hint='use 0 or "auto"')
    if isinstance(lag, float) and (not math.isfinite(lag) or lag < 0):
        raise UsageError("is below zero", where="timing.read_lag", hint='use 0 or "auto"')
    if isinstance(lag, float) and lag > timing.settle_timeout:
        # It is waited out: nothing that waits is without a bound, and beyond it no proof closes.
        hint = "give a lag below timing.settle_timeout"
        raise UsageError(
            f"is above timing.settle_timeout, {timing.settle_timeout:g}", where="timing.read_lag", hint=hint
        )


def offers(config: Config) -> tuple[str, ...]:
    """What the configuration offers, in the words of ``Header.offers``."""
    target = config.target
    had = [role for role in ROLES if getattr(config.recipients, role)]
    if target.other is not None:
        had.append("other_campaign")
        if target.other.api_key:
            had.append("other_key")
    if target.base_url.lower().startswith("https:"):
        had.append("https")
    if config.template.languages:
        had.append("languages")
    if config.provider_states.url:
        had.append("provider_states")
    return tuple(had)


def languages(config: Config) -> tuple[str, ...]:
    """The configured languages, each once, the template's own first."""
    template = config.template
    return tuple(dict.fromkeys((template.language, *(other.language for other in template.languages))))


def digest(config: Config) -> str:
    """Sixteen hex digits that are equal for equal configurations. Keys are left out of it."""
    data = msgspec.to_builtins(config)
    # Who made the target changes nothing about a run.
    del data["implementation"]
    for table in (data["target"], data["target"].get("other") or {}):
        for key in _KEYS:
            table.pop(key, None)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
