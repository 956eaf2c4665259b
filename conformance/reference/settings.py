"""What can be set on a reference target."""

from __future__ import annotations

from dataclasses import dataclass

OWN_CAMPAIGN = "campaign_11111111-2222-4333-8444-555555555555"
OTHER_CAMPAIGN = "campaign_99999999-8888-4777-8666-555555555555"
#: Keys of the reference target: no secret, and no key of anything else.
OWN_KEY = "kV3xZr8TnB5wLm2KqPd7"
OTHER_KEY = "kH7sYc4PfG9jQe6UwRb2"
#: A second key of the run's own campaign, which does as well.
SECOND_KEY = "kD5nWv8MtC3hJy9AzFx4"

#: Numbers that the reference target takes for phones; no exchange can dial them.
SUCCEEDING = ("6500000001", "6500000002")
PENDING = ("6500000003",)
RECOVERING = ("6500000004",)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a reference target behaves.

    :param speed: divides every duration.
    :param delivery: seconds from a send (or retry) to the terminal status; about two fifths of them ``created``.
    :param answer_delay: seconds that each answer takes.
    :param faults: names of faults; :param variants: names of variants, combined as far as they can be.
    :param rate: calls a second for each campaign above which it answers 429; None is no limit.
    :param seed: of the ids that it makes up, and of all that it draws.
    :param max_rows: rows that one Batch Send may hold.
    :param revoke_after: calls after which the key of the run's own campaign is refused for good; None is never.
    :param tls: it is served over HTTPS, with a certificate for tests.
    :param restart_after: calls after which it loses its batches and messages, once; None is never.
    """

    speed: float = 1.0
    delivery: float = 0.8
    answer_delay: float = 0.0
    faults: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    rate: float | None = None
    seed: int = 0
    max_rows: int = 20
    revoke_after: int | None = None
    restart_after: int | None = None
    tls: bool = False

    @property
    def lifetime(self) -> float:
        """Seconds that one attempt takes."""
        return self.delivery / self.speed

    def seconds(self, of_one: float) -> float:
        """Seconds that pass at this speed where ``of_one`` pass at speed 1."""
        return of_one / self.speed
