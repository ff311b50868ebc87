"""Clients of the CRMs' APIs, which fulfil `services.ports.CrmApi`. They only read."""
