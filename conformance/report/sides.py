"""Which side of a target's behaviour each requirement is about, and which come first when causes are told. Data."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.findings import SURPLUS

#: Sides of what a target does with a retry.
#:   admits: whom it lets in, and when; attempts: what it attempts because of it; data: what it keeps of the messages;
#:   members: which messages and batches there are; status: the batch's status after a refusal; answers: how it answers.
_SIDES: dict[str, frozenset[str]] = {
    name: frozenset(said.split())
    for name, said in {
        "BR-ACC-01": "admits",
        "BR-ACC-02": "admits",
        "BR-ACC-03": "admits",
        "BR-ACC-04": "answers",
        "BR-ACC-05": "admits attempts",
        "BR-ACC-06": "admits",
        "BR-BLK-01": "admits",
        "BR-BLK-02": "status",
        "BR-BLK-03": "attempts data",
        "BR-IDS-01": "members",
        "BR-IDS-02": "members",
        "BR-IDS-03": "data",
        "BR-IDS-04": "data members",
        "BR-IDS-05": "members",
        "BR-IDS-06": "data",
        "BR-IDS-07": "attempts views",
        "BR-SEL-01": "attempts",
        "BR-SEL-02": "attempts",
        "BR-SEL-03": "attempts",
        "BR-SEL-04": "attempts admits",
        "BR-SEL-05": "attempts",
        "BR-SEL-06": "admits",
        "BR-SEL-07": "attempts",
        "BR-SEL-08": "attempts",
        "BR-SEL-09": "attempts admits",
        "BR-SEL-10": "admits",
        "BR-LIV-01": "attempts",
        "BR-LIV-02": "attempts",
        "BR-SGL-01": "admits attempts answers",
        "BR-SGL-02": "attempts data answers",
        "BR-SGL-03": "attempts",
        "BR-CON-01": "attempts",
        "BR-CON-02": "attempts",
        "BR-CON-03": "attempts",
        "BR-ERR-06": "attempts",
        "BR-ERR-07": "attempts answers",
        "BR-ERR-08": "admits answers",
        "BR-SEC-05": "attempts data admits",
    }.items()
}
_OTHERWISE = {
    "BR-ERR": frozenset({"answers"}),
    "BR-SCH": frozenset({"answers"}),
    "BR-SEC": frozenset({"attempts", "data"}),
}

#: What only one side of a requirement with several shows: an attempt too many tells nothing of the data, nor they of attempts.
_OF_SUBJECT = {SURPLUS: frozenset({"admits", "attempts"}), "changed data": frozenset({"data"})}

#: Families in the order in which causes are told: who may retry at all, then races, then what a retry must not do, …
RANK = (
    *("BR-SEC-0", "BR-CON", "BR-BLK-01", "BR-BLK-03", "BR-SGL", "BR-ACC-01", "BR-ACC-05", "BR-ACC-02", "BR-ACC-03"),
    *("BR-ACC-06", "BR-SEL-02", "BR-SEL-05", "BR-SEL-07", "BR-SEL-08", "BR-SEL", "BR-LIV", "BR-IDS-01", "BR-IDS-02"),
    *("BR-IDS", "BR-ERR-06", "BR-ERR-07", "BR-ERR-08", "BR-BLK-02", "BR-ACC-04", "BR-ERR", "BR-SCH"),
)

#: What a refusal may break because it is one; any other finding about a refusal is about how it says no.
WRONGLY_REFUSED = frozenset(
    ("BR-ACC-02", "BR-ACC-03", "BR-ACC-06", "BR-SEL-01", "BR-SEL-04", "BR-SEL-09", "BR-SEL-10", "BR-SEC-05")
)

#: Reasons of an open requirement that have a cause of their own: the configuration, the network, the end of the run.
_OWN_REASONS = frozenset(
    {
        *("not-selected", "not-configured", "declared-absent", "never-occurred", "no-driver-selected"),
        *("run-incomplete", "answer-lost", "dropped", "gateway-answer", "credential-refused", "suite-error"),
        *("one-language-only", "page-size-ignored", "pages-not-linked", "unread-body", "other-campaign-unproved"),
    }
)


def sides(requirements: Iterable[str], subject: str) -> frozenset[str]:
    """The sides that a finding is about, which breaks one of these requirements: of what they are about, what its subject is."""
    found = (_SIDES.get(name) or _OTHERWISE.get(name.rpartition("-")[0], frozenset({name})) for name in requirements)
    known = frozenset().union(*found)
    return known & _OF_SUBJECT.get(subject, known) or known


def follows_by_nature(code: str) -> bool:
    """True if a requirement that is open for this reason may be so because of what the target did wrong elsewhere."""
    return code not in _OWN_REASONS
