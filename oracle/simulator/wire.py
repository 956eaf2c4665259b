"""Between clients and target: what requests look like on record, when they are decided, and what may become of an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from conformance.history.records import End, Exchange, Invoke, Media
from oracle.simulator.probes import PROBES
from oracle.simulator.target import CAMPAIGN, Answer, Target
from oracle.simulator.views import Views

HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>gateway</body></html>"
#: A gateway gives the same wrong answer to the same request this often at most: the third is the target's (ruling 22).
GATEWAY_ANSWERS = 2
#: Errors by chance, in an envelope, to retries of one run.
RETRY_ERRORS = 2


class Wire:
    """Sends requests to a target and keeps the record of them."""

    def __init__(self, target: Target, views: Views, rng: Random) -> None:
        self.target = target
        self.views = views
        self.rng = rng
        self.exchanges: list[Exchange | None] = []
        #: No more requests are sent when there are so many.
        self.most = 80
        self.strange: Counter[tuple[str, str]] = Counter()
        self.quiet = False
        self.pending = 0

    def ask(self, invoke: dict[str, Any], then: Callable[[Exchange], None]) -> None:
        """Send a request now; ``then`` gets the exchange when it is over."""
        clock, rng, h = self.target.clock, self.rng, self.target.habits
        begun = clock.now
        n = len(self.exchanges) + 1
        self.exchanges.append(None)
        self.pending += 1
        record = Invoke(n=n, t=begun, **{"campaign": CAMPAIGN, "auth": "valid", **invoke})
        takes = h.latency * rng.uniform(0.5, 1.5)
        decided = begun + takes * rng.uniform(0.2, 0.8)
        over = begun + takes
        fate = self.fate(record)
        if fate == "lost":
            over = begun + takes * rng.uniform(0.3, 3)
            if rng.random() < 0.6:
                # The request is still on its way when the client gives up (ruling 11).
                late = rng.uniform(0, 0.2 * h.settle) if rng.random() < 0.3 else 0.0
                clock.at(decided + late, partial(self.decide, record, begun))
            self.close(record, over, End(n=n, outcome="lost", last=over, error="connection reset"), then)
        elif fate == "not-sent":
            self.close(record, begun, End(n=n, outcome="not_sent", last=begun, error="no connection"), then)
        elif fate is not None:
            carried, status, text = fate
            if carried:
                clock.at(decided, partial(self.decide, record, begun))
            self.close(record, over, self.end(n, begun, over, text if isinstance(text, Answer) else status), then)
        else:
            clock.at(decided, partial(self._decided, record, over, then))

    def _decided(self, record: Invoke, over: float, then: Callable[[Exchange], None]) -> None:
        answer = self.target.answered(record, self.decide(record, record.t))
        self.close(record, over, self.end(record.n, record.t, over, answer), then)

    def close(self, record: Invoke, over: float, end: End, then: Callable[[Exchange], None]) -> None:
        exchange = Exchange(invoke=record, end=end)

        def done() -> None:
            self.pending -= 1
            self.exchanges[record.n - 1] = exchange
            then(exchange)

        self.target.clock.at(over, done)

    # ------------------------------------------------------------------ what becomes of a request

    def fate(self, record: Invoke) -> Any:
        """``lost``, ``not-sent``, (carried out, status, text) of somebody in front, or None: the target answers."""
        h, rng = self.target.habits, self.rng
        if self.quiet or not (h.lost or h.gateway or h.throttled or h.errors):
            return None
        draw = rng.random()
        if draw < h.lost:
            return "not-sent" if rng.random() < 0.1 else "lost"
        draw -= h.lost
        if draw < h.throttled:
            self.target.dropped(record)
            return False, 429, self.throttle()
        draw -= h.throttled
        key = (record.operation, record.batch or record.message or "")
        if draw < h.gateway and self.strange[key] < GATEWAY_ANSWERS:
            self.strange[key] += 1
            status = rng.choice([404, 400, 403, 302, 502, 503, 504, 408])
            if (
                record.operation == "batch_retry"
                and record.auth in ("none", "wrong")
                and status < 500
                and status != 408
            ):
                status = 401  # Whoever answers a request without a key: its status is judged (ruling 22, BR-SEC-01).
            return rng.random() < 0.3, status, self.html(status)
        draw -= h.gateway
        # Three to retries of one situation, such as the losers of races, would break BR-ERR-08.
        retry = record.operation in ("batch_retry", "single_retry")
        spared = retry and self.strange["retries", ""] >= RETRY_ERRORS
        if draw < h.errors and self.strange[key] < GATEWAY_ANSWERS and not spared:
            self.strange[key] += 1
            self.strange["retries", ""] += retry
            # A 500 claims that nothing was done (BR-ERR-07); of others nobody knows (ruling 11).
            status = rng.choice([500, 500, 503])
            carried = status == 503 and self.strange["carried", ""] < 2 and rng.random() < 0.5
            self.strange["carried", ""] += carried
            if status == 500:
                self.target.failed(record)
            return carried, status, self.target.refuse("internal_server_error", status)
        return None

    def throttle(self) -> Answer:
        return self.target.other_error(429, "too_many_requests")

    def html(self, status: int) -> Answer:
        return Answer(status, HTML.format(status), text=True)

    def end(self, n: int, begun: float, over: float, answer: Answer | int) -> End:
        """The record of a whole answer."""
        assert isinstance(answer, Answer)
        headers = {}
        size = 0
        media: Media = "none"
        if answer.body is not None:
            media = "text" if answer.text else "json"
            headers = {"content-type": "text/html" if answer.text else "application/json"}
            size = len(answer.body) if answer.text else 100
        if answer.status == 302:
            headers["location"] = "https://gateway.test/login"
        return End(
            n=n, outcome="answered", released=begun, first=over, last=over, status=answer.status, headers=headers,
            size=size, media=media, body=answer.body,
        )  # fmt: skip

    # ------------------------------------------------------------------ decisions

    def decide(self, record: Invoke, begun: float) -> Answer:
        """What the target does and answers, now."""
        target, operation = self.target, record.operation
        if record.auth != "valid" or record.cause is not None:
            answer = PROBES.decide(target, record)
            if answer is not None:
                return answer
        if target.dead is not None and target.clock.now >= target.dead:
            return target.other_error(401, "invalid_api_key_provided")
        if operation == "batch_send":
            return target.send(record)
        if operation == "single_send":
            answer = target.send_one(record)
        elif operation == "batch_list":
            batch = target.batches.get(record.batch or "")
            if batch is None:
                return target.refuse("not_found", 404)
            return self.views.page(batch.messages, "batch_list", dict(record.query), begun)
        elif operation == "campaign_list":
            return self.views.page(target.order, "campaign_list", dict(record.query), begun)
        elif operation == "message_read":
            return self.views.read(target.messages.get(record.message or ""), begun)
        elif operation == "batch_retry":
            batch = target.batches.get(record.batch or "")
            return self.unknown() if batch is None else target.retry(batch, record)
        else:
            message = target.messages.get(record.message or "")
            answer = self.unknown_message() if message is None else target.retry_one(message, record)
        if answer.message is not None:
            answer.body = self.views.now(answer.message)
        return answer

    def unknown(self) -> Answer:
        return self.target.unknown()

    def unknown_message(self) -> Answer:
        return self.target.unknown_message()
