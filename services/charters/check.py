"""Everything that is wrong with a charter, found in one run and told in the order of the file."""

from schemas.charter import CharterDocument
from services.charters.calendar_rules import check_calendars
from services.charters.clock_rules import check_clocks
from services.charters.nodes import Finding
from services.charters.promise_rules import check_promises
from services.charters.shape import check_shape
from services.charters.yaml_file import read_nodes


def check_text(text: str) -> tuple[CharterDocument | None, list[Finding]]:
    """The document, or None and every mistake in the file's text."""
    root, findings = read_nodes(text)
    if root is None:
        return None, findings or [Finding(1, "the file is empty; begin with `charter: 1`")]
    document, shape = check_shape(root)
    findings += shape
    for rule in (check_calendars, check_clocks, check_promises):
        findings += rule(root)
    return (None if findings else document), sorted(set(findings))
