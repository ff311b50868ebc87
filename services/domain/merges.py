"""Which leads belong together because they were merged, directly or over others."""

from collections.abc import Collection, Iterable, Mapping


def together(lead: str, links: Mapping[str, Collection[str]]) -> set[str]:
    """All leads that are reached from `lead` over links, and `lead` itself. Links go both ways."""
    found = {lead}
    fresh = [lead]
    while fresh:
        for other in links.get(fresh.pop(), ()):
            if other not in found:
                found.add(other)
                fresh.append(other)
    return found


def links_of(merges: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Links both ways from pairs of a lead and the one into which it was merged."""
    links: dict[str, set[str]] = {}
    for lead, into in merges:
        links.setdefault(lead, set()).add(into)
        links.setdefault(into, set()).add(lead)
    return links
