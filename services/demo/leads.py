"""The leads of the demo: the marketing funnel of Olist where its files are at hand, else a made-up set."""

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.errors import UsageError

LEADS_FILE = "olist_marketing_qualified_leads_dataset.csv"
DEALS_FILE = "olist_closed_deals_dataset.csv"

_MADE_UP = 400
# Shares of the origins among Olist's leads, so that both sets look alike.
_ORIGINS = {
    "organic_search": 29,
    "paid_search": 20,
    "social": 17,
    "direct_traffic": 6,
    "email": 6,
    "referral": 4,
    "display": 2,
    "other": 2,
}
_SEGMENTS = ("home_decor", "health_beauty", "car_accessories", "computers", "pet")
_ONE_IN_NINE = 842 / 8000
"""Olist's leads that became a deal."""


@dataclass(frozen=True, slots=True)
class DemoLead:
    """One lead. `segment` is known of those that became a deal (`is_won`)."""

    source: str
    campaign: str
    is_won: bool
    segment: str | None
    lead_type: str | None


def read_olist(folder: Path) -> Sequence[DemoLead]:
    """Olist's leads in the order of their first contact. Raises UsageError where the files are not there."""
    try:
        deals = {row["mql_id"]: row for row in _rows(folder / DEALS_FILE)}
        rows = sorted(_rows(folder / LEADS_FILE), key=lambda row: (row["first_contact_date"], row["mql_id"]))
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}; --leads is a folder with {LEADS_FILE}") from None
    return [_olist_lead(row, deals.get(row["mql_id"])) for row in rows]


def make_up(seed: int = 1) -> Sequence[DemoLead]:
    """A made-up set, the same for every seed."""
    rng = random.Random(seed)  # noqa: S311 - nothing here is a secret
    origins, weights = list(_ORIGINS), list(_ORIGINS.values())
    leads = []
    for _ in range(_MADE_UP):
        is_won = rng.random() < _ONE_IN_NINE
        segment = rng.choice(_SEGMENTS) if is_won else None
        source = rng.choices(origins, weights)[0]
        leads.append(DemoLead(source, f"page-{rng.randint(1, 9)}", is_won, segment, None))
    return leads


def _olist_lead(row: Mapping[str, str], deal: Mapping[str, str] | None) -> DemoLead:
    return DemoLead(
        source=row["origin"] or "unknown",
        campaign=f"page-{row['landing_page_id'][:6]}",
        is_won=deal is not None,
        segment=(deal["business_segment"] or None) if deal is not None else None,
        lead_type=(deal["lead_type"] or None) if deal is not None else None,
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
