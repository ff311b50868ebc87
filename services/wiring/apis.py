"""The clients of the CRMs' APIs that the settings set up."""

from collections.abc import Callable, Mapping, Sequence

from services.adapters.crm.salesforce import SalesforceApi
from services.adapters.wall_clock import SystemClock
from services.errors import UsageError
from services.gateway.mapping import read_mapping
from services.ports import CrmApi
from services.settings import Settings, secret, variable

Builder = Callable[[Settings], CrmApi | None]
"""Makes one CRM's client; None where its credentials or its address are not set. Raises UsageError."""


def salesforce_api(settings: Settings) -> CrmApi | None:
    """Salesforce's, by the client credentials of a connected app."""
    url, client_id = settings.salesforce_api_url, settings.salesforce_client_id
    client_secret = secret(settings.salesforce_client_secret)
    if url is None and client_id is None and client_secret is None:
        return None
    if url is None or client_id is None or client_secret is None:
        names = [variable(f"salesforce_{name}") for name in ("api_url", "client_id", "client_secret")]
        raise UsageError(f"{', '.join(names)}: give all three, or none")
    return SalesforceApi(
        base_url=url,
        client_id=client_id,
        client_secret=client_secret,
        mapping=read_mapping("salesforce", settings.salesforce_mapping),
        clock=SystemClock(),
    )


BUILDERS: Sequence[Builder] = (salesforce_api,)
"""One for each CRM."""


def apis_of(settings: Settings, builders: Sequence[Builder] = BUILDERS) -> Mapping[str, CrmApi]:
    """By the CRM's name, those that are set up. Whoever has them closes them."""
    made = (builder(settings) for builder in builders)
    return {api.crm: api for api in made if api is not None}
