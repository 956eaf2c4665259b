"""Requests that must be refused, or must have no effect: unknown ids, keys, methods, bodies, spellings."""

from __future__ import annotations

from collections.abc import Callable

from conformance.config import Config
from conformance.program.probes import AUTHS, METHODS, NAMELESS, PATHS
from conformance.program.steps import AnyStep, Read, Retry
from conformance.scenarios.scenario import Scenario, chain, failing, round_of, sent


def _unknown(_: Config) -> tuple[AnyStep, ...]:
    return tuple(Retry(batch="nobody's", cause=cause) for cause in NAMELESS)


def _keys(_: Config) -> tuple[AnyStep, ...]:
    return chain("b", (*(f"auth:{name}" for name in AUTHS), *(f"path:{name}" for name in PATHS)))


def _methods(_: Config) -> tuple[AnyStep, ...]:
    return chain("b", tuple(f"method:{name}" for name in METHODS))


def _foreign_key(_: Config) -> tuple[AnyStep, ...]:
    return chain("b", ("auth:other-key",))


def _foreign_path(config: Config) -> tuple[AnyStep, ...]:
    with_its_key = config.target.other is not None and config.target.other.api_key is not None
    return chain("b", ("campaign:other", *(["campaign:other-own-key"] if with_its_key else [])))


def _with_and_without(cause: str) -> Callable[[Config], tuple[AnyStep, ...]]:
    def build(_: Config) -> tuple[AnyStep, ...]:
        with_it = (Retry(batch="b", cause=cause), *round_of("b")[1:])
        return (*sent("b", failing(2)), Read(batch="b", view="message"), *with_it, *round_of("b"))

    return build


def _plain_http(_: Config) -> tuple[AnyStep, ...]:
    return (Retry(batch="nobody's", cause="scheme:http"),)


UNKNOWN = Scenario(
    name="unknown",
    title="Ids that no batch has, well-formed and malformed, are retried, with odd bodies, headers and queries.",
    requirements=("BR-ERR-01", "BR-ERR-03", "BR-ERR-04", "BR-ERR-05"),
    build=_unknown,
)
KEYS = Scenario(
    name="keys",
    title="A quiet batch is retried without a key, with wrong and altered keys, and at odd spellings of the path.",
    requirements=("BR-SEC-01", "BR-SEC-07", "BR-ERR-04"),
    needs=("failing",),
    build=_keys,
)
METHODS_ = Scenario(
    name="methods",
    title="A quiet batch's retry path is called with every other method.",
    requirements=("BR-SEC-04",),
    needs=("failing",),
    build=_methods,
)
FOREIGN_KEY = Scenario(
    name="foreign-key",
    title="A quiet batch is retried with the key of another campaign.",
    requirements=("BR-SEC-02",),
    needs=("failing", "other_campaign", "other_key"),
    build=_foreign_key,
)
FOREIGN_PATH = Scenario(
    name="foreign-path",
    title="A quiet batch is retried through the path of another campaign.",
    requirements=("BR-SEC-03",),
    needs=("failing", "other_campaign"),
    build=_foreign_path,
)
BODY_RECIPIENT = Scenario(
    name="body-recipient",
    title="A quiet batch is retried with a body that names a recipient, and then without.",
    requirements=("BR-SEC-05",),
    needs=("failing",),
    build=_with_and_without("body:json-recipient"),
)
BODY_IDS = Scenario(
    name="body-ids",
    title="A quiet batch is retried with a body that names one of its messages, and then without.",
    requirements=("BR-SEC-05",),
    needs=("failing",),
    build=_with_and_without("body:json-ids"),
)
QUERY = Scenario(
    name="query",
    title="A quiet batch is retried with a query that names a recipient and a message, and then without.",
    requirements=("BR-SEC-05",),
    needs=("failing",),
    build=_with_and_without("query:recipient"),
)
PLAIN_HTTP = Scenario(
    name="plain-http",
    title="The retry is called over plain HTTP, with a made-up key and for no batch.",
    requirements=("BR-SEC-06",),
    needs=("https",),
    build=_plain_http,
)
