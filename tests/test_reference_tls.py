"""The reference target over HTTPS, and what it does with plain HTTP at the same port."""

from __future__ import annotations

import ssl

import httpx
import pytest

from conformance.reference.server import ReferenceServer
from conformance.reference.settings import OWN_CAMPAIGN, OWN_KEY, Settings


def _get(server: ReferenceServer, scheme: str) -> int:
    config = server.config()
    url = f"{scheme}{config.target.base_url.removeprefix('https')}/campaigns/{OWN_CAMPAIGN}/messages"
    context = ssl.create_default_context(cafile=config.target.ca_file)
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.get(url, params={"limit": "1"}, headers={"authorization": f"Bearer {OWN_KEY}"}).status_code


def test_https_is_served_and_plain_http_is_hung_up_on() -> None:
    with ReferenceServer(Settings(tls=True)) as server:
        assert server.base_url.startswith("https://127.0.0.1:")
        assert _get(server, "https") == 200
        with pytest.raises(httpx.TransportError):
            _get(server, "http")


def test_a_fault_serves_both_at_one_port() -> None:
    with ReferenceServer(Settings(tls=True, faults=("serves-plain-http",))) as server:
        assert (_get(server, "https"), _get(server, "http")) == (200, 200)
