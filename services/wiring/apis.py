"""The clients of the CRMs' APIs that the settings set up."""

from collections.abc import Callable, Mapping, Sequence

from services.ports import CrmApi
from services.settings import Settings

Builder = Callable[[Settings], CrmApi | None]
"""Makes one CRM's client; None where its credentials or its address are not set. Raises UsageError."""

BUILDERS: Sequence[Builder] = ()
"""One for each CRM."""


def apis_of(settings: Settings, builders: Sequence[Builder] = BUILDERS) -> Mapping[str, CrmApi]:
    """By the CRM's name, those that are set up. Whoever has them closes them."""
    made = (builder(settings) for builder in builders)
    return {api.crm: api for api in made if api is not None}
