"""The words for what events say, for what is waited for, for conditions and for names that the code knows."""

from collections.abc import Iterable, Mapping

from services.board.languages import ENGLISH, Language, marked, marked_in
from services.domain.charter import Side, Trigger
from services.domain.conditions import AnyOf, Compared, Known, NoneOf, Test, When
from services.domain.events import Scalar

_HAPPENED: Mapping[str, str] = {
    "lead.captured": marked("captured"),
    "lead.updated": marked("updated"),
    "lead.handed_off": marked("handed off"),
    "lead.assigned": marked("assigned"),
    "lead.paused": marked("paused"),
    "lead.resumed": marked("resumed"),
    "lead.accepted": marked("accepted"),
    "lead.touched": marked("touched"),
    "lead.qualified": marked("qualified"),
    "deal.opened": marked("deal opened"),
    "deal.moved": marked("deal moved"),
    "feedback.given": marked("feedback given"),
    "lead.rejected": marked("rejected"),
    "feedback.answered": marked("feedback answered"),
    "feedback.settled": marked("feedback settled"),
    "deal.won": marked("deal won"),
    "deal.lost": marked("deal lost"),
    "lead.recycled": marked("recycled"),
    "lead.withdrawn": marked("withdrawn"),
    "lead.merged": marked("merged"),
    "lead.erased": marked("erased"),
    "ceremony.held": marked("ceremony held"),
}
_AWAITED: Mapping[str, str] = {
    "lead.captured": marked_in("awaited", "captured"),
    "lead.updated": marked_in("awaited", "updated"),
    "lead.handed_off": marked_in("awaited", "handed off"),
    "lead.assigned": marked_in("awaited", "assigned"),
    "lead.paused": marked_in("awaited", "paused"),
    "lead.resumed": marked_in("awaited", "resumed"),
    "lead.accepted": marked_in("awaited", "accepted"),
    "lead.touched": marked_in("awaited", "touched"),
    "lead.qualified": marked_in("awaited", "qualified"),
    "deal.opened": marked_in("awaited", "deal opened"),
    "deal.moved": marked_in("awaited", "deal moved"),
    "feedback.given": marked_in("awaited", "feedback given"),
    "lead.rejected": marked_in("awaited", "rejected"),
    "feedback.answered": marked_in("awaited", "feedback answered"),
    "feedback.settled": marked_in("awaited", "feedback settled"),
    "deal.won": marked_in("awaited", "deal won"),
    "deal.lost": marked_in("awaited", "deal lost"),
    "lead.recycled": marked_in("awaited", "recycled"),
    "lead.withdrawn": marked_in("awaited", "withdrawn"),
    "lead.merged": marked_in("awaited", "merged"),
    "lead.erased": marked_in("awaited", "erased"),
    "ceremony.held": marked_in("awaited", "ceremony held"),
}
_TROUBLES: Mapping[int, str] = {
    404: marked("Not Found"),
    405: marked("Method Not Allowed"),
    422: marked("Not understood"),
    503: marked("Service Unavailable"),
}
_SIDES: Mapping[str, str] = {Side.MARKETING: marked("marketing"), Side.SALES: marked("sales")}
_COMPARED: Mapping[str, str] = {
    "gte": marked("%(name)s is at least %(value)s"),
    "gt": marked("%(name)s is more than %(value)s"),
    "lte": marked("%(name)s is at most %(value)s"),
    "lt": marked("%(name)s is less than %(value)s"),
}


def happened(wire: str, language: Language = ENGLISH) -> str:
    """What an event type says has happened: `handed off`, `deal won`."""
    return language.gettext(_HAPPENED[wire]) if wire in _HAPPENED else wire


def awaited(triggers: Iterable[Trigger], language: Language = ENGLISH) -> str:
    """What is waited for, any of which will do: `accepted or rejected`."""
    said = [
        _with_condition(language.pgettext("awaited", _AWAITED[each.type.wire]), each, language) for each in triggers
    ]
    return either(said, language)


def trigger_words(trigger: Trigger, language: Language = ENGLISH) -> str:
    """An event that plays a part for a clock, in words: `touched (kind is call)`."""
    return _with_condition(happened(trigger.type.wire, language), trigger, language)


def triggers_words(triggers: Iterable[Trigger], language: Language = ENGLISH) -> str:
    """Events that play one part for a clock, any of which will do: `accepted or rejected`."""
    return either([trigger_words(each, language) for each in triggers], language)


def when_words(when: When, language: Language = ENGLISH) -> str:
    """A condition: `priority is hot and score is at least 80`; empty where it always holds."""
    return language.gettext(" and ").join(_test(name, test, language) for name, test in when.tests)


def either(words: Iterable[str], language: Language = ENGLISH) -> str:
    """`a or b or c`."""
    return language.gettext(" or ").join(words)


def side(name: str, language: Language = ENGLISH) -> str:
    """Who promises: `marketing`."""
    return language.gettext(_SIDES[name]) if name in _SIDES else name


def trouble_title(status: int, phrase: str, language: Language = ENGLISH) -> str:
    """What a page that is not shown is called; `phrase` where there are no words for its status."""
    return language.gettext(_TROUBLES[status]) if status in _TROUBLES else phrase


def capital(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def _with_condition(words: str, trigger: Trigger, language: Language) -> str:
    return f"{words} ({when_words(trigger.when, language)})" if trigger.when.tests else words


def _test(name: str, test: Test, language: Language) -> str:
    match test:
        case AnyOf():
            values = _values(test.values, language)
            return language.gettext("%(name)s is %(values)s", name=name, values=values)
        case NoneOf():
            values = _values(test.values, language)
            return language.gettext("%(name)s is not %(values)s", name=name, values=values)
        case Compared():
            return language.gettext(_COMPARED[test.comparison], name=name, value=f"{test.bound:g}")
        case Known(known=True):
            return language.gettext("%(name)s is known", name=name)
        case Known():
            return language.gettext("%(name)s is not known", name=name)
        case _:
            return f"{name} {test}"


def _values(values: Iterable[Scalar], language: Language) -> str:
    return either([str(each).lower() if isinstance(each, bool) else str(each) for each in values], language)
