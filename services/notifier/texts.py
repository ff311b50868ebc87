"""The texts of alerts, in the languages that there are. A dozen of them need no catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.routes import Language


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. Names in braces are filled in."""

    titles: Mapping[str, str]
    """By the kind of the alert."""
    corrected: str
    corrected_at: str
    """Put after the verdict where the instant of its end is known."""
    allowed: str
    paused: str
    past_due: str
    due: str
    promise: str
    sides: Mapping[str, str]
    lead: str
    facts: Mapping[str, str]
    verdicts: Mapping[str, str]
    still: str
    """Of a lead that lies still."""
    moved: str
    moved_title: str
    """That it did not lie still after all."""
    still_again: str
    still_again_title: str
    """That it did, although that was taken back."""
    states: Mapping[str, str]
    """What a handoff is."""
    several: str
    """The title of a message about several alerts of one lead."""
    digest: str
    """And of one about several leads."""
    moment: str
    """The format of an instant, without names of days and months where the language has others."""


TEXTS: Mapping[Language, Texts] = {
    "en": Texts(
        titles={
            "at_risk": "At risk: {clock} on {lead}",
            "overdue": "Overdue: {clock} on {lead}",
            "escalated": "Escalated to {to}: {clock} on {lead}",
            "stalled": "Stalled: {lead}",
            "corrected": "Corrected: {clock} on {lead} is {after}",
        },
        corrected="It was told as {before}; an event that reached us late shows that it is {after}{at}. "
        "What was told before is taken back.",
        corrected_at=" at {moment}",
        allowed="{within} of calendar {calendar}",
        paused="It is paused; some of the {allowed} is left.",
        past_due="Was due {due}: the {allowed} has passed.",
        due="Due {due}: some of the {allowed} is left.",
        promise="The promise of {side}: {says}.",
        sides={},
        lead="Lead: {facts}.",
        facts={"owner": "owner", "team": "team", "account": "account", "source": "source"},
        verdicts={"none": "not owed at all", "at_risk": "at risk"},
        still="No event since {since}: {allowed} passed.",
        moved="It was told as stalled; an event that reached us late shows that it did not lie still. It is {now} now. "
        "What was told before is taken back.",
        moved_title="Corrected: {lead} did not lie still",
        still_again="That it was stalled was taken back; what reached us since shows that it was. It is {now} now.",
        still_again_title="Corrected: {lead} did lie still",
        states={"none": "not handed off"},
        several="{count} alerts on {lead}",
        digest="{count} alerts on {leads} leads",
        moment="%a %d %b %Y %H:%M %Z",
    ),
    "pl": Texts(
        titles={
            "at_risk": "Zagrożone: {clock}, {lead}",
            "overdue": "Po terminie: {clock}, {lead}",
            "escalated": "Eskalacja do {to}: {clock}, {lead}",
            "stalled": "Bez ruchu: {lead}",
            "corrected": "Sprostowanie: {clock}, {lead}, stan: {after}",
        },
        corrected="Zgłoszono stan: {before}. Zdarzenie, które dotarło do nas z opóźnieniem, pokazuje stan: "
        "{after}{at}. Poprzednie zgłoszenie jest nieaktualne.",
        corrected_at=" ({moment})",
        allowed="{within} według kalendarza {calendar}",
        paused="Zegar jest wstrzymany. Z czasu {allowed} część jeszcze pozostała.",
        past_due="Termin minął {due}: upłynął czas {allowed}.",
        due="Termin: {due}. Z czasu {allowed} część jeszcze pozostała.",
        promise="Zobowiązanie ({side}): {says}.",
        sides={"marketing": "marketing", "sales": "sprzedaż"},
        lead="Lead: {facts}.",
        facts={"owner": "opiekun", "team": "zespół", "account": "klient", "source": "źródło"},
        verdicts={
            "none": "brak zobowiązania",
            "running": "w toku",
            "at_risk": "zagrożone",
            "overdue": "po terminie",
            "met": "dotrzymane",
            "missed": "niedotrzymane",
            "cancelled": "anulowane",
            "paused": "wstrzymane",
        },
        still="Ostatnie zdarzenie: {since}. Od tego czasu upłynęło {allowed}.",
        moved="Zgłoszono brak ruchu. Zdarzenie, które dotarło do nas z opóźnieniem, pokazuje, że przestoju nie było. "
        "Stan przekazania: {now}. Poprzednie zgłoszenie jest nieaktualne.",
        moved_title="Sprostowanie: {lead}, przestoju nie było",
        still_again="Zgłoszenie braku ruchu cofnięto, ale nowsze dane pokazują, że przestój był. "
        "Stan przekazania: {now}.",
        still_again_title="Sprostowanie: {lead}, przestój jednak był",
        states={
            "stalled": "bez ruchu",
            "open": "otwarte",
            "closed": "zamknięte",
            "none": "nie było go",
        },
        several="Alerty: {count}, {lead}",
        digest="Alerty: {count}, leady: {leads}",
        moment="%d.%m.%Y %H:%M %Z",
    ),
}
