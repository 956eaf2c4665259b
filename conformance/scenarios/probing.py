"""Requests that must be refused, or must have no effect: unknown ids, keys, methods, bodies, spellings."""

from __future__ import annotations

from collections.abc import Callable

from conformance.config import Config
from conformance.program.probes import AUTHS, METHODS, NAMELESS, OVERRIDDEN, PATHS
from conformance.program.steps import AnyStep, Read, Retry, RowSpec, Send, Wait
from conformance.scenarios.scenario import Scenario, blocked, chain, failing, rest, retried, sent
from conformance.transport.guard import NEAR


def _unknown(_: Config) -> tuple[AnyStep, ...]:
    return tuple(Retry(batch="nobody's", cause=cause) for cause in NAMELESS)


def _keys(config: Config) -> tuple[AnyStep, ...]:
    """Behind the chain comes a second retry, with nothing between it and the first (BR-ACC-06). A second key of the campaign
    reads and retries a batch of its own, once: what comes of it is observed. Ids near its own are tried on a batch apart, for
    their answers may leave everything about it open. A third one is retried without a key and with a made-up one only, and listed
    once more in the end: the valid retries of the first hide what comes late."""
    apart = (Send(batch="third", rows=failing(1)), Send(batch="near", rows=failing(1)))
    again = (Retry(batch="b"), retried("b"), *rest("b", 2))
    listing = Read(batch="third")
    alone: tuple[AnyStep, ...] = (listing, *(Retry(batch="third", cause=f"auth:{name}") for name in ("none", "wrong")))
    late: tuple[AnyStep, ...] = (Wait(batch="third", until="last"), listing)
    probes = (*(f"auth:{name}" for name in AUTHS), *(f"path:{name}" for name in PATHS))
    ids: list[AnyStep] = [Retry(batch="near", cause=f"id:near:{name}") for name in NEAR]
    near: tuple[AnyStep, ...] = (Wait(batch="near", until="terminal", essential=False), *ids, Read(batch="near"))
    second = _second_key("s") if config.target.second_api_key else ()
    return (*apart, *chain("b", probes), *alone, *again, *near, *second, *late)


def _second_key(batch: str) -> tuple[AnyStep, ...]:
    taken = Wait(batch=batch, until="retried", essential=False)
    return (*sent(batch, failing(1)), Read(batch=batch, auth="second"), Retry(batch=batch, auth="second"), taken)


def _methods(_: Config) -> tuple[AnyStep, ...]:
    """Behind the chain the batch is retried with the header alone, and blocked by an exhausted message: one more refusal in a
    later round (ruling 23). In the end one message has been retried twice, and the other three times, the last time by itself:
    the batch is retried once more, for the limit is the same in ``messages_enqueuing_failed``, and for both kinds of retries."""
    methods = (*METHODS, *(f"{name}-as-POST" for name in OVERRIDDEN))
    header = (Retry(batch="b", cause="header:method-override"), retried("b"), *rest("b", 2))
    limit = (Retry(batch="b"), retried("b"))
    return (
        *chain("b", tuple(f"method:{name}" for name in methods)),
        *header,
        *blocked("b", 0, twice=True),
        *limit,
    )


def _foreign(config: Config) -> tuple[AnyStep, ...]:
    with_its_key = config.target.other is not None and config.target.other.api_key is not None
    own = ("auth:other-key", "campaign:other-own-key") if with_its_key else ()
    return chain("b", ("campaign:other", *own))


def _carried(*causes: str) -> Callable[[Config], tuple[AnyStep, ...]]:
    """A batch with a delivered message, if there can be one, is retried with one thing after the other that must not
    matter, and read whole in the end. Two of them only, for a third retry may rightly be refused (ruling 3)."""

    def build(config: Config) -> tuple[AnyStep, ...]:
        rows = (*failing(2), *([RowSpec(role="succeeding")] if config.recipients.succeeding else []))
        steps: list[AnyStep] = [*sent("b", rows)]
        for cause in causes:
            steps += [Retry(batch="b", cause=cause), retried("b")]
        return (*steps, *rest("b", len(rows)))

    return build


def _plain_http(_: Config) -> tuple[AnyStep, ...]:
    return (Retry(batch="nobody's", cause="scheme:http"),)


UNKNOWN = Scenario(
    name="unknown",
    title="Ids that no batch has, well-formed and malformed, are retried, with odd bodies, headers and queries.",
    requirements=("BR-ERR-01", "BR-ERR-03", "BR-ERR-04", "BR-ERR-05", "BR-ERR-09"),
    build=_unknown,
)
KEYS = Scenario(
    name="keys",
    title="A quiet batch is retried without a key, with altered keys and by odd paths; another one by ids near its own.",
    requirements=("BR-SEC-01", "BR-SEC-07", "BR-ERR-04", "BR-ACC-06"),
    needs=("failing",),
    build=_keys,
)
METHODS_ = Scenario(
    name="methods",
    title="A quiet batch's retry path is called with every other method, also with a header that asks for POST.",
    requirements=("BR-SEC-04", "BR-SEC-05", "BR-BLK-01", "BR-BLK-02", "BR-SEL-04"),
    needs=("failing",),
    build=_methods,
)
FOREIGN = Scenario(
    name="foreign",
    title="A quiet batch is retried with the key of another campaign, and through its path.",
    requirements=("BR-SEC-02", "BR-SEC-03"),
    needs=("failing", "other_campaign"),
    build=_foreign,
)
BODY = Scenario(
    name="body",
    title="A quiet batch is retried with bodies that name a recipient, a language and values, and one of its messages.",
    requirements=("BR-SEC-05", "BR-SEL-02", "BR-BLK-03"),
    needs=("failing",),
    build=_carried("body:json-recipient", "body:json-ids"),
)
QUERY = Scenario(
    name="query",
    title="A quiet batch is retried with queries that limit it to one message, and that name a recipient and a message.",
    requirements=("BR-SEC-05", "BR-SEL-02", "BR-BLK-03"),
    needs=("failing",),
    build=_carried("query:limit", "query:recipient"),
)
FORCED = Scenario(
    name="forced",
    title="A quiet batch is retried with a query that forces and names a status, and with a header that names a language.",
    requirements=("BR-SEC-05", "BR-SEL-02", "BR-ACC-04"),
    needs=("failing",),
    build=_carried("query:force", "header:accept-language"),
)
PLAIN_HTTP = Scenario(
    name="plain-http",
    title="The retry is called over plain HTTP, with a made-up key and for no batch.",
    requirements=("BR-SEC-06",),
    needs=("https",),
    build=_plain_http,
)
