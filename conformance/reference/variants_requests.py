"""Variants in how strict a target is about requests, and in how it refuses them."""

from __future__ import annotations

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Variant, variant
from conformance.reference.world import Message

VARIANTS: dict[str, Variant] = {}


@variant(VARIANTS, "a retry with a body is refused with 400, without effect", "ruling 30")
class BodiesAre400(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        return self.error(400, "parameter_invalid") if call.body else super().refuse_request(call, batch_id)


@variant(VARIANTS, "a retry with a body is refused with 415, without effect", "ruling 30")
class BodiesAre415(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        return self.error(415, "unsupported_media_type") if call.body else super().refuse_request(call, batch_id)


@variant(VARIANTS, "a retry with a query is refused with 400, without effect", "ruling 30")
class QueriesAre400(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        return self.error(400, "parameter_invalid") if call.query else super().refuse_request(call, batch_id)


@variant(VARIANTS, "a retry whose method is overridden is refused with 405, without effect", "ruling 30")
class OverridesAre405(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        if "x-http-method-override" in call.headers:
            return self.error(405, "method_not_allowed")
        return super().refuse_request(call, batch_id)


@variant(VARIANTS, "a retry that accepts no JSON is refused with 406, without effect", "ruling 30")
class OnlyJson(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        accepted = call.headers.get("accept", "*/*")
        if not any(kind in accepted for kind in ("*/*", "application/*", "application/json")):
            return self.error(406, "not_acceptable")
        return super().refuse_request(call, batch_id)


@variant(VARIANTS, "a single retry of an unknown message is answered 404", "requirement BR-SGL-01")
class UnknownMessageIs404(Behaviour):
    def unknown_message(self, call: Call) -> Answer:
        return self.error(404, "not_found")


@variant(
    VARIANTS, "a single retry of an exhausted message is refused as not in failure status", "requirement BR-SEL-04"
)
class ExhaustedSinglesAreNotFailed(Behaviour):
    def check_one(self, call: Call, message_id: str) -> Answer | Message:
        checked = super().check_one(call, message_id)
        message = self.find_message(call, message_id)
        if isinstance(checked, Answer) and message is not None and self.exhausted(message):
            return self.not_failed(message)
        return checked


@variant(VARIANTS, "another campaign's path is not found, whatever the key", "ruling 7")
class ForeignIs404(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        refusal = super().admit(call)
        return self.error(404, "not_found") if refusal is not None and refusal.status == 403 else refusal


@variant(VARIANTS, "an odd spelling of the path is redirected to the documented one", "ruling 7")
class OddPathsAreRedirected(Behaviour):
    def odd_path(self, call: Call, batch_id: str) -> Answer:
        return Answer(308, None, {"location": f"/api/v2/campaigns/{call.campaign}/batch/{batch_id}/retry"})
