"""The subscriptions to CRMs' webhooks that end unless they are renewed, as the settings set them up."""

from collections.abc import Sequence

from services.adapters.crm.zoho_channel import ZohoChannel
from services.adapters.wall_clock import SystemClock
from services.gateway.subscriptions import SubscriptionKeeper
from services.ports import Subscription
from services.settings import Settings, secrets
from services.wiring.apis import mapping_of, zoho_sign_in


def keeper_of(settings: Settings, *, is_wanted: bool = True) -> SubscriptionKeeper:
    """What keeps them, or nothing unless `is_wanted`. Raises UsageError."""
    subscriptions = subscriptions_of(settings) if is_wanted else []
    return SubscriptionKeeper(subscriptions=subscriptions, clock=SystemClock())


def subscriptions_of(settings: Settings) -> Sequence[Subscription]:
    """Those of CRMs whose API is set up, and that can reach us: the public URL is set. Raises UsageError.

    A time-lapse has none: what it plays is not what CRMs send.
    """
    channel = _zoho(settings) if settings.lapse_start is None else None
    return [channel] if channel is not None else []


def _zoho(settings: Settings) -> Subscription | None:
    tokens = secrets(settings.zoho_secrets)
    authorization = zoho_sign_in(settings) if tokens and settings.public_url is not None else None
    if authorization is None:
        return None
    mapping = mapping_of("zoho", settings)
    return ZohoChannel(
        url=settings.zoho_api_url,
        authorization=authorization,
        notify_url=f"{settings.public_url}/hooks/zoho",
        token=tokens[0],
        modules=[*mapping.leads, *mapping.deals, *mapping.activities],
    )
