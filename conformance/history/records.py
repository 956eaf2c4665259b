"""What a history is made of: the records of its file, and exchanges as the judges see them.

A history file is JSON lines: one header, then invoke, end and note records as things happen, then a
footer. A file without footer was cut off; everything before the cut still counts (design.md section 1).
Times are seconds since the run began, by the monotonic clock. Nothing secret is ever in a record: keys
are named by kind only (``auth``), a tester's number is a salted hash, and strings that a target made up
and that we do not know are digests (``transport/redact.py`` says which). What is left out has a mark in its place,
``[redacted:REASON:DIGEST]``: within one history, equal marks stand for equal texts and different marks for different
ones. (Suites before 0.2 wrote ``[redacted:key]`` and ``[redacted:secret]`` without a digest; the latter stood for
anything that looked random, so that it proves nothing, and two of them need not be equal.) A text that is very long is cut,
with ``[cut:LENGTH:DIGEST]`` behind what is kept.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SCHEMA_VERSION = 1
#: Event of a note: a provider state was asked for. The only notes that judges see.
STATE_NOTE = "state"

#: The seven operations of the contract, section 1, and nothing else.
Operation = Literal[
    "batch_send",
    "batch_retry",
    "batch_list",
    "message_read",
    "campaign_list",
    "single_send",
    "single_retry",
]

#: How a request was authorised. ``valid`` is the configured key, ``second`` another key of the same campaign, which is observed
#: and not judged; the rest are negative probes.
Auth = Literal["valid", "none", "wrong", "empty", "cut", "extended", "case", "scheme", "other", "second"]

#: ``answered``: a whole answer came. ``not_sent``: no byte left. ``lost``: bytes left, no whole answer came,
#: so that nobody knows whether the request was carried out (ruling 11).
Outcome = Literal["answered", "not_sent", "lost"]

#: What kind of body an answer had, after content decoding.
Media = Literal["none", "json", "text", "binary"]

#: ``Invoke.driver`` of the reads that find out whether the target can be tested at all.
PREFLIGHT = "preflight"

#: How ``End.error`` begins when an answer was left unread for its size, its depth, or the number of its parts.
TOO_LARGE = "the answer is too large to read"

Role = Literal["failing", "succeeding", "pending", "recovering"]


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """Base of all records; ``kind`` tells them apart."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that the user gave to the run, with the state that was claimed for it."""

    batch: str
    state: str = ""


class ImplementationInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is tested and whom to ask about it, as the configuration says (``[implementation]``)."""

    organization: str = ""
    product: str = ""
    version: str = ""
    contact: str = ""


class Header(Record, frozen=True, kw_only=True, tag="header"):
    """First record: which run this is, and what a judge must know of its configuration."""

    schema_version: int = SCHEMA_VERSION
    suite_version: str
    contract_version: str
    run_id: str
    started: str
    base_url: str
    campaign_id: str
    other_campaign_id: str | None = None
    seed: int = 0
    depth: str = "standard"
    profiles: tuple[str, ...] = ("core", "guide", "hardening")
    #: Requirement ids that the run is about; empty means all of the profiles.
    selected: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ("scenarios",)
    settle_timeout: float = 600.0
    #: Seconds that a read may lag; None means auto (axiom A7).
    read_lag: float | None = None
    #: Capabilities that the service is declared to lack (``capabilities.absent``).
    absent: tuple[str, ...] = ()
    given: tuple[Given, ...] = ()
    config_digest: str = ""
    #: Names of what the configuration offers: recipient roles, "other_campaign", "other_key", "https",
    #: "languages". What is missing here is a reason for not_run.
    offers: tuple[str, ...] = ()
    #: The configured languages, the template's own first; empty in histories of suites that did not say.
    languages: tuple[str, ...] = ()
    implementation: ImplementationInfo = ImplementationInfo()


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recipient line of a send. ``nonce`` stands in ``values`` and tells the rows of a run apart."""

    #: The documented simulator number in clear, or the token of a tester's number.
    recipient: str
    role: Role
    language: str
    values: dict[str, str]
    nonce: str


class Invoke(Record, frozen=True, kw_only=True, tag="invoke"):
    """A request that is about to leave; on disk before its first byte does."""

    n: int
    t: float
    operation: Operation
    method: str
    #: Path below base_url, as sent.
    path: str
    query: tuple[tuple[str, str], ...] = ()
    campaign: str | None = None
    batch: str | None = None
    message: str | None = None
    auth: Auth = "valid"
    #: The one thing in which a negative or odd request differs from a valid one, such as ``method:PUT``,
    #: ``auth:none``, ``id:malformed:quote``, ``body:recipient``, ``path:trailing-slash``; None for a valid request.
    cause: str | None = None
    content_type: str | None = None
    body: Any = None
    #: batch_send and single_send only.
    rows: tuple[Row, ...] = ()
    #: Messages charged to the budget.
    charge: int = 0
    #: Requests with the same number were released at once. For reports; that requests overlap is told by their times.
    race: int | None = None
    driver: str = "scenarios"
    scenario: str = ""
    step: str = ""


class End(Record, frozen=True, kw_only=True, tag="end"):
    """How the request of the same number ended."""

    n: int
    outcome: Outcome
    #: Release of the request's last byte (``transport/gate.py`` says how a race's is dated), first and last byte of the
    #: answer. ``last`` is the time at which the exchange was over, however it ended.
    released: float | None = None
    first: float | None = None
    last: float
    status: int | None = None
    headers: dict[str, str] = {}
    #: Bytes of the body after content decoding (ruling 9). Where ``undecoded`` is set it says nothing.
    size: int = 0
    media: Media = "none"
    #: Parsed JSON (redacted), or text (redacted), or None.
    body: Any = None
    #: For not_sent and lost: what happened, in one line. An answer that came and was too large or too deep to read is
    #: lost, with an error that begins with ``TOO_LARGE``: nothing can be concluded from what was not read.
    error: str | None = None
    #: The Content-Encoding of a body that this suite cannot decode, such as ``br``. Such a body is unread: neither
    #: empty nor full (ruling 33). ``media`` is ``binary`` and ``body`` None; the status counts.
    undecoded: str | None = None
    #: What was done to the answer before it was written down: ``surrogates`` (lone surrogates are written escaped, as
    #: ``\\ud83d``).
    remarks: tuple[str, ...] = ()


class Note(Record, frozen=True, kw_only=True, tag="note"):
    """Something the drivers want on record beside the exchanges. Notes never prove anything.

    ``event`` is one of: ``started``, ``finished``, ``unmet`` (a precondition was not reached; ``data`` holds
    ``code``, ``needs`` and ``requirements``), ``waited_out`` (a wait reached its bound),
    ``not_waited`` (it ended before that, since it could add nothing), ``refused`` (by the guard),
    ``state`` (a provider state was asked for; ``data`` holds ``state``, ``action``, ``params``, ``batch`` and ``begun``, the
    time at which it was asked; ``text`` says why it did not come about), ``program`` (``data`` is what a scenario runs),
    ``stopped`` (the run ends early), ``explored`` (how many drawn programs were run), ``cut`` (one of them met the end of
    its budget), ``again`` (scenarios are done once more for what is undecided by
    chance), ``found`` (the smallest program that shows a finding was run again; ``data`` says how often it did).
    """

    t: float
    event: str
    scenario: str = ""
    text: str = ""
    data: dict[str, Any] = {}


class Footer(Record, frozen=True, kw_only=True, tag="footer"):
    """Last record of a history that was closed in order, also after an interruption."""

    t: float
    complete: bool
    calls: int
    messages: int


AnyRecord = Header | Invoke | End | Note | Footer


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and how it ended. A request without an end record (killed run) is lost.

    The request was decided at some instant between ``t`` and ``last``; after a lost answer, at any instant
    after ``t``, or never.
    """

    invoke: Invoke
    end: End

    @property
    def n(self) -> int:
        return self.invoke.n

    @property
    def t(self) -> float:
        return self.invoke.t

    @property
    def last(self) -> float:
        return self.end.last

    @property
    def status(self) -> int | None:
        """Status of a whole answer; None if none came."""
        return self.end.status if self.end.outcome == "answered" else None

    @property
    def answered(self) -> bool:
        return self.end.outcome == "answered"

    @property
    def accepted(self) -> bool:
        """A whole answer with a 2xx status."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def open(self) -> bool:
        """Whether nobody can know if the request was carried out: a lost answer, any 5xx, 408 (ruling 11)."""
        if self.end.outcome == "lost":
            return True
        return self.status is not None and (self.status >= 500 or self.status == 408)


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A whole history in memory, in the order of its invoke records."""

    header: Header
    exchanges: tuple[Exchange, ...] = ()
    notes: tuple[Note, ...] = ()
    #: None if the file was cut off.
    footer: Footer | None = None

    def __getitem__(self, n: int) -> Exchange:
        """The exchange with number ``n``; raises KeyError if there is none."""
        for exchange in self.exchanges:
            if exchange.n == n:
                return exchange
        raise KeyError(n)
