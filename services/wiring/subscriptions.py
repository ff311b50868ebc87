"""The subscriptions to CRMs' webhooks that end unless somebody sees to them, as the settings set them up."""

from collections.abc import Sequence

from services.adapters.crm.close_webhooks import CloseWebhooks
from services.adapters.crm.pipedrive_webhooks import PipedriveWebhooks
from services.adapters.crm.zoho_channel import ZohoChannel
from services.adapters.wall_clock import SystemClock
from services.gateway.subscriptions import SubscriptionKeeper
from services.ports import Subscription
from services.settings import Settings, secret, secrets
from services.wiring.apis import mapping_of, zoho_sign_in


def keeper_of(settings: Settings, *, is_wanted: bool = True) -> SubscriptionKeeper:
    """What keeps them, or nothing unless `is_wanted`. Raises UsageError."""
    subscriptions = subscriptions_of(settings) if is_wanted else []
    return SubscriptionKeeper(subscriptions=subscriptions, clock=SystemClock())


def subscriptions_of(settings: Settings) -> Sequence[Subscription]:
    """Those of CRMs whose API is set up, and that can reach us: the public URL is set. Raises UsageError.

    A time-lapse has none: what it plays is not what CRMs send.
    """
    if settings.lapse_start is not None or settings.public_url is None:
        return []
    made = (of(settings) for of in (_zoho, _pipedrive, _close))
    return [each for each in made if each is not None]


def _zoho(settings: Settings) -> Subscription | None:
    tokens = secrets(settings.zoho_secrets)
    authorization = zoho_sign_in(settings) if tokens else None
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


def _pipedrive(settings: Settings) -> Subscription | None:
    shown = secrets(settings.pipedrive_secrets)
    token = secret(settings.pipedrive_api_token)
    if not shown or token is None or settings.pipedrive_api_url is None:
        return None
    mapping = mapping_of("pipedrive", settings)
    return PipedriveWebhooks(
        base_url=settings.pipedrive_api_url,
        token=token,
        address=f"{settings.public_url}/hooks/pipedrive",
        secret=shown[0],
        objects={*mapping.leads, *mapping.deals, *mapping.activities},
        clock=SystemClock(),
    )


def _close(settings: Settings) -> Subscription | None:
    token = secret(settings.close_api_token)
    if not secrets(settings.close_secrets) or token is None:
        return None
    return CloseWebhooks(
        base_url=settings.close_api_url,
        token=token,
        address=f"{settings.public_url}/hooks/close",
        clock=SystemClock(),
    )
