"""Faults that show only where inputs are drawn: boundaries of pages, made-up cursors and searches, odd bodies and queries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault

FAULTS: dict[str, Fault] = {}
_DRAWN = ("schemathesis",)


@fault(FAULTS, "a search is answered with a bare list instead of a page", "BR-SCH-02", drivers=_DRAWN)
class SearchIsABareList(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        if "search" in call.query and answer.status == 200:
            return replace(answer, body=answer.body["data"])
        return answer


@fault(FAULTS, "an unknown cursor is refused in the older error envelope", "BR-SCH-02", drivers=_DRAWN)
class OldEnvelopeForCursors(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        if answer.status == 400 and {"after", "before"} & call.query.keys():
            return replace(answer, body={"message": "invalid cursor", "statusCode": 400})
        return answer


@fault(FAULTS, "a page of a single message has 0 and 1 for booleans", "BR-SCH-02", drivers=_DRAWN)
class NumbersForBooleans(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        if call.query.get("limit") == "1" and answer.status == 200:
            said: dict[str, Any] = answer.body["pageData"]
            numbers = {name: int(value) if isinstance(value, bool) else value for name, value in said.items()}
            return replace(answer, body={**answer.body, "pageData": numbers})
        return answer


@fault(FAULTS, "a JSON body that is a bare number breaks the retry endpoint with a 500", "BR-ERR-04", drivers=_DRAWN)
class NumbersBreak(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        if isinstance(call.json, int | float) and not isinstance(call.json, bool):
            return self.error(500, "internal_error")
        return super().refuse_request(call, batch_id)


@fault(FAULTS, "a form breaks the retry endpoint with a 500", "BR-ERR-04", drivers=_DRAWN)
class FormsBreak(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        if call.headers.get("content-type", "").startswith("multipart/form-data"):
            return self.error(500, "internal_error")
        return super().refuse_request(call, batch_id)


@fault(FAULTS, "a query in other letters than ASCII breaks the retry endpoint with a 500", "BR-ERR-04", drivers=_DRAWN)
class ForeignLettersBreak(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        if not "".join((*call.query, *call.query.values())).isascii():
            return self.error(500, "internal_error")
        return super().refuse_request(call, batch_id)
