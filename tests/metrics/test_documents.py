"""The pages about metrics and settings are what the code says."""

import pytest

from services import metric_table as table
from services.settings import Listed, Settings, variable
from tests.docs import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    """`python -m tests.docs` writes it anew."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_nothing_is_left_out() -> None:
    """Every metric, every label and every setting has its row."""
    metrics, settings = PAGES["metrics.md"](), PAGES["settings.md"]()
    assert all(f"| `{name}` |" in metrics for name in table.BY_NAME)
    assert all(f"| `{label}` |" in metrics for metric in table.METRICS for label in metric.labels)
    assert all(f"| `{variable(name)}`" in settings for name in Settings.model_fields)
    listed = [field for field in Settings.model_fields.values() if field.rebuild_annotation() == Listed]
    assert settings.count("`¹") == len(listed) > 0
    assert all(field.description for field in Settings.model_fields.values())
