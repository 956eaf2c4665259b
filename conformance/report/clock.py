"""From the run's seconds to the time of day. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The time of day at which things happened.

    :param started: when the run began, ISO 8601, as its header says; that is exact to the second.
    """

    def __init__(self, started: str) -> None:
        try:
            parsed = datetime.fromisoformat(started)
        except ValueError:
            # A history that does not say when it began.
            parsed = datetime(1970, 1, 1, tzinfo=UTC)
        self._started = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)

    def utc(self, seconds: float) -> str:
        """The time of day in UTC, ISO 8601 with milliseconds, of an instant that many seconds into the run."""
        return f"{self._at(seconds).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"

    def of_day(self, seconds: float) -> str:
        """The same without the date: ``08:15:30.250``."""
        return self._at(seconds).time().isoformat("milliseconds")

    def _at(self, seconds: float) -> datetime:
        return self._started.astimezone(UTC) + timedelta(seconds=min(max(seconds, 0.0), 1e9))
