"""The OpenAPI document and the API say the same: Schemathesis tries what the document allows, and what it does not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from services.board.app import add_routes
from services.charters.files import parse_charter
from services.domain.charter import Charters
from tests.board.feedback_world import board_of
from tests.board.world import CHARTER, WRITTEN, StillClock, world
from tests.docs import PAGES

READS = (
    "overview",
    "leads",
    "leads/{key}",
    "clocks",
    "charter",
    "feedback",
    "feedback/rejections",
    "feedback/disputes",
    "feedback/actions",
    "goals",
    "commitments",
    "collaboration",
    "ceremonies",
    "facts",
)
WRITES = ("feedback", "handoffs", "ceremonies")
EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
CHECKED = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
"""The answer is one that the document tells of, with its headers and its shape."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(["lead", "decision", "kind", "verdict", "answer", "outcome", "reason", "comment", "action"]),
    st.sampled_from(["hubspot:contact:152", "hubspot:contact:155", "accept", "reject", "given", "answered", "settled"])
    | st.sampled_from(["good", "poor", "agreed", "disputed", "upheld", "withdrawn", "no_budget", "Tighten"])
    | JSON,
)


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    """The board with a log that judges at once."""
    board = board_of(
        world(), StillClock(), Charters([CHARTER]), documents=[parse_charter(WRITTEN, "the charter").document]
    )
    app = FastAPI(title="Baton", version="1", docs_url=None, redoc_url=None)
    add_routes(app, board)
    yield app
    board.close()


@pytest.fixture(scope="module")
def document(app: FastAPI) -> BaseSchema:
    """What the app says of its API."""
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("path", READS)
@given(data=st.data())
@EXAMPLES
def test_whatever_is_asked_is_answered_as_the_document_says(
    document: BaseSchema, path: str, data: st.DataObject
) -> None:
    """Parameters that are right, and texts of any kind."""
    case = data.draw(document[f"/api/v1/{path}"]["GET"].as_strategy())
    case.validate_response(case.call(), checks=CHECKED)


@pytest.mark.parametrize("path", WRITES)
@given(data=st.data())
@EXAMPLES
def test_whatever_is_said_is_answered_as_the_document_says(
    document: BaseSchema, path: str, data: st.DataObject
) -> None:
    """Bodies that the document allows, of leads that are known and others."""
    case = data.draw(document[f"/api/v1/{path}"]["POST"].as_strategy())
    response = case.call()
    case.validate_response(response, checks=CHECKED)
    assert response.status_code < 500


@pytest.mark.parametrize("path", WRITES)
@given(body=FIELDS | JSON)
@EXAMPLES
def test_any_body_is_answered_as_the_document_says(document: BaseSchema, path: str, body: Any) -> None:
    """Nearly right ones, and any JSON: never a fault."""
    case = document[f"/api/v1/{path}"]["POST"].Case(body=body, media_type="application/json")
    response = case.call()
    case.validate_response(response, checks=CHECKED)
    assert response.status_code < 500


def test_every_operation_has_an_id_of_its_own_and_words(app: FastAPI) -> None:
    """Those who make clients of the document name their methods by it."""
    operations = [each for path in app.openapi()["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["description"] for each in operations)
    assert {"get_feedback", "post_feedback", "get_leads", "get_leads_key"} <= {
        each["operationId"] for each in operations
    }


def test_what_is_written_down_is_what_the_code_says() -> None:
    """docs/openapi.json; where this fails, write it anew: python -m tests.docs"""
    kept = Path(__file__).parents[2] / "docs/openapi.json"
    assert kept.read_text(encoding="utf-8") == PAGES["openapi.json"]()


def test_every_body_has_examples() -> None:
    """And every field of it says what it is, or shows it."""
    document = json.loads(PAGES["openapi.json"]())
    for path in WRITES:
        body = document["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]
        assert body["examples"]
