"""Every alert has a page that says what to look at and what to do, and every page has its alert."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.charters import read_charter
from services.rules.model import Alert
from services.rules.page import RUNBOOKS, groups_of
from tests.deploy.shipped import DEPLOY, ROOT, read_yaml
from tests.deploy.test_prometheus import check
from tests.rules.made import charter_of

PAGES = sorted((ROOT / RUNBOOKS).glob("*.md"))
FILES = sorted((DEPLOY / "prometheus").glob("rules*.yml"))


def alerts() -> Iterator[dict[str, Any]]:
    """The alerts of every file that ships."""
    for path in FILES:
        yield from (rule for group in read_yaml(path)["groups"] for rule in group["rules"] if "alert" in rule)


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    """Those that ship, and those that a charter can be given."""
    charters = [read_charter(path).charter for path in sorted((DEPLOY / "charters").glob("*.yaml"))]
    charters.append(charter_of({"low": ("sales", "50%"), "lowest": ("sales", "5%")}))
    made = {
        rule.name
        for charter in charters
        for group in groups_of(charter)
        for rule in group.rules
        if isinstance(rule, Alert)
    }
    assert made | {alert["alert"] for alert in alerts()} == {page.stem for page in PAGES}


def test_alerts_link_their_pages() -> None:
    """By their path in the repository, where nobody said another address."""
    found = list(alerts())
    assert len(found) > len(PAGES)
    for alert in found:
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"


def test_alertmanager_takes_what_the_documents_propose(tmp_path: Path) -> None:
    """amtool finds nothing wrong with the routes of docs/alerts.md, and each side is told of its own."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "alerts.md").read_text("utf-8"), re.M | re.S)
    path = tmp_path / "alertmanager.yml"
    path.write_text(block + "receivers: [{name: operators}, {name: marketing}, {name: sales}]\n", encoding="utf-8")
    check("amtool", "check-config", path)
    for side in ("marketing", "sales"):
        check(
            "amtool",
            "config",
            "routes",
            "test",
            f"--config.file={path}",
            f"--verify.receivers={side}",
            f"promised_by={side}",
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_say_what_to_look_at_and_what_to_do(page: Path) -> None:
    """In this order, and in few words."""
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem}\n\n")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [f"# {page.stem}", "## Look at", "## Do"]
    means, look, do = (part.strip() for part in text.split("\n", 1)[1].split("## "))
    assert means.endswith(".")
    assert look.count("\n- ") >= 2
    assert do.count("\n1. ") == do.count("\n2. ") == 1
    assert len(text.split()) < 250
