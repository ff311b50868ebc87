"""A look into one CRM for what was missed, by hand and in either mode."""

from collections.abc import Callable
from dataclasses import dataclass

from services.domain.instants import Instant
from services.errors import BadEvent, UsageError
from services.gateway.api_door import Said
from services.settings import Settings
from services.wiring.at_hand import at_hand
from services.wiring.repairs import named


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What it came to."""

    since: Instant
    until: Instant
    said: Said


async def reconcile(
    settings: Settings, crm: str, since: Callable[[Instant], Instant] | None, progress: Callable[[int, int], None]
) -> Reconciled:
    """Take in what changed `since` (of the present instant; None: since the last time) and was missed.

    `progress` is told, after each page, how many records it had and how many new events these gave.
    Raises UsageError for what the user has to mend, Unavailable while the CRM, the log or the store is away.
    """
    async with at_hand(settings) as tools:
        repair = named(tools.repairs, crm)
        now = tools.clock.now()
        begin = since(now) if since is not None else repair.begins_at()
        try:
            said = await repair.reconcile(begin, lambda page: progress(page.records, page.new))
        except BadEvent as error:
            raise UsageError(f"{error}: does BATON_{crm.upper()}_API_URL name the right address?") from None
        return Reconciled(begin, now, said)
