"""The words of goals: for measures, facts, parts of the index, stages and paces; and how figures are written."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from schemas.charter import AMOUNTS, SHARES
from services.board.languages import ENGLISH, Language, marked
from services.board.times import money, number, percent
from services.domain.charter import Per
from services.domain.facts import MICROS, Fact, FactKind
from services.domain.periods import Period
from services.measures.collaboration import Element
from services.measures.gap import Stage
from services.measures.pace import Pace

MEASURES: Mapping[str, str] = {
    "handoffs": marked("handoffs"),
    "accepted": marked("accepted leads"),
    "rejected": marked("rejected leads"),
    "touched": marked("contacted leads"),
    "untouched": marked("leads without contact"),
    "qualified": marked("qualified leads"),
    "opportunities": marked("opportunities"),
    "won": marked("won"),
    "lost": marked("lost"),
    "recycled": marked("recycled leads"),
    "conversations": marked("conversations"),
    "won_amount": marked("revenue"),
    "accept_rate": marked("acceptance rate"),
    "contact_rate": marked("contact rate"),
    "win_rate": marked("win rate"),
    "close_rate": marked("close rate"),
    "new_customer_share": marked("share of new customers"),
    "completeness": marked("completeness"),
    "feedback_rate": marked("feedback rate"),
    "attainment": marked("promises kept in time"),
}
KINDS: Mapping[FactKind, str] = {
    FactKind.HANDED_OFF: marked("handed off"),
    FactKind.ACCEPTED: marked("accepted"),
    FactKind.REJECTED: marked("rejected"),
    FactKind.TOUCHED: marked("contacted"),
    FactKind.REACHED: marked("handed off and contacted since"),
    FactKind.QUALIFIED: marked("qualified"),
    FactKind.OPPORTUNITY: marked("with an opportunity"),
    FactKind.WON: marked("won"),
    FactKind.LOST: marked("lost"),
    FactKind.RECYCLED: marked("recycled"),
    FactKind.CLOSED: marked("closed"),
    FactKind.JUDGED: marked("closed with feedback"),
    FactKind.CONVERSATION: marked("in conversation"),
    FactKind.DEAL_WON: marked("won deals"),
    FactKind.NEW_CUSTOMER_WON: marked("won deals of new customers"),
    FactKind.DISPUTED: marked("disputed"),
    FactKind.SETTLED: marked("disputed and settled within the quarter"),
}
PARTS: Mapping[Element, str] = {
    Element.ATTAINMENT: marked("promises kept in time by the weaker side"),
    Element.GIVEN: marked("closed leads with feedback"),
    Element.ANSWERED: marked("feedback answered in time"),
    Element.SETTLED: marked("disputes settled within the quarter"),
    Element.CEREMONIES: marked("ceremonies held"),
}
MISSING: Mapping[Stage, str] = {
    Stage.HANDOFFS: marked("Too few handoffs"),
    Stage.ACCEPTED: marked("Low acceptance"),
    Stage.WON: marked("Low win rate"),
    Stage.AMOUNT: marked("Small deals"),
}
GAINED: Mapping[Stage, str] = {
    Stage.HANDOFFS: marked("More handoffs than planned"),
    Stage.ACCEPTED: marked("High acceptance"),
    Stage.WON: marked("High win rate"),
    Stage.AMOUNT: marked("Large deals"),
}
PACES: Mapping[Pace, str] = {
    Pace.AHEAD: marked("Ahead"),
    Pace.ON_PACE: marked("On pace"),
    Pace.BEHIND: marked("Behind"),
}
PLANNED_BY: Mapping[str, str] = {
    "target": marked("the goal"),
    "contributes": marked("what the side gives to it"),
    "commitment": marked("a commitment"),
    "last_period": marked("the shares of the last period"),
}
_FINE = 100
"""Amounts below this are told with two decimals."""


def words(mapping: Mapping[str, str], key: str, language: Language = ENGLISH) -> str:
    """What a mapping calls a key, in the reader's language; the key itself where it has no words."""
    return language.gettext(mapping[key]) if key in mapping else key


def figure(value: Fraction | None, measure: str, currency: str | None = None, language: Language = ENGLISH) -> str:
    """A value of a measure: `70 %`, `1,200,000 PLN`, `145.5`; `-` where there is none."""
    if value is None:
        return "-"
    if measure in SHARES:
        return percent(float(value), language)
    if measure in AMOUNTS:
        return money(_decimal(value, 0 if abs(value) >= _FINE else 2), currency or None, language)
    return number(_decimal(value, 1), language)


def amount(fact: Fact, language: Language = ENGLISH) -> str:
    """What a deal was won for, to the cent."""
    return money(_decimal(Fraction(fact.amount, MICROS), 2), fact.currency or None, language)


def period_name(period: Period, language: Language = ENGLISH) -> str:
    """`October 2026` in the language; weeks, quarters and years are called alike in all."""
    if period.per is not Per.MONTH:
        return period.name
    months = language.locale.months["stand-alone"]["wide"]
    year, month = period.key.split("-")
    return f"{months[int(month)]} {year}"


def _decimal(value: Fraction, places: int) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN).normalize() + 0
