"""The OpenAPI document and the hooks say the same: Schemathesis tries whatever the document allows."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from services.adapters.wall_clock import SystemClock
from services.gateway.sender import Counts, Outgoing, written
from services.settings import Settings
from services.wiring.embedded import Embedded
from tests.gateway.anything import JSON
from tests.gateway.conftest import Gateway
from tests.gateway.payloads import GIVEN, HERE, SENDERS, payloads

BASE_URL = "https://baton.example.com"
WITH_SECRET = {crm: f"/hooks/{crm}/{{secret}}" for crm, sender in SENDERS.items() if sender.secret_in_path}
PATHS = {**{f"/hooks/{crm}": crm for crm in SENDERS}, **{path: crm for crm, path in WITH_SECRET.items()}}
SAMPLES = {crm: [each.body for each in payloads("samples") if each.crm == crm] for crm in SENDERS}
EXAMPLES = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
CHECKED = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
"""The answer is one that the document tells of, with its headers and its shape."""


@pytest.fixture(scope="module")
def document(app: FastAPI) -> BaseSchema:
    """What the app says of its hooks."""
    return told(app)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """All services in one process, with the tests' secrets."""
    folder = tmp_path_factory.mktemp("openapi") / "data"
    secrets: dict[str, Any] = dict(GIVEN)
    # Schemathesis calls the app under a name of its own.
    given = Settings(
        _env_file=None,
        data=folder,
        charter=HERE.parents[1] / "deploy/charters/warsaw-small-team.yaml",
        public_url=BASE_URL,
        allow_open=True,
        **secrets,
    )
    embedded = Embedded(given, board_url=BASE_URL)
    yield embedded.app
    embedded.close()


def told(app: FastAPI) -> BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", app).include(path_regex="^/hooks/")


def signed(hooks: BaseSchema, data: st.DataObject, request: Outgoing) -> tuple[Any, schemathesis.Response]:
    """A case of the hook that the request is for, with the request in its place, and its answer."""
    path, _, query = request.target.partition("?")
    crm, secret = f"{path}/".split("/")[2:4]
    case: Any = data.draw(hooks[WITH_SECRET[crm] if secret else path]["POST"].as_strategy())
    case.path_parameters = {"secret": secret} if secret else {}
    case.query = dict(parse_qsl(query))
    case.headers = CaseInsensitiveDict(request.headers)
    return case, case.call(data=request.body, json=None)


def test_the_document_tells_of_every_hook_and_of_no_other(app: FastAPI) -> None:
    """Those of each sender, also with the secret in the path where it may have it there; and the handshake."""
    paths = {path: hook for path, hook in app.openapi()["paths"].items() if path.startswith("/hooks/")}
    assert paths.keys() == PATHS.keys()
    assert {path for path, hook in paths.items() if hook.keys() != {"post"}} == {"/hooks/cloudevents"}
    assert all(hook["post"]["summary"] for hook in paths.values())
    assert len({hook["post"]["operationId"] for hook in paths.values()}) == len(paths)


@pytest.mark.parametrize("path", PATHS)
@given(data=st.data())
@EXAMPLES
def test_whoever_proves_nothing_is_answered_as_the_document_says(
    document: BaseSchema, path: str, data: st.DataObject
) -> None:
    """Whatever headers and bodies come."""
    case = data.draw(document[path]["POST"].as_strategy())
    response = case.call()
    case.validate_response(response, checks=CHECKED)
    assert response.status_code == 401


@pytest.mark.parametrize("crm", SENDERS)
@given(data=st.data())
@EXAMPLES
def test_whoever_proves_himself_is_answered_as_the_document_says(
    document: BaseSchema, crm: str, data: st.DataObject
) -> None:
    """Samples of the CRM, and any JSON; never a fault."""
    body = data.draw(st.sampled_from([*SAMPLES[crm], b"null"]) | JSON.map(written))
    case, response = signed(document, data, SENDERS[crm].signed(body, at=SystemClock().now(), base_url=BASE_URL))
    case.validate_response(response, checks=CHECKED)
    assert response.status_code in (200, 202, 422)


@pytest.mark.parametrize("crm", SENDERS)
@given(data=st.data())
@settings(EXAMPLES, max_examples=3)
def test_while_the_log_is_away_the_answer_is_503_as_the_document_says(crm: str, data: st.DataObject) -> None:
    """With Retry-After, for whoever proves himself."""
    gateway = Gateway()
    gateway.log.away = True
    request = SENDERS[crm].signed(b"no JSON", at=gateway.clock.at, base_url=BASE_URL)
    case, response = signed(told(gateway.app()), data, request)
    case.validate_response(response, checks=CHECKED)
    assert response.status_code == 503


@given(data=st.data())
@EXAMPLES
def test_the_handshake_is_as_the_document_says(document: BaseSchema, data: st.DataObject) -> None:
    """Whoever asks may send."""
    case = data.draw(document["/hooks/cloudevents"]["OPTIONS"].as_strategy())
    response = case.call()
    case.validate_response(response, checks=CHECKED)
    assert response.status_code == 200


def test_the_page_of_crms_has_their_doors_and_answers() -> None:
    """docs/crms.md says of each what the sender itself says."""
    page = (HERE.parents[1] / "docs/crms.md").read_text()
    for crm, sender in SENDERS.items():
        (row,) = [line for line in page.splitlines() if f"`/hooks/{crm}" in line and line.startswith("|")]
        *_, accepted, unusable = [cell.strip() for cell in row.strip("|").split("|")]
        answer = sender.unusable()
        assert accepted.startswith(str(sender.accepted(Counts()).status))
        same = answer is not None and answer == sender.accepted(Counts())
        assert unusable in ("422" if answer is None else str(answer.status), *(["the same"] if same else []))
