"""Faults in what a retry's body, query, headers or method change (BR-SEC-04, BR-SEC-05, ruling 30)."""

from __future__ import annotations

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import TERMINAL, Batch, Message

FAULTS: dict[str, Fault] = {}


@fault(FAULTS, "a retry that accepts a page is answered 201 with a page", "BR-ACC-04")
class PageForBrowsers(Behaviour):
    def accepted(self, batch: Batch) -> Answer:
        if "text/html" in self.calling.headers.get("accept", ""):
            return Answer(201, headers={"content-type": "text/html"}, raw=b"<html><p>The retry is accepted.</p></html>")
        return super().accepted(batch)


class _RefusedAndCarriedOut(Behaviour):
    """Base of faults in which a request is validated after its retry was committed."""

    def disliked(self, call: Call) -> bool:
        """True if the validation refuses this request."""
        raise NotImplementedError

    def retry(self, call: Call, batch_id: str) -> Answer:
        answer = super().retry(call, batch_id)
        return self.error(400, "parameter_invalid") if self.disliked(call) else answer


@fault(FAULTS, "a retry with a body is refused with 400, and carried out", "BR-BLK-03")
class BodyIsRefusedAndCarriedOut(_RefusedAndCarriedOut):
    def disliked(self, call: Call) -> bool:
        return bool(call.body)


@fault(FAULTS, "a retry with a query is refused with 400, and carried out", "BR-BLK-03")
class QueryIsRefusedAndCarriedOut(_RefusedAndCarriedOut):
    def disliked(self, call: Call) -> bool:
        return bool(call.query)


@fault(FAULTS, "a retry with force=true is carried out next to a created message", "BR-SEC-05", "BR-BLK-01")
class ForcePassesTheCreated(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return self.calling.query.get("force") != "true" and super().blocked(batch)


@fault(FAULTS, "a retry with force=true resends delivered messages", "BR-SEC-05", "BR-SEL-02", "BR-SEL-06")
class ForceResendsTheDelivered(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        if call.query.get("force") != "true":
            return super().to_retry(batch, call)
        now = self.world.now()
        return [m for m in batch.messages if m.status(now) in TERMINAL and not self.exhausted(m)]


@fault(FAULTS, "a status in the query selects the messages that are retried", "BR-SEC-05", "BR-SEL-02", "BR-SEL-06")
class StatusInTheQuerySelects(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        if call.query.get("status") not in TERMINAL:
            return super().to_retry(batch, call)
        now = self.world.now()
        return [m for m in batch.messages if m.status(now) == call.query["status"] and not self.exhausted(m)]


@fault(FAULTS, "a retry with dryRun in its query is answered 201 and dropped", "BR-SEC-05", "BR-ACC-05", "BR-SEL-01")
class DryRunIsAcceptedAndDropped(Behaviour):
    def retry(self, call: Call, batch_id: str) -> Answer:
        checked = self.check(call, batch_id)
        if "dryRun" in call.query and not isinstance(checked, Answer):
            return self.accepted(checked[0])
        return super().retry(call, batch_id)


@fault(FAULTS, "a limit in the query that is no number breaks the retry endpoint with a 500", "BR-ERR-04")
class LimitsThatAreNoNumberBreak(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        if not call.query.get("limit", "1").isdecimal():
            return self.error(500, "internal_error")
        return super().refuse_request(call, batch_id)


@fault(FAULTS, "a limit in the query bounds the messages that are retried", "BR-SEC-05", "BR-SEL-01", "BR-ACC-02")
class LimitInTheQueryCounts(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        limit = call.query.get("limit", "")
        return failed[: int(limit)] if limit.isdecimal() else failed


@fault(FAULTS, "a retry with a body is answered 201 and dropped", "BR-ACC-05", "BR-SEL-01", "BR-SEC-05")
class BodyIsAcceptedAndDropped(Behaviour):
    def retry(self, call: Call, batch_id: str) -> Answer:
        checked = self.check(call, batch_id) if call.body else None
        if checked is None or isinstance(checked, Answer):
            return super().retry(call, batch_id)
        return self.accepted(checked[0])


@fault(FAULTS, "values in the body of a retry replace those of the messages", "BR-SEC-05", "BR-IDS-03")
class BodyReplacesValues(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        said = call.json.get("values") if isinstance(call.json, dict) else None
        values = {str(k): str(v) for k, v in said.items()} if isinstance(said, dict) else {}
        for message in failed:
            message.values = {**message.values, **values}
        return failed


@fault(FAULTS, "a language in the body of a retry replaces that of the messages", "BR-SEC-05", "BR-IDS-03")
class BodyReplacesTheLanguage(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        language = call.json.get("language") if isinstance(call.json, dict) else None
        for message in failed if isinstance(language, str) else ():
            message.language = str(language)
        return failed


#: Languages by the first letters of Accept-Language.
_TONGUES = {"zh": "chinese", "ms": "malay", "ta": "tamil"}


@fault(FAULTS, "the header Accept-Language sets the language of retried messages", "BR-SEC-05", "BR-IDS-03")
class HeaderSetsTheLanguage(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        wanted = _TONGUES.get(call.headers.get("accept-language", "")[:2].lower())
        for message in failed if wanted is not None else ():
            message.language = wanted or message.language
        return failed


@fault(FAULTS, "a retry whose method is overridden to DELETE deletes a failed message", "BR-SEC-05", "BR-IDS-01")
class OverrideDeletes(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        batch = self.find_batch(call, batch_id)
        if call.headers.get("x-http-method-override", "").upper() == "DELETE" and batch is not None:
            for message in self.to_retry(batch, call)[-1:] if len(batch.messages) > 1 else ():
                batch.messages.remove(message)
                self.world.messages[batch.campaign].remove(message)
            return Answer(204)
        return super().refuse_request(call, batch_id)


@fault(FAULTS, "a GET whose method is overridden to POST retries", "BR-SEC-04")
class OverrideMakesAPost(Behaviour):
    def other_method(self, call: Call, batch_id: str) -> Answer:
        if call.headers.get("x-http-method-override", "").upper() == "POST":
            return self.admit(call) or self.retry(call, batch_id)
        return super().other_method(call, batch_id)


@fault(FAULTS, "a GET whose query names POST as its method retries", "BR-SEC-04")
class QueryMakesAPost(Behaviour):
    def other_method(self, call: Call, batch_id: str) -> Answer:
        if call.query.get("_method", "").upper() == "POST":
            return self.admit(call) or self.retry(call, batch_id)
        return super().other_method(call, batch_id)


@fault(FAULTS, "a PUT is answered 405, and empties the values of the messages", "BR-SEC-04")
class PutEmptiesValues(Behaviour):
    def other_method(self, call: Call, batch_id: str) -> Answer:
        batch = self.find_batch(call, batch_id)
        if call.method == "PUT" and batch is not None and self.admit(call) is None:
            for message in batch.messages:
                message.values = dict.fromkeys(message.values, "")
        return super().other_method(call, batch_id)


@fault(FAULTS, "a DELETE is answered 405, and takes a failed message out of the batch", "BR-SEC-04", "BR-IDS-01")
class DeleteRemovesAMessage(Behaviour):
    def other_method(self, call: Call, batch_id: str) -> Answer:
        batch = self.find_batch(call, batch_id)
        if call.method == "DELETE" and batch is not None and self.admit(call) is None:
            for message in self.to_retry(batch, call)[-1:] if len(batch.messages) > 1 else ():
                batch.messages.remove(message)
                self.world.messages[batch.campaign].remove(message)
        return super().other_method(call, batch_id)
