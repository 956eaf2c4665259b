"""Faults in one view or one counter that stays behind (BR-IDS-07), and in how a retried message is shown."""

from __future__ import annotations

from conformance.reference.behaviour import Behaviour
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import TERMINAL, Attempt, Message

FAULTS: dict[str, Fault] = {}


@fault(FAULTS, "numAttempts of the batch's listing stays 1", "BR-IDS-07")
class CountStays(Behaviour):
    def count(self, message: Message) -> int:
        return 1


@fault(FAULTS, "numAttempts rises by two with each retry", "BR-IDS-07")
class NumberRisesByTwo(Behaviour):
    def count(self, message: Message) -> int:
        return 2 * super().count(message) - 1


@fault(FAULTS, "the batch's listing shows and counts the first two attempts only", "BR-IDS-07")
class ListingKeepsTwoAttempts(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if view == "listing":
            shown["messageAttempts"] = [self.attempt(message, a) for a in self.begun(message)[:2]]
            shown["numAttempts"] = len(self.begun(message)[:2])
        return shown


class _Outdated(Behaviour):
    """Base of faults in which a view keeps showing a message as it was before a retry, its first if nothing else is said."""

    #: The view whose cache nothing empties any more, and the attempts that it shows.
    outdated, kept = "", 1

    def view(self, message: Message, view: str) -> dict[str, object]:
        self.showing = view
        return super().view(message, view)

    def begun(self, message: Message) -> list[Attempt]:
        begun = super().begun(message)
        return begun[: self.kept] if self.__dict__.get("showing") == self.outdated else begun


@fault(FAULTS, "the single read shows a message as it was before its first retry", "BR-IDS-07")
class SingleReadNeverCatchesUp(_Outdated):
    outdated = "message"


@fault(FAULTS, "the batch's listing shows messages as they were before their first retry", "BR-IDS-07", "BR-ACC-05")
class ListingNeverCatchesUp(_Outdated):
    outdated = "listing"


@fault(FAULTS, "the single read shows a message as it was after its first retry", "BR-IDS-07")
class SingleReadStopsAtTwoAttempts(_Outdated):
    outdated, kept = "message", 2


@fault(FAULTS, "the campaign's listing shows a retried message as sent for ever", "BR-IDS-07")
class CampaignListingNeverCatchesUp(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if view == "campaign" and self.retried(message) and shown["latestStatus"] in TERMINAL:
            shown["latestStatus"] = "sent"
        return shown


@fault(FAULTS, "times of a retried message have no offset", "BR-SCH-02")
class TimesWithoutOffset(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if self.retried(message):
            shown["updatedAt"] = str(shown["updatedAt"]).removesuffix("+00:00")
        return shown


@fault(FAULTS, "a new attempt shows the error of the old one from its beginning", "BR-SEL-03")
class NewAttemptCarriesTheOldError(Behaviour):
    def attempt(self, message: Message, attempt: Attempt) -> dict[str, object]:
        shown = super().attempt(message, attempt)
        error = message.attempts[0].error
        if attempt is not message.attempts[0] and error is not None:
            shown["errorType"], shown["errorCode"] = error
        return shown
