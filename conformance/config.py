"""The configuration: one strict structure, from a TOML file overlaid by the environment (design.md section 7)."""

from __future__ import annotations

import msgspec

from conformance import CONTRACT_VERSION

#: Contract section 1: simulator recipients that fail, in the test environment only.
SIMULATOR_FAILING = (
    "6511111111",
    "6511112222",
    "6511113333",
    "6511114444",
    "6511115555",
    "6511119999",
    "6522222222",
)


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Target(_Section, frozen=True):
    """Where the target is and how to be let in. Keys are never printed."""

    base_url: str = ""
    campaign_id: str = ""
    #: Version of the contract that the target is held to.
    contract: str = CONTRACT_VERSION
    api_key: str | None = None
    api_key_env: str | None = None
    second_api_key: str | None = None
    second_api_key_env: str | None = None
    headers: dict[str, str] = {}
    ca_file: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    #: The load-test environment was booked (design.md section 4).
    booked: bool = False
    other: OtherCampaign | None = None


class OtherCampaign(_Section, frozen=True):
    """A second campaign and its key, for BR-SEC-02, BR-SEC-03 and BR-SGL-03."""

    campaign_id: str
    api_key: str | None = None
    api_key_env: str | None = None


class Language(_Section, frozen=True):
    """One language that the template offers, with a value for each parameter."""

    language: str
    values: dict[str, str]


class Template(_Section, frozen=True):
    """What is sent: a value for each template parameter; rows add a nonce to the first of them."""

    language: str = "english"
    values: dict[str, str] = msgspec.field(default_factory=lambda: {"body": "conformance"})
    languages: tuple[Language, ...] = ()


class Recipients(_Section, frozen=True):
    """Who may be texted, by what becomes of a message to them. Nobody else ever is."""

    failing: tuple[str, ...] = SIMULATOR_FAILING
    succeeding: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    recovering: tuple[str, ...] = ()


class Limits(_Section, frozen=True):
    """Rate in calls a second; budgets in messages, calls and seconds; rows in one batch."""

    calls_per_second: float = 10.0
    max_messages: int = 500
    max_calls: int = 2000
    max_rows: int = 20
    max_seconds: float = 3600.0
    #: Price of one message, for --plan; no default.
    price_per_message: float | None = None


class Timing(_Section, frozen=True):
    """Seconds. ``read_lag`` is a number or "auto" (axiom A7)."""

    settle_timeout: float = 600.0
    read_lag: float | str = "auto"


class Capabilities(_Section, frozen=True):
    """Capabilities that the service is declared to lack, by the names that the catalogue lists; nothing else."""

    absent: tuple[str, ...] = ()


class ProviderStates(_Section, frozen=True):
    """Where the vendor's provider states are served, if anywhere (design.md section 3)."""

    url: str | None = None


class Implementation(_Section, frozen=True):
    """What is tested and whom to ask about it, as reports and the badge name it."""

    organization: str = ""
    product: str = ""
    version: str = ""
    contact: str = ""


class GivenBatch(_Section, frozen=True):
    """A batch of the user's that may be retried, with its claimed state; read back before use."""

    batch_id: str
    state: str = ""


class Config(_Section, frozen=True):
    """The whole configuration of a run."""

    target: Target = Target()
    template: Template = Template()
    recipients: Recipients = Recipients()
    limits: Limits = Limits()
    timing: Timing = Timing()
    capabilities: Capabilities = Capabilities()
    provider_states: ProviderStates = ProviderStates()
    implementation: Implementation = Implementation()
    given: tuple[GivenBatch, ...] = ()
