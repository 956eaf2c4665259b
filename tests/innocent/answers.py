"""Answers as the API gives them: status and JSON. Errors are exceptions that carry theirs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """A status and a body; None is no byte at all."""

    status: int
    body: Any = None


class RefusalError(Exception):
    """The request is refused.

    :param status: of HTTP; :param code: of the error body.
    """

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code

    @property
    def reply(self) -> Reply:
        """The refusal as it is answered."""
        kind = {400: "domain_error", 401: "authentication_error", 403: "authorization_error"}
        error = {
            "type": kind.get(self.status, "invalid_request_error"),
            "code": self.code,
            "message": str(self),
            "id": uuid.uuid4().hex,
        }
        return Reply(self.status, {"error": error})


def bad_parameter(text: str) -> RefusalError:
    """400 for a request that cannot be understood."""
    return RefusalError(400, "parameter_invalid", text)
