"""Faults of keys, campaigns, methods, and of what a request holds besides."""

from __future__ import annotations

from conformance.history.records import Invoke
from oracle.simulator.faults.errors import ThrottledIsCarriedOut
from oracle.simulator.faults.fault import fault
from oracle.simulator.faults.retries import CALM, FULL
from oracle.simulator.state import Batch
from oracle.simulator.target import Answer, Target


class Acting(ThrottledIsCarriedOut):
    """A target of which some requests act that must not."""

    def dropped(self, invoke: Invoke) -> None:
        return

    def act(self, invoke: Invoke) -> int:
        """How many messages get an attempt, whatever the request looked like."""
        batch = self.batches.get(invoke.batch or "")
        if batch is None or batch.owed or self.created(batch):
            return 0
        able = self.able(batch)
        for message in able:
            self.begin(message)
        self.fired += len(able)
        return len(able)


class NoKeyActs(Acting):
    """Without a key, or with a wrong one: 401, and carried out."""

    def unauthorised(self, invoke: Invoke) -> Answer:
        if invoke.auth in ("none", "wrong"):
            self.act(invoke)
        return super().unauthorised(invoke)


class AnyKeyIsAccepted(Acting):
    """A wrong key is accepted."""

    def unauthorised(self, invoke: Invoke) -> Answer:
        if invoke.auth == "wrong" and self.act(invoke):
            return Answer(201)
        return super().unauthorised(invoke)


class CutKeyIsAccepted(Acting):
    """A key that is cut short is accepted."""

    def unauthorised(self, invoke: Invoke) -> Answer:
        if invoke.auth == "cut" and self.act(invoke):
            return Answer(201)
        return super().unauthorised(invoke)


class ForeignKeyActs(Acting):
    """The key of another campaign retries."""

    def foreign(self, invoke: Invoke) -> Answer:
        if self.act(invoke):
            return Answer(201)
        return super().foreign(invoke)


class ForeignPathActs(Acting):
    """A batch is retried through another campaign's path."""

    def other_campaign(self, invoke: Invoke) -> Answer:
        if self.act(invoke):
            return Answer(201)
        return super().other_campaign(invoke)


class MethodsAct(Acting):
    """GET retries."""

    def other_method(self, invoke: Invoke) -> Answer:
        if invoke.method in ("GET", "PUT"):
            self.act(invoke)
        return super().other_method(invoke)


class SpellingActs(Acting):
    """Without a key at an odd spelling of the path: carried out."""

    def misspelt(self, invoke: Invoke) -> Answer:
        self.act(invoke)
        return super().misspelt(invoke)


class NearlyItsIdActs(Acting):
    """An id that is nearly a batch's own finds it."""

    def nearly(self, invoke: Invoke) -> Answer:
        if self.act(invoke):
            return Answer(201)
        return super().nearly(invoke)


class NearlyItsIdActsRefused(Acting):
    """By an id that is nearly a batch's own, a retry is refused and carried out."""

    def nearly(self, invoke: Invoke) -> Answer:
        self.act(invoke)
        return super().nearly(invoke)


class ForceTakesSuccesses(Target):
    """A query sends delivered messages again."""

    def harmless(self, batch: Batch, invoke: Invoke) -> Answer:
        answer = super().harmless(batch, invoke)
        if answer.status == 201 and (invoke.cause or "").startswith("query:"):
            for message in batch.messages:
                if message.status == "success":
                    self.fired += 1
                    self.begin(message)
        return answer


class BodyIsRefusedAndActs(Acting):
    """A retry with a body is answered 400, and carried out."""

    def harmless(self, batch: Batch, invoke: Invoke) -> Answer:
        if (invoke.cause or "").startswith("body:") and not self.busy(batch):
            self.act(invoke)
            return self.refuse("parameter_invalid")
        return super().harmless(batch, invoke)


class BodyChangesRecipient(Target):
    """A recipient in the body is taken over."""

    def harmless(self, batch: Batch, invoke: Invoke) -> Answer:
        answer = super().harmless(batch, invoke)
        if answer.status == 201 and invoke.cause == "body:json-recipient":
            for message in batch.messages:
                if message.data["recipient"] != "6511113333":
                    self.fired += 1
                    message.spoiled.append((self.clock.now, dict(message.data)))
                    message.data["recipient"] = "6511113333"
        return answer


FAULTS = (
    fault(NoKeyActs, "SEC-01", "chain", counting=FULL, **CALM),
    fault(AnyKeyIsAccepted, "SEC-01", "chain chain", counting=FULL, **CALM),
    fault(CutKeyIsAccepted, "SEC-07", "chain chain", counting=FULL, **CALM),
    fault(ForeignKeyActs, "SEC-02 SEC-03", "chain chain", counting=FULL, **CALM),
    fault(ForeignPathActs, "SEC-03 SEC-02", "chain chain", counting=FULL, **CALM),
    fault(MethodsAct, "SEC-04", "chain chain", counting=FULL, **CALM),
    fault(SpellingActs, "SEC-07", "chain chain", counting=FULL, **CALM),
    fault(NearlyItsIdActs, "ERR-04 SEL-07", "chain chain", counting=FULL, **CALM),
    fault(NearlyItsIdActsRefused, "SEL-07", "chain chain", counting=FULL, **CALM),
    fault(ForceTakesSuccesses, "SEC-05 SEL-02 SEL-05 SEL-04", "harmless harmless", counting=FULL, strict_input=False),
    fault(BodyIsRefusedAndActs, "BLK-03 SEC-05", "harmless harmless", counting=FULL),
    fault(BodyChangesRecipient, "SEC-05 IDS-03 IDS-04", "harmless harmless", strict_input=False),
)
