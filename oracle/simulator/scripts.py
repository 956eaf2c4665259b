"""The scripts of the clients, by name: what a suite, a state machine or a careless user would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.history.records import Role
from oracle.simulator.client import RECIPIENTS, Client, Script, Sent
from oracle.simulator.probes import CHAIN, HARMLESS, MALFORMED

Maker = Callable[[Client], Script]


def rounds(client: Client) -> Script:
    """Rounds of retry and whole reads, until refused."""
    sent = yield from client.made(client.roles())
    if sent is None:
        return
    yield from client.settled(sent)
    yield from client.whole(sent)
    for _ in range(client.rng.randint(1, 5)):
        yield [client.retry(sent)]
        for _ in range(client.rng.randrange(3)):
            yield client.pause()
            yield from client.look(sent)
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=client.rng.random() < 0.3)


def walk(client: Client) -> Script:
    """Anything at any time."""
    rng = client.rng
    sent = yield from client.made(client.roles())
    if sent is None:
        return
    yield from client.listed(sent)
    for _ in range(rng.randint(8, 30)):
        draw = rng.random()
        if draw < 0.3:
            yield from client.look(sent)
        elif draw < 0.55:
            yield [client.retry(sent)]
        elif draw < 0.65 and sent.known:
            yield [client.single(rng.choice(sent.known))]
        elif draw < 0.7:
            yield [client.retry(sent, rng.choice(list(HARMLESS)))]
        elif draw < 0.9:
            yield client.pause()
        else:
            yield from client.settled(sent)
    yield from client.settled(sent)
    yield from client.whole(sent)


def blocked(client: Client) -> Script:
    """A single retry makes one message created; the batch retry is refused, and taken up afterwards."""
    rng = client.rng
    sent = yield from client.made("F" * rng.randint(2, 4))
    if sent is None:
        return
    yield from client.settled(sent)
    yield from client.whole(sent, campaign=False)
    for _ in range(rng.randint(1, 3)):
        if not sent.known:
            return
        message = rng.choice(sent.known)
        yield [client.single(message)]
        if rng.random() < 0.7:
            yield [client.read(message)]
        yield [client.retry(sent)]
        for _ in range(rng.randint(1, 3)):
            yield [client.read(message)]
            yield client.pause() if rng.random() < 0.3 else 0.002
        yield from client.look(sent)
        if rng.random() < 0.5:
            yield from client.settled(sent)
            yield from client.whole(sent, campaign=False)
            yield [client.retry(sent)]
            yield from client.look(sent)
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)


def races(client: Client) -> Script:
    """Retries at once, of a batch at rest."""
    rng = client.rng
    for _ in range(rng.randint(1, 4)):
        sent = yield from client.made("F" * rng.randint(1, 3))
        if sent is None:
            return
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)
        if not sent.known:
            return
        pair = [client.retry(sent), client.retry(sent)]
        if rng.random() < 0.4:
            pair[1] = client.single(rng.choice(sent.known))
        elif rng.random() < 0.3:
            pair.append(client.retry(sent))
        yield pair
        yield from client.look(sent)
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)


def chain(client: Client) -> Script:
    """Probes on a batch at rest, read back, closed by a plain retry; another batch stands beside it."""
    rng = client.rng
    control = yield from client.made("F")
    sent = yield from client.made(rng.choice(["F", "FF", "FSF"]))
    if sent is None or control is None:
        return
    yield from client.settled(sent)
    yield from client.settled(control)
    yield [client.other_page()]
    yield from client.whole(control)
    yield from client.whole(sent, campaign=False)
    family = rng.choice(["auth", "method", "path", "other", "all"])
    causes = [c for c in CHAIN if family == "all" or c.startswith(family) or (family == "other" and "other" in c)]
    for cause in rng.sample(causes, min(len(causes), rng.randint(2, 6))):
        yield [client.retry(sent, cause)]
        yield from client.listed(sent)
    yield client.target.habits.settle * 1.1
    yield from client.whole(sent, campaign=False)
    yield [client.retry(sent)]
    yield from client.settled(sent)
    yield from client.whole(sent)
    yield from client.whole(control)


def harmless(client: Client) -> Script:
    """Retries with a body, query or header, with plain ones between."""
    rng = client.rng
    sent = yield from client.made(client.roles())
    if sent is None:
        return
    yield from client.settled(sent)
    yield from client.whole(sent)
    for _ in range(rng.randint(2, 4)):
        yield [client.retry(sent, rng.choice(list(HARMLESS)) if rng.random() < 0.7 else None)]
        yield from client.look(sent)
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)


def spent(client: Client) -> Script:
    """One message is retried singly until it is refused; then the batch, until that is."""
    sent = yield from client.made(client.rng.choice(["F", "FF", "FSF"]))
    if sent is None:
        return
    yield from client.settled(sent)
    yield from client.whole(sent, campaign=False)
    if not sent.known:
        return
    message = client.rng.choice(sent.known)
    for _ in range(4):
        (exchange,) = yield [client.single(message)]
        yield from client.settled(sent)
        yield [client.read(message)]
        if exchange.status == 400:
            break
    if client.rng.random() < 0.5:
        # What a single retry does to the batch's status is not said, nor when (rulings 16 and 24).
        yield client.target.habits.settle * 1.1
    yield from client.whole(sent, campaign=False)
    for _ in range(5):
        (exchange,) = yield [client.retry(sent)]
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)
        if exchange.status == 400:
            break


def inputs(client: Client) -> Script:
    """Ids that name nothing, in many shapes; single retries of what may not be retried."""
    rng = client.rng
    sent = yield from client.made("FS")
    if sent is None:
        return
    yield from client.settled(sent)
    yield from client.whole(sent, campaign=False)
    for shape in rng.sample(MALFORMED, 2):
        yield [client.retry(Sent(id=f"batch_{shape}%22", rows=0), f"id:malformed:{shape}")]
        # What is answered between tells odd input from an outage (BR-ERR-04).
        yield [client.page(sent)]
    for _ in range(rng.randint(1, 3)):
        yield [client.retry(Sent(id=client.target.name("batch"), rows=0), "id:unknown")]
    for message in sent.known:
        yield [client.single(message)]
        yield [client.single(message)]
        yield [client.read(message)]
    yield from client.settled(sent)
    yield from client.whole(sent, campaign=False)


def pages(client: Client) -> Script:
    """Pages smaller than the batch, both ways, before and after a retry; a recipient in several rows."""
    rng = client.rng
    rows = tuple(client.row("failing", "6511112222") for _ in range(rng.randint(3, 6)))
    sent = yield from client.made("", rows)
    if sent is None:
        return
    yield from client.settled(sent)
    for again in (True, False):
        yield from client.listed(sent, 2)
        yield from client.backwards(sent, 2)
        yield from client.whole(sent)
        if again:
            yield [client.retry(sent)]
            if rng.random() < 0.3:
                yield from client.listed(sent, 2)
            yield from client.settled(sent)


def singles(client: Client) -> Script:
    """Messages sent singly, in several states, beside whatever else is retried."""
    for _ in range(client.rng.randint(1, 3)):
        (exchange,) = yield client.send_one(client.rng.choice(["failing", "succeeding", "recovering"]))
        body = exchange.end.body
        if not exchange.accepted or not isinstance(body, dict):
            return
        message = str(body["id"])
        for _ in range(client.rng.randint(1, 4)):
            yield client.pause()
            yield [client.read(message)]
            if client.rng.random() < 0.4:
                yield [client.single(message)]
    yield client.target.habits.settle
    yield [client.page(None, 100)]


def impatient(client: Client) -> Script:
    """Retry at once after the send, and again and again, in hardly any time."""
    rng = client.rng
    sent = yield from client.made(client.roles())
    if sent is None:
        return
    for _ in range(rng.randint(3, 10)):
        yield [client.retry(sent)]
        if rng.random() < 0.5:
            yield from client.look(sent)
        if rng.random() < 0.3:
            yield client.pause()
    yield from client.settled(sent)
    yield from client.whole(sent)


def pairs(client: Client) -> Script:
    """Pairs of batch retries at once, each of a batch of its own at rest, read once before and twice after."""
    for _ in range(5):
        sent = yield from client.made("F")
        if sent is None:
            return
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)
        yield [client.retry(sent), client.retry(sent)]
        yield from client.listed(sent)
        yield client.target.habits.settle * 1.1
        yield from client.whole(sent, campaign=False)


def patient(client: Client) -> Script:
    """Rounds of retry and whole reads, each after everything must have settled; the batch has all kinds of rows."""
    sent = yield from client.made("FFRS")
    if sent is None:
        return
    yield from client.settled(sent)
    yield from client.whole(sent)
    for _ in range(4):
        (exchange,) = yield [client.retry(sent)]
        yield client.target.habits.settle * client.rng.choice([1.1, 3.5])
        yield from client.whole(sent, campaign=client.rng.random() < 0.5)
        if exchange.status == 400 and client.rng.random() < 0.5:
            return


def mixed_pairs(client: Client) -> Script:
    """A batch retry and a single retry at once, each time of a batch of its own at rest."""
    for _ in range(5):
        sent = yield from client.made("FF")
        if sent is None:
            return
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)
        if not sent.known:
            return
        yield [client.retry(sent), client.single(client.rng.choice(sent.known))]
        yield from client.listed(sent)
        yield client.target.habits.settle * 1.1
        yield from client.whole(sent, campaign=False)


def twice(client: Client) -> Script:
    """Two batches to the same number are retried, and watched for longer than they may take; then others are sent."""
    role: Role = client.rng.choice(["failing", "recovering"])
    number = client.rng.choice(RECIPIENTS[role])
    for _ in range(2):
        sent = yield from client.made("", (client.row(role, number),))
        if sent is None:
            return
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)
        yield [client.retry(sent)]
        yield from client.listed(sent)
        yield client.target.habits.settle * 1.2
        yield from client.whole(sent, campaign=False)
        later = yield from client.made("", (client.row(role, number), client.row("succeeding")))
        if later is None:
            return
        yield from client.settled(later)
        yield from client.whole(later, campaign=False)
        yield client.target.habits.settle * 1.2
        yield from client.whole(sent, campaign=False)


def insistent(client: Client) -> Script:
    """One valid retry of a batch at rest again and again, with whole reads between."""
    sent = yield from client.made("FFF")
    if sent is None:
        return
    yield from client.settled(sent)
    yield from client.whole(sent, campaign=False)
    for _ in range(4):
        yield [client.retry(sent)]
        yield from client.settled(sent)
        yield from client.whole(sent, campaign=False)
    yield client.target.habits.settle * 1.2
    yield from client.whole(sent, campaign=False)


SCRIPTS: Mapping[str, Maker] = {
    script.__name__: script
    for script in (
        *(rounds, walk, blocked, races, chain, harmless, spent, inputs, pages, singles, impatient),
        *(patient, pairs, mixed_pairs, twice, insistent),
    )
}
