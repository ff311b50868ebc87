"""Public holidays of a country or one of its regions, by date with their names."""

import warnings
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache

from schemas.charter_values import did_you_mean

FIRST_YEAR = 1990
LAST_YEAR = 2100


@cache
def public_holidays(country: str, subdivision: str | None) -> Mapping[date, str]:
    """The public holidays from 1990 to 2100, named in English where the names are known in it.

    Country and subdivision are known ones (`find_fault`).
    """
    # Imported here: a charter without a country need not wait for it.
    import holidays

    languages = holidays.country_holidays(country, subdiv=subdivision).supported_languages
    english = next((each for each in ("en_US", "en_GB") if each in languages), None)
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    with warnings.catch_warnings():
        # India's moving feasts are known for some decades only, which the library says on every use.
        warnings.simplefilter("ignore", UserWarning)
        return dict(holidays.country_holidays(country, subdiv=subdivision, years=years, language=english))


def find_fault(country: str, subdivision: str | None) -> tuple[str, str] | None:
    """The key at fault (`country` or `subdivision`) and what is wrong with it; None where both are known."""
    known = _subdivisions()
    if country not in known:
        return "country", f'no holidays are known for the country "{country:.40}"{_nearest_country(country)}'
    if subdivision is None or subdivision in known[country]:
        return None
    if not known[country]:
        return "subdivision", f"{country} has no regions with holidays of their own; leave `subdivision` out"
    hint = did_you_mean(subdivision, known[country]) or f"; write one such as {known[country][0]}"
    return "subdivision", f'{country} has no region "{subdivision:.40}"{hint}'


@cache
def _subdivisions() -> Mapping[str, Sequence[str]]:
    import holidays

    return {
        country: tuple(subdivisions)
        for country, subdivisions in holidays.list_supported_countries(include_aliases=True).items()
    }


def _nearest_country(text: str) -> str:
    from holidays.registry import COUNTRIES

    wanted = text.strip().lower().replace(" ", "_")
    codes = {code.lower(): code for code in _subdivisions()}
    if wanted in codes:
        return f'; did you mean "{codes[wanted]}"?'
    hint = did_you_mean(wanted, COUNTRIES) if len(wanted) > 3 else ""
    name = hint.partition('"')[2].partition('"')[0]
    if name in COUNTRIES:
        return f'; did you mean "{COUNTRIES[name][1]}"?'
    return "; write its two-letter ISO 3166 code, such as PL"


def country_name(country: str) -> str:
    """The country's name in English, or its code where that is not known."""
    from holidays.registry import COUNTRIES

    name = next((name for name, codes in COUNTRIES.items() if country in codes), None)
    return name.replace("_", " ").title() if name else country
