"""The CRMs that Baton knows. A new one is its module, its mapping and its samples; and its line here."""

from services.gateway.crm.base import CrmSender
from services.gateway.crm.close import Close
from services.gateway.crm.dynamics import Dynamics
from services.gateway.crm.hubspot import HubSpot
from services.gateway.crm.odoo import Odoo
from services.gateway.crm.pipedrive import Pipedrive
from services.gateway.crm.salesforce import Salesforce
from services.gateway.crm.zoho import Zoho

CRMS: tuple[type[CrmSender], ...] = (
    HubSpot,
    Salesforce,
    Pipedrive,
    Dynamics,
    Zoho,
    Close,
    Odoo,
)
