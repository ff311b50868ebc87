"""Which labels of choices and lookups (`statuscode.label`) a mapping asks for, where payloads may lack them."""

from collections.abc import Iterable

from schemas.mapping import Activity, CrmMapping, LeadObject

LABEL = ".label"


def labels_asked(mapping: CrmMapping, kind: str) -> tuple[frozenset[str], frozenset[str]]:
    """Of objects of a kind that the mapping knows: the fields of whose labels it makes events, and attributes alone."""
    meaning = mapping.activities.get(kind) or mapping.deals.get(kind) or mapping.leads[kind]
    if isinstance(meaning, Activity):
        return _labelled(meaning.fields()), frozenset()
    decisive = _labelled([*meaning.properties, *(name for rule in meaning.rules() for name in rule.fields())])
    useful = _labelled(meaning.attributes) if isinstance(meaning, LeadObject) else frozenset()
    return decisive, useful - decisive


def _labelled(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.removesuffix(LABEL) for name in names if name.endswith(LABEL))
