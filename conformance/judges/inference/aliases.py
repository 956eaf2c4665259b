"""Rows that a target shows under more ids than it may: what a single retry gives one of these shows under the others, too."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from conformance.history.records import Exchange
from conformance.judges.inference.readings import Reading


def alike(by_message: Mapping[str, tuple[Reading, ...]], sends: Iterable[Exchange]) -> dict[str, frozenset[str]]:
    """The ids under which the target shows a row of ours, for each of them, where they are more than such rows were sent.

    :param by_message: every reading of each id; :param sends: the sends that were accepted.
    """
    sent = Counter(row.nonce for e in sends for row in e.invoke.rows)
    shown: defaultdict[str, set[str]] = defaultdict(set)
    for message, seen in by_message.items():
        for nonce in {n for r in seen for n in r.nonces}:
            shown[nonce].add(message)
    more = (frozenset(ids) for nonce, ids in shown.items() if len(ids) > sent[nonce] > 0)
    return {message: ids for ids in more for message in ids}
