"""Writes rules as YAML: comments, a fixed order, and every name quoted where YAML wants it."""

from collections.abc import Mapping

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import LiteralScalarString

from services.domain.charter import Charter
from services.rules.counts import counts
from services.rules.goals import goals
from services.rules.leads import leads
from services.rules.model import Alert, Group, Recording
from services.rules.promises import promise
from services.rules.yaml_out import dump, text

RUNBOOKS = "docs/runbooks"
"""Where the page of each alert lies in Baton's repository."""
INTERVAL = "1m"
"""Promises are timed in minutes at the least, and a month of values a minute apart is read for the long windows."""

_HEAD = """\
Prometheus rules of charter {version}, written by `baton rules`. When the charter changes, write them anew; an alert
reminds you. docs/alerts.md says what they mean.
"""


def groups_of(charter: Charter) -> list[Group]:
    """Every group of rules of a charter, in the order in which they are written."""
    clocks = charter.clocks.values()
    promises = (promise(clock) for clock in clocks)
    found = [counts(clocks), *promises, goals(charter), leads(charter)]
    return [group for group in found if group is not None]


def rules_page(charter: Charter, runbooks: str = RUNBOOKS) -> str:
    """The file of rules of a charter. The page of an alert is `runbooks`/NAME.md."""
    groups = CommentedSeq()
    for place, group in enumerate(groups_of(charter)):
        groups.append(_group(group, runbooks.rstrip("/")))
        groups.yaml_set_comment_before_after_key(place, before=_spaced(group.comment, place), indent=2)
    document = CommentedMap({"groups": groups})
    document.yaml_set_start_comment(_HEAD.format(version=charter.version))
    return dump([document])


def _group(group: Group, runbooks: str) -> CommentedMap:
    rules = CommentedSeq()
    for place, rule in enumerate(group.rules):
        rules.append(_recording(rule) if isinstance(rule, Recording) else _alert(rule, runbooks))
        if rule.comment:
            rules.yaml_set_comment_before_after_key(place, before=_spaced(rule.comment, place), indent=6)
    return CommentedMap({"name": text(group.name), "interval": INTERVAL, "rules": rules})


def _spaced(comment: str, place: int) -> str:
    """With an empty line before it, unless it stands first."""
    return f"\n{comment}" if place else comment


def _recording(rule: Recording) -> CommentedMap:
    written = CommentedMap({"record": rule.record, "expr": rule.expr})
    if rule.labels:
        written["labels"] = _inline(rule.labels)
    return written


def _alert(rule: Alert, runbooks: str) -> CommentedMap:
    written = CommentedMap({"alert": rule.name, "expr": LiteralScalarString(rule.expr)})
    if rule.hold:
        written["for"] = rule.hold
    written["labels"] = _inline({"severity": rule.severity, **rule.labels})
    written["annotations"] = CommentedMap(
        {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": text(f"{runbooks}/{rule.name}.md"),
        }
    )
    return written


def _inline(labels: Mapping[str, str]) -> CommentedMap:
    written = CommentedMap({name: text(value) for name, value in labels.items()})
    written.fa.set_flow_style()
    return written
