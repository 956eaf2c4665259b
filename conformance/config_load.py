"""Load a configuration: a TOML file, overlaid by the environment, checked as a whole before anything is sent."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from conformance.config import Config, Implementation
from conformance.config_check import KEYS, ROLES, check, like
from conformance.errors import UsageError

PREFIX = "CONFORMANCE_"
_SEE = "`retry-conformance explain docs/configuration.md` lists the keys"
_SECTIONS = tuple(field.name for field in msgspec.structs.fields(Config))
#: Keys of texts: what the environment holds for them is not read as JSON.
_TEXTS = (
    *("base_url", "campaign_id", "contract", "language", "ca_file", "client_cert", "proxy", "url", *KEYS),
    *(field.name for field in msgspec.structs.fields(Implementation)),
)
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
    check(config)
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
        return UsageError("is no key", where=_named(where, overlaid), hint=like(unknown[1], _keys_of(key)) or _SEE)
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
            hint = like(keys[0], _SECTIONS, said_as=lambda section: f"{PREFIX}{section.upper()}__…")
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
    for key in KEYS:
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
        for key in KEYS:
            table.pop(key, None)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
