"""Faults in who may retry, and by which request."""

from __future__ import annotations

import re
from urllib.parse import unquote

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.settings import OWN_CAMPAIGN
from conformance.reference.world import Batch, Message

FAULTS: dict[str, Fault] = {}


class _RetriesBy(Behaviour):
    """Base of faults in which a method other than POST retries."""

    methods: tuple[str, ...] = ()

    def other_method(self, call: Call, batch_id: str) -> Answer:
        if call.method in self.methods:
            refusal = self.admit(call)
            return refusal or self.retry(call, batch_id)
        return super().other_method(call, batch_id)


@fault(FAULTS, "GET retries", "BR-SEC-04")
class GetRetries(_RetriesBy):
    methods = ("GET", "HEAD")


@fault(FAULTS, "PUT retries", "BR-SEC-04")
class PutRetries(_RetriesBy):
    methods = ("PUT",)


@fault(FAULTS, "no key is needed to retry", "BR-SEC-01")
class NoKeyNeeded(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        if call.method == "POST" and call.headers.get("authorization") is None:
            return None
        return super().admit(call)


@fault(FAULTS, "any key will do", "BR-SEC-01")
class AnyKey(Behaviour):
    def campaign_of(self, key: str) -> str | None:
        return super().campaign_of(key) or OWN_CAMPAIGN


@fault(FAULTS, "a request without a valid key is refused, but carried out", "BR-SEC-01")
class RefusesTooLate(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        refusal = super().admit(call)
        batch = self.world.batch(call.campaign, call.batch)
        if refusal is not None and call.method == "POST" and batch is not None and not self.blocked(batch):
            self.carry_out(batch, self.to_retry(batch, call))
        return refusal


@fault(FAULTS, "the beginning of a key will do", "BR-SEC-07")
class PrefixOfAKey(Behaviour):
    def campaign_of(self, key: str) -> str | None:
        return next((c for k, c in self.keys().items() if key and k.startswith(key)), None)


@fault(FAULTS, "a key with something behind it will do", "BR-SEC-07")
class KeyAsPrefix(Behaviour):
    def campaign_of(self, key: str) -> str | None:
        return next((c for k, c in self.keys().items() if key.startswith(k)), None)


@fault(FAULTS, "an empty key will do", "BR-SEC-07")
class EmptyKey(Behaviour):
    def campaign_of(self, key: str) -> str | None:
        return super().campaign_of(key) if key else OWN_CAMPAIGN


@fault(FAULTS, "keys are compared without regard to case", "BR-SEC-07")
class CaseOfAKey(Behaviour):
    def campaign_of(self, key: str) -> str | None:
        return next((c for k, c in self.keys().items() if k.lower() == key.lower()), None)


@fault(FAULTS, "a key under another scheme will do", "BR-SEC-07")
class AnyScheme(Behaviour):
    def key_in(self, call: Call) -> str | None:
        return call.headers.get("authorization", "").partition(" ")[2] or None


@fault(FAULTS, "a slash at the end of the path leads past the check of keys", "BR-SEC-07")
class SlashNeedsNoKey(Behaviour):
    def odd_path(self, call: Call, batch_id: str) -> Answer:
        if self.world.batch(call.campaign, batch_id) is not None and call.method == "POST":
            return self.retry(call, batch_id)
        return super().odd_path(call, batch_id)


@fault(FAULTS, "a dot for a step of the path leads past the check of keys", "BR-SEC-07")
class DotNeedsNoKey(Behaviour):
    def odd_path(self, call: Call, batch_id: str) -> Answer:
        known = self.world.batch(call.campaign, batch_id) is not None
        if known and call.method == "POST" and "/./" in unquote(call.path):
            return self.retry(call, batch_id)
        return super().odd_path(call, batch_id)


@fault(FAULTS, "the key of another campaign may retry", "BR-SEC-02")
class ForeignKey(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        key = self.key_in(call)
        if call.method == "POST" and key is not None and self.campaign_of(key) is not None:
            return None
        return super().admit(call)


@fault(FAULTS, "a batch can be retried through another campaign's path", "BR-SEC-03")
class ForeignPath(Behaviour):
    def find_batch(self, call: Call, batch_id: str) -> Batch | None:
        return self.world.batches.get(batch_id)


class _FindsByAnotherId(Behaviour):
    """Base of faults in which an id that is none also finds a batch: the first that it is taken for."""

    def takes(self, batch_id: str, own: str) -> bool:
        """Whether an id is taken for a batch's own."""
        raise NotImplementedError

    def find_batch(self, call: Call, batch_id: str) -> Batch | None:
        taken = (
            b for own, b in self.world.batches.items() if b.campaign == call.campaign and self.takes(batch_id, own)
        )
        return super().find_batch(call, batch_id) or next(taken, None)


@fault(FAULTS, "an id that is cut short finds the batch that begins so", "BR-ERR-04")
class FindsByTheBeginning(_FindsByAnotherId):
    def takes(self, batch_id: str, own: str) -> bool:
        return len(batch_id) >= 12 and own.startswith(batch_id)


@fault(FAULTS, "an id is cut to the length of its column", "BR-ERR-04")
class CutsIdsToTheirColumn(_FindsByAnotherId):
    def takes(self, batch_id: str, own: str) -> bool:
        return batch_id[: len(own)] == own


@fault(FAULTS, "an id ends at its first NUL", "BR-ERR-04")
class IdsEndAtNul(_FindsByAnotherId):
    def takes(self, batch_id: str, own: str) -> bool:
        return batch_id.partition("\0")[0] == own


@fault(FAULTS, "a NUL in an id breaks the retry endpoint with a 500", "BR-ERR-04")
class BreaksOnNul(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        return self.error(500, "internal_error") if "\0" in batch_id else super().refuse_request(call, batch_id)


@fault(FAULTS, "an id is looked up as a pattern of LIKE", "BR-ERR-04")
class IdsArePatterns(_FindsByAnotherId):
    def takes(self, batch_id: str, own: str) -> bool:
        pattern = re.escape(batch_id).replace("%", ".*").replace("_", ".")
        return re.fullmatch(pattern, own) is not None


@fault(FAULTS, "an id with more behind it is refused, but carried out", "BR-SEL-07", whole=True)
class LongerIdsActAllTheSame(Behaviour):
    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        begins = (
            b for own, b in self.world.batches.items() if batch_id.startswith(own) and b.campaign == call.campaign
        )
        batch = next(begins, None)
        if batch is not None and not self.blocked(batch):
            self.carry_out(batch, self.to_retry(batch, call))
        return super().unknown_batch(call, batch_id)


@fault(FAULTS, "a recipient in the body of a retry replaces those of the batch", "BR-SEC-05")
class BodyNamesTheRecipient(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        wanted = call.json.get("recipient") if isinstance(call.json, dict) else None
        if isinstance(wanted, str):
            for message in failed:
                message.recipient = wanted
        return failed


@fault(FAULTS, "ids in the body of a retry choose the messages", "BR-SEC-05", "BR-SEL-01")
class BodyChoosesMessages(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        wanted = call.json.get("messageIds") if isinstance(call.json, dict) else None
        return [m for m in failed if m.id in wanted] or failed[:1] if isinstance(wanted, list) else failed


@fault(FAULTS, "a retry without a body is refused", "BR-ACC-02", "BR-SEC-05")
class BodyNeeded(Behaviour):
    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        known = self.world.batch(call.campaign, batch_id) is not None
        return (
            self.error(400, "parameter_invalid") if not call.body and known else super().refuse_request(call, batch_id)
        )
