"""The clients of the CRMs' APIs that the settings set up, and what changes mean where one is."""

from collections.abc import Callable, Mapping, Sequence

from pydantic import SecretStr

from schemas.mapping import CrmMapping
from services.adapters.crm.api import Authorization
from services.adapters.crm.close import CloseApi
from services.adapters.crm.dynamics import DynamicsApi
from services.adapters.crm.hubspot import HubspotApi
from services.adapters.crm.odoo import OdooApi
from services.adapters.crm.pipedrive import PipedriveApi
from services.adapters.crm.salesforce import SalesforceApi
from services.adapters.crm.zoho import ZohoApi, sign_in
from services.adapters.wall_clock import SystemClock
from services.errors import UsageError
from services.gateway.mapping import read_mapping
from services.ports import CrmApi
from services.settings import Settings, secret, variable

Builder = Callable[[Settings], CrmApi | None]
"""Makes one CRM's client; None where its credentials or its address are not set. Raises UsageError."""

_CREDENTIALS: Mapping[str, str] = {
    "hubspot": "hubspot_api_token",
    "salesforce": "salesforce_client_id",
    "pipedrive": "pipedrive_api_token",
    "dynamics": "dynamics_client_id",
    "zoho": "zoho_client_id",
    "close": "close_api_token",
    "odoo": "odoo_api_token",
}
"""Of each CRM, the setting without which there is no API."""


def mapping_of(crm: str, settings: Settings) -> CrmMapping:
    """What a CRM's changes mean, by the file that is set or ours. Raises UsageError."""
    mapping = read_mapping(crm, getattr(settings, f"{crm}_mapping"))
    has_api = getattr(settings, _CREDENTIALS[crm]) is not None
    return mapping.with_api() if has_api else mapping


def without_apis(settings: Settings) -> Settings:
    """The same for a Baton that asks no CRM: changes mean what they mean where no API is set up."""
    return settings.model_copy(update=dict.fromkeys(_CREDENTIALS.values()))


def hubspot_api(settings: Settings) -> CrmApi | None:
    """HubSpot's, where a token is set."""
    token = secret(settings.hubspot_api_token)
    if token is None:
        return None
    return HubspotApi(base_url=settings.hubspot_api_url, token=token, mapping=mapping_of("hubspot", settings))


def salesforce_api(settings: Settings) -> CrmApi | None:
    """Salesforce's, by the client credentials of a connected app."""
    given = _all_or_none(settings, ("salesforce_api_url", "salesforce_client_id", "salesforce_client_secret"))
    if given is None:
        return None
    url, client_id, client_secret = given
    return SalesforceApi(
        base_url=url,
        client_id=client_id,
        client_secret=client_secret,
        mapping=mapping_of("salesforce", settings),
        clock=SystemClock(),
    )


def pipedrive_api(settings: Settings) -> CrmApi | None:
    """Pipedrive's, at the company's own address."""
    given = _all_or_none(settings, ("pipedrive_api_url", "pipedrive_api_token"))
    return None if given is None else PipedriveApi(base_url=given[0], token=given[1])


def close_api(settings: Settings) -> CrmApi | None:
    """Close's, where a key is set."""
    token = secret(settings.close_api_token)
    return None if token is None else CloseApi(base_url=settings.close_api_url, token=token)


def dynamics_api(settings: Settings) -> CrmApi | None:
    """That of Dynamics 365, where its environment and an application are set."""
    names = ("dynamics_api_url", "dynamics_tenant", "dynamics_client_id", "dynamics_client_secret")
    given = _all_or_none(settings, names)
    if given is None:
        return None
    url, tenant, client_id, client_secret = given
    return DynamicsApi(
        base_url=url,
        tenant=tenant,
        client_id=client_id,
        client_secret=client_secret,
        mapping=mapping_of("dynamics", settings),
    )


def odoo_api(settings: Settings) -> CrmApi | None:
    """Odoo's, where its address and a key are set; by JSON-RPC where a user is set too."""
    names = ["odoo_api_url", "odoo_api_token"]
    if settings.odoo_user is not None:
        names += ["odoo_user", "odoo_database"]
    given = _all_or_none(settings, names)
    if given is None:
        return None
    return OdooApi(
        base_url=given[0],
        key=given[1],
        database=settings.odoo_database,
        user=settings.odoo_user,
        mapping=mapping_of("odoo", settings),
        clock=SystemClock(),
    )


def zoho_api(settings: Settings) -> CrmApi | None:
    """Zoho's."""
    authorization = zoho_sign_in(settings)
    if authorization is None:
        return None
    return ZohoApi(url=settings.zoho_api_url, authorization=authorization, mapping=mapping_of("zoho", settings))


def zoho_sign_in(settings: Settings) -> Authorization | None:
    """How Zoho is asked; None where neither the client nor its refresh token is set."""
    given = _all_or_none(settings, ("zoho_client_id", "zoho_client_secret", "zoho_refresh_token"))
    if given is None:
        return None
    client_id, client_secret, refresh_token = given
    return sign_in(
        settings.zoho_accounts_url, client_id=client_id, client_secret=client_secret, refresh_token=refresh_token
    )


def _all_or_none(settings: Settings, names: Sequence[str]) -> Sequence[str] | None:
    """The settings, all of which an API needs; None where none is given. Raises UsageError that names the missing."""
    values = [getattr(settings, name) for name in names]
    texts = [value.get_secret_value() if isinstance(value, SecretStr) else value for value in values]
    missing = [variable(name) for name, text in zip(names, texts, strict=True) if not text]
    if len(missing) == len(names):
        return None
    if missing:
        raise UsageError(f"{', '.join(missing)}: not given, though others for the same API are")
    return texts


BUILDERS: Sequence[Builder] = (
    hubspot_api,
    salesforce_api,
    pipedrive_api,
    dynamics_api,
    zoho_api,
    close_api,
    odoo_api,
)
"""One for each CRM."""


def apis_of(settings: Settings, builders: Sequence[Builder] = BUILDERS) -> Mapping[str, CrmApi]:
    """By the CRM's name, those that are set up. Whoever has them closes them."""
    made = (builder(settings) for builder in builders)
    return {api.crm: api for api in made if api is not None}
