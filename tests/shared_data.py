"""Where the data lie that several checkouts share, and how a test says that it needs them."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"

DEMAND_ALL = bool(os.environ.get("BATON_TEST_DEMAND_ALL"))
"""Whether a test that lacks something must fail instead of being skipped."""
DEEP = bool(os.environ.get("BATON_TEST_DEEP"))
"""Whether random cases are tried by the thousand, others than in every run."""

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir() and not DEMAND_ALL, reason=f"the shared data are not there: {SHARED}"
)
