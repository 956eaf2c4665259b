"""Faults in what the target shows, and in the errors that it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.paging import BadPageError, page_of
from conformance.reference.world import Batch, Message

FAULTS: dict[str, Fault] = {}


@fault(FAULTS, "the single read shows a retried message with another template body", "BR-IDS-03", "BR-IDS-04")
class AnotherTemplateInTheSingleRead(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if view == "message" and len(message.attempts) > 1:
            shown["templateBodyId"] = "template_body_2"
        return shown


@fault(FAULTS, "the campaign's listing shows recipients' messages in another language", "BR-IDS-04")
class AnotherLanguageInTheCampaign(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if view == "campaign":
            shown["language"] = "tamil" if message.language == "english" else "english"
        return shown


@fault(FAULTS, "after a retry the listing is ordered by the last change, anew on every page", "BR-IDS-05")
class OrderedByChange(Behaviour):
    def listed(self, messages: Sequence[Message]) -> list[Message]:
        listed = super().listed(messages)
        if any(len(m.attempts) > 1 for m in messages):
            turn = int(self.world.__dict__.setdefault("turns", 0))
            self.world.__dict__["turns"] = turn + 1
            cut = turn % len(listed)
            return listed[cut:] + listed[:cut]
        return listed


@fault(FAULTS, "no page says that there is one before it", "BR-IDS-05")
class NoPageBefore(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        page = super().page(call, answer)
        if page.status != 200:
            return page
        return replace(page, body={**page.body, "pageData": {**page.body["pageData"], "hasPreviousPage": False}})


@fault(FAULTS, "further pages of a batch's listing forget the batch", "BR-IDS-05")
class FurtherPagesForgetTheBatch(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        if not call.batch or "after" not in call.query:
            return super().page(call, answer)
        try:
            found = page_of(self.listed(self.world.messages[call.campaign]), dict(call.query), self.cursor)
        except BadPageError:
            return super().page(call, answer)
        return Answer(200, {"data": [self.view(m, "listing") for m in found.messages], "pageData": found.data})


@fault(FAULTS, "the batch's listing joins messages to attempts by the recipient", "BR-IDS-07")
class JoinsAttemptsByRecipient(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if view == "listing" and message.batch is not None:
            same = [m for m in message.batch.messages if m.recipient == message.recipient]
            joined = [self.attempt(m, a) for m in same for a in self.begun(m)]
            shown |= {"messageAttempts": joined, "numAttempts": len(joined)}
        return shown


class _CampaignsListing(Behaviour):
    """Base of faults in the campaign's listing alone."""

    def listed(self, messages: Sequence[Message]) -> list[Message]:
        listed = super().listed(messages)
        whole = any(m.batch is None for m in messages) or len({id(m.batch) for m in messages}) > 1
        return self.of_the_campaign(listed) if whole else listed

    def of_the_campaign(self, listed: list[Message]) -> list[Message]:
        """The listing as it is shown."""
        return listed


@fault(FAULTS, "the campaign's listing is ordered by the last change", "BR-IDS-05")
class CampaignOrderedByChange(_CampaignsListing):
    def of_the_campaign(self, listed: list[Message]) -> list[Message]:
        now = self.world.now()
        return sorted(listed, key=lambda m: m.attempts[-1].at(now)[0])


@fault(FAULTS, "the campaign's listing joins messages to their attempts, and shows those with three twice", "BR-IDS-05")
class CampaignJoinsAttempts(_CampaignsListing):
    def of_the_campaign(self, listed: list[Message]) -> list[Message]:
        return [copy for m in listed for copy in [m] * (2 if len(m.attempts) > 2 else 1)]


@fault(FAULTS, "cursors of the campaign's listing are times of creation in milliseconds", "BR-IDS-05")
class CampaignCursorsAreTimes(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        listed = self.listed(self.world.messages.get(call.campaign, []))
        last = next((m for m in listed if self.cursor(m) == call.query.get("after")), None)
        if call.batch or last is None or answer.status != 200:
            return super().page(call, answer)
        # As by `created_at > :after`: what else was made in that millisecond is on no page.
        same = [m for m in listed if int(m.created * 1000) == int(last.created * 1000)]
        found = page_of(listed, {**call.query, "after": self.cursor(same[-1])}, self.cursor)
        shown = [self.view(m, "campaign") for m in found.messages]
        return super().page(call, Answer(200, {"data": shown, "pageData": found.data}))


@fault(FAULTS, "a retry changes when a message was created", "BR-IDS-03", "BR-IDS-05")
class CreatedAnew(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        message.created = self.world.now()


@fault(FAULTS, "an unknown batch is answered 201", "BR-ERR-01", "BR-ERR-04")
class UnknownIsAccepted(Behaviour):
    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        return Answer(201)


@fault(FAULTS, "an unknown batch is refused with another code", "BR-ERR-01")
class AnotherCodeForUnknown(Behaviour):
    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        return self.error(400, "parameter_invalid")


@fault(FAULTS, "a blocked retry is refused with another code", "BR-ERR-02")
class AnotherCodeWhenBlocked(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        super().on_blocked(batch)
        return self.error(400, "parameter_invalid")


@fault(FAULTS, "errors are HTML", "BR-ERR-03", "BR-SCH-01")
class HtmlErrors(Behaviour):
    def error(self, status: int, code: str) -> Answer:
        answer = super().error(status, code)
        if status != 400:
            return answer
        return Answer(status, None, {"content-type": "text/html"}, raw=f"<h1>{status}</h1><p>{code}</p>".encode())


@fault(FAULTS, "an id that is not plain text breaks the endpoint with a 500", "BR-ERR-04")
class OddIdsBreak(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        if not batch_id.isascii() or not batch_id.replace("_", "").replace("-", "").isalnum():
            return self.error(500, "internal_error")
        return super().refuse_request(call, batch_id)


@fault(FAULTS, "a body breaks the endpoint with a 500", "BR-ERR-04", "BR-SEC-05")
class BodiesBreak(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        return self.error(500, "internal_error") if call.body else super().refuse_request(call, batch_id)


@fault(FAULTS, "errors are a debugger's page with a stack trace", "BR-ERR-05", "BR-ERR-03")
class ShowsStackTraces(Behaviour):
    def error(self, status: int, code: str) -> Answer:
        if status != 400:
            return super().error(status, code)
        trace = 'Traceback (most recent call last):\n  File "/srv/app/retry.py", line 41, in retry\nValueError: '
        return Answer(status, None, {"content-type": "text/plain"}, raw=(trace + code).encode())


@fault(FAULTS, "the listing leaves out latestStatus", "BR-SCH-02")
class ListingWithoutStatus(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if view == "campaign":
            del shown["latestStatus"]
        return shown
