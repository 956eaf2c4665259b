"""What a run was about: which requirements were selected, declared absent, configured, and which cases it had to meet.

Pure functions of a requirement, the history's header and the catalogue. Facts about requirements stand in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conformance.catalogue import Requirement
from conformance.findings import Exercise
from conformance.history.records import Header, History
from conformance.verdicts.model import Reason

#: What the user sets, for each thing that a requirement may need.
_OFFER_KEYS = {
    "failing": "recipients.failing",
    "succeeding": "recipients.succeeding (a phone that you own)",
    "pending": "recipients.pending",
    "recovering": "recipients.recovering",
    "other_campaign": "[target.other] campaign_id, or declare it absent",
    "other_key": "[target.other] api_key_env, or declare it absent",
    "https": "target.base_url with https",
    "languages": "[[template.languages]]",
    "provider_states": "provider_states.url",
}
#: What is missing, in words.
_LACKS = {
    "failing": "no number whose messages fail",
    "succeeding": "no phone of your own",
    "pending": "no number that stays pending",
    "recovering": "no number that recovers",
    "other_campaign": "no second campaign",
    "other_key": "no key of a second campaign",
    "https": "no https",
    "languages": "no further language",
    "provider_states": "no provider states",
}


def not_selected(requirement: Requirement, header: Header) -> Reason | None:
    """Why the run is not about a requirement, if so."""
    if requirement.profile not in header.profiles:
        return Reason(code="not-selected", text=f"profile {requirement.profile} is not selected", needs=("--profile",))
    if header.selected and requirement.id not in header.selected:
        return Reason(code="not-selected", text="this run is about other requirements")
    return None


def absences(requirement: Requirement, header: Header, capabilities: Mapping[str, str]) -> tuple[str, ...]:
    """What a requirement needs of the service and the header declares absent, in words: "no second campaign".

    :param capabilities: what a service may lack, and the words for it (``Catalogue.capabilities``). Anything else in the
        header's list, such as the requirement ids and recipient roles that older versions took, declares nothing.
    """
    return tuple(capabilities[n] for n in requirement.needs if n in header.absent and n in capabilities)


def declared_absent(requirement: Requirement, header: Header, capabilities: Mapping[str, str]) -> Reason | None:
    """Why a requirement is declared not to be testable, if so."""
    missing = absences(requirement, header, capabilities)
    if not missing:
        return None
    return Reason(code="declared-absent", text=f"declared absent by capabilities.absent: {', '.join(missing)}")


def not_configured(requirement: Requirement, header: Header) -> Reason | None:
    """What the configuration lacks for a requirement, if anything."""
    condition = requirement.applies.offer if requirement.applies is not None else None
    lacking = [need for need in requirement.needs if need not in header.offers and need != condition]
    if not lacking:
        return None
    keys = tuple(_OFFER_KEYS.get(need, need) for need in lacking)
    # A campaign is of no use without its key, and the other way round: one of the two says it.
    words = [_LACKS.get(need, need) for need in lacking if need != "other_key" or "other_campaign" not in lacking]
    return Reason(code="not-configured", text=f"{' and '.join(words)} is configured", needs=keys)


def not_applicable(requirement: Requirement, history: History) -> Reason | None:
    """Why a requirement cannot apply to this run by its nature, if so."""
    condition = requirement.applies
    if condition is not None and condition.offer not in history.header.offers:
        return Reason(code=condition.code, text=condition.otherwise)
    status = requirement.never_provoked
    met = any(e.status == status and e.invoke.operation == "batch_retry" for e in history.exchanges)
    if status is not None and not met:
        return Reason(code="never-occurred", text=f"no retry was answered {status}, and none is provoked")
    return None


def required_cases(requirement: Requirement, header: Header) -> tuple[str, ...]:
    """The cases that must all be exercised for a pass with this run's configuration; none: any exercise will do."""
    needing = requirement.cases_needing
    cases = [case for case in requirement.cases if case not in needing or needing[case] in header.offers]
    if requirement.each_language and len(header.languages) > 1:
        cases += [f"language:{name}" for name in header.languages]
    return tuple(cases)


def missing_cases(requirement: Requirement, header: Header, exercises: Iterable[Exercise]) -> list[str]:
    """Cases that were not exercised; [""] where a requirement without cases was not exercised at all."""
    met = {exercise.facet for exercise in exercises}
    cases = required_cases(requirement, header)
    if not cases:
        return [] if met else [""]
    return [case for case in cases if not met.intersection(case.split(" or "))]
