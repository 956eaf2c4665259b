"""BR-IDS-03 and BR-IDS-06: what a message holds is kept by retries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from conformance.findings import DoubtReason
from conformance.history.records import Row
from conformance.judges.identity.facts import VIEWS, accepted, blamed, moved
from conformance.judges.identity.manner import change_of
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.changes import Change
from conformance.judges.inference.circumstances import kind
from conformance.judges.inference.facts import clip, facts, nothing
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import follows, read_after
from conformance.judges.rule import Exercised, InDoubt, Judgement, Observed, Violated, rule, whole_run

#: Cases of BR-IDS-03, by what a sent value holds.
_TRAITS: Mapping[str, Callable[[str], bool]] = {
    "markup": lambda text: "<" in text or "&" in text,
    "blanks": lambda text: re.search(r"\S[ \t\u00a0]{2,}\S", text) is not None,
    "breaks": lambda text: "\n" in text or "\r" in text,
    "quotes": lambda text: '"' in text or "'" in text,
}


@dataclass(frozen=True, kw_only=True)
class _Around:
    """One message in one view, on both sides of the first accepted retry that could pick it up."""

    batch: Batch
    call: RetryCall
    #: Every reading that ended before the retry left; the last is what the retry found.
    before: tuple[Reading, ...]
    #: Every reading that shows a state from after its answer.
    after: tuple[Reading, ...]

    @property
    def base(self) -> Reading:
        return self.before[-1]


def _arounds(case: Case, batch: Batch, message: str) -> Iterator[_Around]:
    call = accepted(batch, message)
    if call is None:
        return
    for view in case.views(message):
        before = tuple(r for r in view if r.last <= call.t)
        after = tuple(r for r in view if follows(case, r, call.last))
        if before and after and view[0].view in VIEWS:
            yield _Around(batch=batch, call=call, before=before, after=after)


def _told(change: Change) -> str:
    """What became of which data, by which kind of request, in words that a reader can act upon."""
    verb = "loses" if nothing(change.new) else "changes"
    batch, dot, field = change.name.partition(".")
    what = f"{field} of a message's batch" if dot and batch == "batches" else f"{change.name} of a message"
    # An accepted retry of another batch is one, too.
    kinds = {kind(call) for call, _ in change.suspects}
    one = next(iter(kinds), "request")
    by = f"in {'an' if one[0] in 'aeiou' else 'a'} {one}" if len(kinds) == 1 else "in one of several requests"
    return f"the target {verb} {what} {by}"


@rule(
    "BR-IDS-03",
    whole_run,
    legal_if="what the message holds were as before",
    subject="changed data",
    first_only=True,
    earlier={"BR-SGL-01": "BR-IDS-03", "BR-SGL-02": "BR-IDS-03", "BR-SGL-03": "BR-IDS-03"},
)
def data_kept(inference: Inference) -> Iterator[Judgement]:
    """A message keeps its data, as the target showed it before; a change is laid to whatever may have made it (``changes``).

    Exercised by a message that was retried and shows its content on both sides: by what its row's values hold, and by its language.
    """
    changed = {change.message for change in inference.changes}
    for change in inference.changes:
        if change.proof is not None:
            yield Violated(
                proof=change.proof,
                violation=_told(change),
                expected=(f"{change.name} {clip(change.old)}",),
                observed=f"{change.name} {clip(change.new)}",
                any_of=change.any_of,
                defect=f"{change.name} changed by {change.cause}: {_how(change)}",
                scenario=change.scenario,
            )
        elif change.suspects:
            text = f"reads {change.before.n} and {change.after.n} show another {change.name}, and no call is shown to have arrived"
            for name in change.any_of:
                yield InDoubt(
                    reason=DoubtReason.DATA_CHANGED,
                    text=text,
                    evidence=(change.before.n, change.after.n),
                    requirement=name,
                )
        else:
            what = f"{change.name} of a message, with no retry near"
            yield Observed(key="data-changed", value=what, evidence=(change.before.n, change.after.n))
    languages: dict[str, int] = {}
    for batch in inference.case.ours:
        for message, row in batch.row_of.items():
            for proof in _kept(inference.case, batch, message) if message not in changed else ():
                languages.setdefault(row.language, proof.evidence[-1])
                for case in _cases(row):
                    yield Exercised(proof=proof, case=case)
    yield from _one_language(inference.case, languages)


def _how(change: Change) -> str:
    """How a field was changed, in words for a fingerprint.

    A retry of a batch picks up rows in every language; which of them another call meets is chance.
    """
    how = change_of(change.name, change.old, change.new)
    every = change.name.endswith("language") and change.cause.startswith("accepted retry")
    return f"{change.old} {how}" if every else how


def _kept(case: Case, batch: Batch, message: str) -> Iterator[Proof]:
    """Proof that a failed message was retried, and that its content was shown before, and when it was seen to be retried."""
    for pair in _arounds(case, batch, message):
        if pair.base.status != "failure":
            continue
        was = facts(pair.base, batch.id)
        retried = next((r for r in pair.after if moved(pair.base, r)), None)
        for reading in pair.after:
            now = facts(reading, batch.id)
            names = ("values", "fullMessage") if reading.terminal else ("values",)
            shown = any(was.get(name) is not None and now.get(name) is not None for name in names)
            if retried is not None and reading.t >= retried.t and shown:
                yield Proof(evidence=(pair.base.n, pair.call.n, retried.n, reading.n))
                return


def _cases(row: Row) -> Iterator[str]:
    for name, holds in _TRAITS.items():
        if any(holds(text) for text in row.values.values()):
            yield name
    yield f"language:{row.language}"


def _one_language(case: Case, languages: Mapping[str, int]) -> Iterator[InDoubt]:
    """Where the header says that there are several languages, and not which (as it does since contract 1.1), one will not do."""
    header = case.header
    if "languages" in header.offers and not getattr(header, "languages", ()) and len(languages) == 1:
        text = f"several languages are configured, and only rows in {next(iter(languages))} were retried"
        yield InDoubt(reason=DoubtReason.LANGUAGES, text=text, evidence=tuple(languages.values()))


@rule(
    "BR-IDS-06",
    whole_run,
    violation="the target shows an id with another row's content after a retry",
    expected=("each id with the content of its own row",),
    legal_if="the id had kept its row",
    subject="contents exchanged between ids",
    first_only=True,
)
def rows_kept(inference: Inference) -> Iterator[Judgement]:
    """Every id keeps the content of its own row through retries.

    Rows are told apart by the nonces that this run put into their values, whatever their recipients. Where one view shows an id
    with a nonce before an accepted retry, and after its answer (A7) with that of another row of the batch, which the view did not
    show there before, the contents were exchanged. No other client writes to it (A6). Exercised by two retried messages of
    one batch whose rows name the same recipient.
    """
    case = inference.case
    for batch in case.ours:
        pairs = {m: tuple(_arounds(case, batch, m)) for m in batch.messages}
        shown = {n for found in pairs.values() for p in found for r in p.after for n in r.nonces}
        swapped = next((found for m in pairs for p in pairs[m] if (found := _swapped(p, shown)) is not None), None)
        if swapped is not None:
            yield swapped
        else:
            yield from _twice(batch, pairs)


def _swapped(pair: _Around, shown: set[str]) -> Violated | None:
    """A message that shows another row's content; ``shown`` are the marks of rows that its batch shows after the retry."""
    own = frozenset(n for r in pair.before for n in r.nonces)
    rows = {row.nonce for row in pair.batch.rows}
    for reading in pair.after:
        foreign = (reading.nonces - own) & rows
        if not own or not foreign:
            continue
        first = Proof(
            because=(
                f"read {pair.base.n} ({pair.base.view}), before retry {pair.call.n}, shows the id with the row marked "
                f"{', '.join(sorted(own))}; the marks were made by this run, one for each row",
            ),
            evidence=(pair.base.n, pair.call.n),
            assumptions=frozenset(assume("A6", pair.batch.id)),
        )
        shows = f"(the same view), begun after the answer, shows it with the row marked {', '.join(sorted(foreign))}"
        return Violated(
            proof=first & read_after(reading, pair.call.last, shows),
            observed="an id with the content of another row",
            defect=f"{_rows(pair.batch, own, foreign)}{'' if own & shown else ', its own is lost'}",
            any_of=blamed(pair.call, "BR-IDS-06"),
            scenario=pair.call.scenario,
        )
    return None


def _rows(batch: Batch, own: frozenset[str], foreign: frozenset[str]) -> str:
    """Whether rows that were exchanged name one recipient, in words for a fingerprint."""
    to = [{row.recipient for row in batch.rows if row.nonce in nonces} for nonces in (own, foreign)]
    return "rows to one recipient" if to[0] & to[1] else "rows to several recipients"


def _twice(batch: Batch, pairs: Mapping[str, tuple[_Around, ...]]) -> Iterator[Exercised]:
    retried: dict[str, list[tuple[int, ...]]] = {}
    for message, row in batch.row_of.items():
        for pair in pairs.get(message, ()):
            after = next((r for r in pair.after if moved(pair.base, r) and r.nonces), None)
            told = row.nonce not in batch.copied
            if told and pair.base.status == "failure" and pair.base.nonces and after is not None:
                retried.setdefault(row.recipient, []).append((pair.base.n, pair.call.n, after.n))
                break
    for shown in retried.values():
        if len(shown) > 1:
            yield Exercised(proof=Proof(evidence=tuple(sorted({n for numbers in shown for n in numbers}))))
            return


RULES = (data_kept, rows_kept)
