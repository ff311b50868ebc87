"""Which charters judge: those of files are put in force, and stay with what they judged."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.charter import CharterDocument
from services.adapters.sql.store import SqlStore
from services.charters.files import CharterFile, parse_charter, read_versions
from services.domain.charter import Charters
from services.domain.instants import Instant
from services.errors import Conflict, UsageError


def put_in_force(store: SqlStore, path: Path | None, now: Instant) -> Charters:
    """The charters that judge: those of `path`, which are put in force, and those that were before.

    A charter is kept with what it judged. Raises UsageError for a draft, for a version whose text has changed,
    and where there is none at all.
    """
    given: Sequence[CharterFile] = read_versions(path) if path is not None else ()
    for file in given:
        if file.charter.is_draft:
            raise UsageError(
                f"{file.path}: a side has not agreed to version {file.charter.version}; a draft can be tried with "
                "baton replay, and is put in force once `agreed:` has marketing and sales"
            )
    while True:
        # The generation first: charters that come between the two readings are noticed when it is compared.
        generation = store.charter_generation()
        known = dict(store.charter_texts())
        fresh = [file for file in given if file.charter.version not in known]
        charters = _fitting(known, fresh)
        try:
            store.put_in_force(
                [(file.charter.version, file.text) for file in given],
                now,
                generation=generation,
                reaching_back=_reaches_back(known, fresh, charters, now),
            )
        except Conflict:
            continue
        return charters


def _reaches_back(known: Mapping[str, str], fresh: Sequence[CharterFile], charters: Charters, now: Instant) -> bool:
    """Whether new charters change what was judged: since they are in force, or what was counted by a new filter."""
    before = {name for version in known for name in charters.by_version[version].filters}
    return any(file.charter.effective_from <= now or file.charter.filters.keys() - before for file in fresh)


def charters_in_force(store: SqlStore) -> tuple[Charters, int]:
    """The charters that judge, and their generation. Raises UsageError where there is none."""
    generation = store.charter_generation()
    return _fitting(dict(store.charter_texts()), ()), generation


class Documents:
    """The charters in force as they are written, in order of their dates. What was put in force stays as it is."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._known: dict[str, CharterDocument] = {}

    def __call__(self) -> Sequence[CharterDocument]:
        """All there are now; each is read once. Raises Unavailable."""
        for version, text in self._store.charter_texts():
            if version not in self._known:
                self._known[version] = parse_charter(text, f"version {version} in force").document
        return sorted(self._known.values(), key=lambda document: document.effective_from)


def _fitting(known: Mapping[str, str], fresh: Sequence[CharterFile]) -> Charters:
    """Stored charters and new ones together. Before anything is kept, because that is for good."""
    stored = [parse_charter(text, f"version {version} in force").charter for version, text in known.items()]
    if not stored and not fresh:
        raise UsageError(
            "no charter: give --charter FILE (or BATON_CHARTER); the project's deploy/charters/ has examples"
        )
    try:
        return Charters([*stored, *(file.charter for file in fresh)])
    except ValueError as error:
        raise UsageError(f"the charters in force do not fit together: {error}") from None
