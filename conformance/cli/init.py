"""`init`: a commented configuration, from four questions or options."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click

from conformance.cli.screen import Screen
from conformance.config_load import load
from conformance.errors import UsageError
from conformance.transport.origin import parse_base_url

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGITS = re.compile(r"[0-9]{8,15}")


@click.command()
@click.option("--base-url", metavar="URL", help="Where the API begins, such as https://test.postman.gov.sg/api/v2.")
@click.option("--campaign", metavar="ID", help="The campaign that the key belongs to.")
@click.option("--key-env", metavar="NAME", help="The name of the variable that holds the key; never the key itself.")
@click.option("--succeeding", metavar="LIST", help="Numbers of phones that you own, by comma; empty for none.")
@click.option(
    "--output", default=Path("conformance.toml"), show_default=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.pass_obj
def init(
    screen: Screen,
    base_url: str | None,
    campaign: str | None,
    key_env: str | None,
    succeeding: str | None,
    output: Path,
) -> int:
    """Write a commented configuration. What no option says is asked for. No file is overwritten; nothing is sent."""
    if output.exists():
        raise UsageError("is there already", where=str(output), hint="name another --output")
    url = _checked_url(_asked(base_url, "--base-url", "Where does the API begin (scheme, host, path)?"))
    named = _asked(campaign, "--campaign", "Which campaign does the key belong to (its id)?").strip()
    variable = _asked(key_env, "--key-env", "Which environment variable holds the key?", default="POSTMAN_KEY").strip()
    phones = _asked(
        succeeding, "--succeeding", "Which phones of your own may be texted (by comma; empty: none)?", default=""
    )
    if not named:
        raise UsageError("is empty", where="--campaign", hint="give the campaign's id")
    if not _NAME.fullmatch(variable):
        raise UsageError(
            "is no name of a variable", where="--key-env", hint="give the name, such as POSTMAN_KEY, not the key"
        )
    numbers = [re.sub(r"[ +()-]", "", part) for part in phones.split(",") if part.strip()]
    for number in numbers:
        if not _DIGITS.fullmatch(number):
            what = "holds what is no phone number"
            raise UsageError(what, where="--succeeding", hint="give digits with the country code, such as 65…")
    text = _text(url, named, variable, numbers)
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError("is there already", where=str(output), hint="name another --output") from None
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})", where=str(output), hint="name another --output"
        ) from None
    try:
        # What we write must be what a run reads; the key itself may come later.
        load(output, {variable: "not-the-key-but-long-enough"})
    except UsageError:
        output.unlink(missing_ok=True)
        raise
    screen.say(f"wrote {output}")
    screen.say(f"next: export {variable}=…; retry-conformance doctor --config {output}")
    return 0


def _asked(given: str | None, option: str, question: str, default: str | None = None) -> str:
    """What the option says, else what the user answers; the default where nobody can be asked."""
    if given is not None:
        return given
    if sys.stdin.isatty():
        answer: str = click.prompt(question, default=default, show_default=bool(default), prompt_suffix=" ", err=True)
        return answer
    if default is None:
        raise UsageError("is missing", where=option, hint="give it, or run `init` on a terminal to be asked")
    return default


def _checked_url(url: str) -> str:
    return parse_base_url(url.strip()).url


def _text(url: str, campaign: str, variable: str, numbers: list[str]) -> str:
    return f"""\
# retry-conformance; docs/configuration.md lists every key. Next: retry-conformance doctor --config THIS FILE

[target]
base_url = {_quoted(url)}
campaign_id = {_quoted(campaign)}
api_key_env = {_quoted(variable)}      # the name of a variable; the key itself never stands in a file

# A second campaign with a key of its own: without it, BR-SEC-02, BR-SEC-03 and BR-SGL-03 are not run.
# [target.other]
# campaign_id = "campaign_…"
# api_key_env = "OTHER_KEY"

[template]
language = "english"
values = {{ body = "conformance" }}      # a value for each parameter of the campaign's template

[recipients]
# Numbers whose messages fail. By default the simulator's documented ones, which exist in the test environment only.
# failing = ["6511112222"]
# Phones that you own: what needs a delivered message (BR-IDS-01, BR-SEL-02, BR-SEL-06) is not run without one.
succeeding = {json.dumps(numbers)}

[limits]
calls_per_second = 10
max_messages = 500      # messages that a run may cause, retries included
max_calls = 2000

[timing]
settle_timeout = 600    # seconds to wait for an effect before it counts as missing

# [implementation]      # named in every report and on the badge
# organization = "…"
# product = "…"
# version = "…"
# contact = "…"

[capabilities]
# What the service does not offer; it is then left out, and the verdict says so: https, other_campaign, other_key.
absent = []
"""


def _quoted(text: str) -> str:
    """A TOML string. JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text).replace("\x7f", "\\u007f")
