"""Serve a reference target on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType

import msgspec
import uvicorn
from starlette.applications import Starlette

from conformance.config import (
    Config,
    Language,
    Limits,
    OtherCampaign,
    ProviderStates,
    Recipients,
    Target,
    Template,
    Timing,
)
from conformance.errors import UsageError
from conformance.reference.app import BASE_PATH, STATES_PATH, Service, create_app
from conformance.reference.document import DOCUMENT_PATH, PAGE_PATH
from conformance.reference.faults import FAULTS
from conformance.reference.settings import (
    OTHER_CAMPAIGN,
    OTHER_KEY,
    OWN_CAMPAIGN,
    OWN_KEY,
    PENDING,
    RECOVERING,
    SUCCEEDING,
    Settings,
)
from conformance.reference.tls import Certificates, Switch
from conformance.reference.variants import VARIANTS

#: Seconds for which a server may take to start or stop.
PATIENCE = 10.0


class ReferenceServer:
    """A reference target in a thread, on a free port of 127.0.0.1, for as long as the ``with`` block lasts.

    :param settings: how it behaves; over HTTPS, two threads more.
    :param port: 0 is any free port.
    :raises UsageError: the port is taken, a fault or variant is unknown, or no certificate can be made.
    """

    def __init__(self, settings: Settings | None = None, port: int = 0) -> None:
        self.settings = settings or Settings()
        try:
            self._service = Service(self.settings)
        except KeyError as error:
            close = get_close_matches(str(error.args[0]), [*FAULTS, *VARIANTS], 3)
            meant = f"did you mean {' or '.join(close)}? " if close else ""
            raise UsageError(
                f"there is no fault or variant {error}", hint=f"{meant}`list faults` and `list variants` name them"
            ) from None
        self._certificates = Certificates() if self.settings.tls else None
        self._socket = _bound(port)
        self._kept = contextlib.ExitStack()

    @property
    def base_url(self) -> str:
        """Where the API begins."""
        return f"{'https' if self.settings.tls else 'http'}://{self._address}{BASE_PATH}"

    @property
    def _address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def states_url(self) -> str:
        """Where provider states are asked for."""
        return f"{self.base_url.removesuffix(BASE_PATH)}{STATES_PATH}"

    def config(self) -> Config:
        """A configuration that fits this target: all roles of recipients, four languages, a second campaign."""
        config = config_for(self.base_url)
        ca_file = None if self._certificates is None else str(self._certificates.authority)
        return msgspec.structs.replace(
            config,
            target=msgspec.structs.replace(config.target, ca_file=ca_file),
            limits=msgspec.structs.replace(
                config.limits,
                calls_per_second=self.settings.rate or config.limits.calls_per_second,
                max_rows=self.settings.max_rows,
                # The largest batch is retried a few times.
                max_messages=max(config.limits.max_messages, 12 * self.settings.max_rows),
            ),
            provider_states=ProviderStates(url=self.states_url if ca_file is None else None),
            timing=Timing(settle_timeout=max(1.0, 5 * self.settings.lifetime)),
        )

    def __enter__(self) -> ReferenceServer:
        with contextlib.ExitStack() as kept:
            if self._certificates is None:
                kept.enter_context(_Serving(create_app(self._service), self._socket))
            else:
                kept.callback(self._certificates.close)
                inner = _bound(0)
                kept.enter_context(_Serving(create_app(self._service), inner, self._certificates.own))
                plain = None
                if not self._service.behaviour.hangs_up:
                    plain = _bound(0)
                    kept.enter_context(_Serving(create_app(self._service, plain=True), plain))
                kept.enter_context(
                    Switch(self._socket, tls=_port(inner), plain=None if plain is None else _port(plain))
                )
            self._kept = kept.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()
        self._socket.close()


class _Serving:
    """An application that answers at a socket, in a thread, while the ``with`` block lasts.

    :param certificate: a PEM file with a certificate and its key; None is plain HTTP.
    """

    def __init__(self, app: Starlette, at: socket.socket, certificate: Path | None = None) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
        )
        self._socket = at
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([at],), daemon=True)

    def __enter__(self) -> _Serving:
        self._thread.start()
        for _ in range(int(PATIENCE / 0.01)):
            if self._server.started:
                return self
            self._thread.join(0.01)
            if not self._thread.is_alive():
                break
        self.__exit__(None, None, None)
        raise UsageError("the reference target does not start", hint="try again, with another port")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        self._socket.close()


def _bound(port: int) -> socket.socket:
    # The protocol is named, for asyncio switches Nagle off only where it is.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise UsageError(
            f"port {port} cannot be used ({error.strerror})", where="--port", hint="name another"
        ) from None
    return bound


def _port(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


def config_for(base_url: str) -> Config:
    """A configuration that fits a reference target there, but for the time that it takes."""
    value = {"body": "conformance"}
    return Config(
        target=Target(
            base_url=base_url,
            campaign_id=OWN_CAMPAIGN,
            api_key=OWN_KEY,
            read_timeout=20.0,
            other=OtherCampaign(campaign_id=OTHER_CAMPAIGN, api_key=OTHER_KEY),
        ),
        template=Template(
            values=value,
            languages=tuple(Language(language=name, values=value) for name in ("chinese", "malay", "tamil")),
        ),
        recipients=Recipients(succeeding=SUCCEEDING, pending=PENDING, recovering=RECOVERING),
        limits=Limits(calls_per_second=1000, max_messages=2000, max_calls=5000),
    )


def config_text(server: ReferenceServer) -> str:
    """A configuration file for this target, to paste."""
    config = server.config()
    recipients, limits = config.recipients, config.limits

    def numbers(of: tuple[str, ...]) -> str:
        return "[" + ", ".join(f'"{number}"' for number in of) + "]"

    languages = "".join(
        f'[[template.languages]]\nlanguage = "{x.language}"\nvalues = {{ body = "conformance" }}\n'
        for x in config.template.languages
    )
    root = server.base_url.removesuffix(BASE_PATH)
    authority = f'ca_file = "{config.target.ca_file}"\n' if config.target.ca_file else ""
    states = f'[provider_states]\nurl = "{server.states_url}"\n' if config.provider_states.url else ""
    return f"""\
# The API's OpenAPI document: {root}{DOCUMENT_PATH}; a page about it, with lines for curl: {root}{PAGE_PATH}
[target]
base_url = "{config.target.base_url}"
campaign_id = "{OWN_CAMPAIGN}"
api_key = "{OWN_KEY}"
{authority}[target.other]
campaign_id = "{OTHER_CAMPAIGN}"
api_key = "{OTHER_KEY}"
[recipients]
succeeding = {numbers(recipients.succeeding)}
pending = {numbers(recipients.pending)}
recovering = {numbers(recipients.recovering)}
[limits]
calls_per_second = {limits.calls_per_second:g}
max_messages = {limits.max_messages}
max_calls = {limits.max_calls}
max_rows = {limits.max_rows}
{states}[timing]
settle_timeout = {config.timing.settle_timeout:g}
{languages}"""


def serve(settings: Settings, port: int, announce: Callable[[str], None]) -> None:
    """Serve until interrupted.

    :param announce: gets the configuration file to paste, once the target is there.
    :raises UsageError: the port is taken, or a fault or variant is unknown.
    """
    with ReferenceServer(settings, port) as server:
        announce(config_text(server))
        # Interrupting ends it; the thread itself never ends before.
        threading.Event().wait()
