"""Before a first run: is the configuration whole, does the target answer, and what will remain open? Sends no message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance import __version__, preflight
from conformance.catalogue import Catalogue, load
from conformance.config import Config
from conformance.config_check import cautions
from conformance.config_load import digest, offers
from conformance.deciding import decide
from conformance.drivers import DRIVERS
from conformance.errors import SuiteError, UsageError
from conformance.history.reader import read_history
from conformance.history.records import Exchange, Header, History
from conformance.history.writer import HistoryWriter
from conformance.plan import make_plan
from conformance.transport.client import HttpTransport
from conformance.verdicts import Reason

#: Seconds of settling below which a real service will leave verdicts open.
SHORT_SETTLE = 60.0
#: A state that no vendor has.
NO_STATE = "no_such_state"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What was found, in lines, and 0 or the exit status that a run would end with."""

    lines: tuple[str, ...]
    exit_status: int = 0


def examine(config: Config, folder: Path) -> Diagnosis:
    """Examine a configuration and its target with a few reads.

    :param folder: an empty one, for a history that is thrown away.
    :raises UsageError: no target or key is named.
    """
    if not config.target.base_url or not config.target.api_key:
        how = "set base_url and api_key_env: in a file for --config (`init` writes one), or by CONFORMANCE_TARGET__BASE_URL, …"
        raise UsageError("names no target or no key", where="[target]", hint=how)
    lines = [f"ok    configuration: {config.target.base_url}, campaign {config.target.campaign_id}"]
    lines += [f"note  {caution}" for caution in cautions(config)]
    lines += _whom(config)
    header = Header(
        suite_version=__version__,
        contract_version=config.target.contract,
        run_id="doctor",
        started="",
        base_url=config.target.base_url,
        campaign_id=config.target.campaign_id,
        config_digest=digest(config),
        offers=offers(config),
        absent=config.capabilities.absent,
    )
    path = folder / "history.jsonl"
    with HistoryWriter(path, header) as writer:
        transport = HttpTransport(config, writer)
        try:
            preflight.check(transport, config)
            states = tuple(_states(transport, config))
        except SuiteError as error:
            return Diagnosis(lines=(*lines, f"BAD   target: {error}"), exit_status=error.exit_status)
        finally:
            transport.close()
            writer.close(transport.now(), complete=True)
    history = read_history(path)
    lines.append("ok    target: it answers a page of messages, and refuses a message that there is not")
    lines += states
    lines += _other(history)
    lines += _visible(history)
    catalogue = load(config.target.contract)
    plan = make_plan(config, "standard", [r.id for r in catalogue.requirements], tuple(DRIVERS))
    for part in plan.parts:
        messages = f"{part.messages_at_most} messages at most" if part.messages is None else f"{part.messages} messages"
        calls = f"{part.calls_at_most} at most" if part.calls is None else f"about {part.calls_likely}"
        lines.append(f"note  a run costs, by {part.driver}: {messages}, {calls} calls")
    lines.append("note  `run --plan` says more")
    for short in plan.short:
        what = f"limits.{short.limit} is {short.has:g}, but {short.what} {short.needs}"
        lines.append(f"short {what}: raise it, or a run ends early")
    lines += _unchecked(history, catalogue)
    return Diagnosis(lines=tuple(lines))


def _whom(config: Config) -> Iterable[str]:
    for role in ("failing", "succeeding", "pending", "recovering"):
        count = len(getattr(config.recipients, role))
        if count:
            yield f"ok    recipients.{role}: {count} number{'s' if count > 1 else ''} may be texted"
    loopback = "//127." in config.target.base_url or "//localhost" in config.target.base_url
    if config.timing.settle_timeout < SHORT_SETTLE and not loopback:
        yield f"note  timing.settle_timeout is {config.timing.settle_timeout:g} s: slow deliveries will stay unsettled"


def _states(transport: HttpTransport, config: Config) -> Iterable[str]:
    """What the vendor's URL answers to a state that there is not: to ask for any other might make a batch."""
    if config.provider_states.url is None:
        return
    answer = transport.state(NO_STATE, {}, "setup", scenario="doctor")
    if answer.error.startswith("answered 4"):
        yield f"ok    provider_states.url: it refuses a state that there is not ({answer.error})"
    elif answer.error.startswith("answered"):
        yield f"note  provider_states.url: asked for a state that there is not, it {answer.error}: 4xx says that it knows none"
    elif answer.error:
        yield f"note  provider_states.url: {answer.error}: see that it runs, or no state comes about"
    else:
        yield "note  provider_states.url: it claims to have set up a state that there is not: what it sets up is not told"


def _own_page(exchange: Exchange) -> bool:
    return exchange.invoke.operation == "campaign_list" and exchange.invoke.auth == "valid"


def _other(history: History) -> Iterable[str]:
    """What came of the page of the other campaign, if one was asked for."""
    for exchange in history.exchanges:
        if exchange.invoke.auth != "other":
            continue
        if exchange.status == 200 and isinstance(exchange.end.body, dict):
            yield "ok    target.other: its key opens its campaign"
        else:
            came = exchange.status if exchange.status is not None else "nothing"
            yield (
                f"note  target.other: a page of that campaign with that key is answered {came}: check "
                "target.other.campaign_id and target.other.api_key, or BR-SEC-02, BR-SEC-03 and BR-SGL-03 stay open"
            )


def _visible(history: History) -> Iterable[str]:
    pages = [e.end.body for e in history.exchanges if _own_page(e) and e.accepted]
    shown = [m for page in pages if isinstance(page, dict) for m in page.get("data", ()) if isinstance(m, dict)]
    if shown and not any("batches" in m for m in shown):
        yield "note  messages show no `batches`: what needs a batch's status will be inconclusive (ruling 12)"
    elif not shown:
        yield "note  the campaign has no message yet: whether it shows a batch's status is seen in the run"


#: What to do about what is not checked, the cheapest first; by the key that a reason names first.
_REMEDIES = (
    (
        "[target.other]",
        'costs nothing: name a second campaign and its key; if the service has none: capabilities.absent = ["other_campaign"]',
    ),
    ("target.base_url", "costs nothing: give the https address"),
    ("[[template.languages]]", "costs nothing: name another language of the template"),
    ("recipients.pending", "costs no delivery: name a number that stays pending"),
    ("recipients.failing", "costs no delivery: name a number whose messages fail"),
    ("recipients.succeeding", "costs the messages that your own phone gets: name it"),
    ("recipients.recovering", "costs a number that fails at first and is reached when retried"),
    ("provider_states.url", "takes the vendor: it has to offer provider states (docs/provider-states.md)"),
)


def _unchecked(history: History, catalogue: Catalogue) -> Iterable[str]:
    """What no run with this configuration checks, and how to change that, the cheapest way first.

    These are the verdicts of a history without a retry that are not inconclusive.
    """
    found: dict[str, list[str]] = {}
    reasons: dict[str, Reason] = {}
    for verdict in decide(history, (), catalogue).items:
        if verdict.verdict == "not_run" and verdict.reason is not None:
            found.setdefault(verdict.reason.text, []).append(verdict.requirement)
            reasons.setdefault(verdict.reason.text, verdict.reason)
    total = len(catalogue.requirements)
    if not found:
        yield f"ok    a run with this configuration can check all of the {total} requirements that apply"
        return
    yield f"open  {sum(map(len, found.values()))} of {total} requirements will not be checked, the cheapest to change first:"
    for text, names in sorted(found.items(), key=lambda entry: _remedy(reasons[entry[0]])[0]):
        rank, what = _remedy(reasons[text])
        yield f"open  {', '.join(names)}: {text}" + (f"; {what}" if rank else "")


def _remedy(reason: Reason) -> tuple[int, str]:
    """Its place among the cheapest, and what to do; 0 for what was declared."""
    for rank, (key, what) in enumerate(_REMEDIES, 1):
        if any(need.startswith(key) for need in reason.needs):
            return rank, what
    return 0, ""
