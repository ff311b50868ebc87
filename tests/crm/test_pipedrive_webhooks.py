"""Pipedrive's webhooks, which it deletes where it cannot deliver, against a fake of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from services.adapters.crm.pipedrive_webhooks import PipedriveWebhooks
from services.domain.instants import DAY
from services.errors import BadEvent, Unavailable, UsageError
from tests.crm.fakes import FakeCloud, Sleeps
from tests.crm.pipedrive_fake import TOKEN, FakePipedrive, webhook
from tests.gateway.conftest import NOW, FakeClock

ADDRESS = "https://baton.example.com/hooks/pipedrive"
OBJECTS = ("person", "organization", "lead", "lead_of_deal", "deal", "activity")
TOLD = ["person", "organization", "lead", "deal", "activity"]
UNTIL = NOW + 3 * DAY


@pytest.fixture
def company() -> FakePipedrive:
    return FakePipedrive()


@pytest.fixture
def cloud(company: FakePipedrive) -> FakeCloud:
    return company.cloud()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def webhooks_of(cloud: FakeCloud, clock: FakeClock) -> PipedriveWebhooks:
    return PipedriveWebhooks(
        base_url=cloud.base_url,
        token=TOKEN,
        address=ADDRESS,
        secret="baton:pass:word",
        objects=OBJECTS,
        clock=clock,
        transport=cloud.transport,
        sleep=Sleeps(),
    )


@pytest.fixture
async def webhooks(cloud: FakeCloud, clock: FakeClock) -> AsyncIterator[PipedriveWebhooks]:
    made = webhooks_of(cloud, clock)
    yield made
    await made.close()


def changes(cloud: FakeCloud) -> list[str]:
    """What was asked for that is no look."""
    return [call for call in cloud.calls if not call.startswith("GET ")]


async def test_at_first_one_is_made_for_each_object_of_the_mapping(
    company: FakePipedrive, webhooks: PipedriveWebhooks
) -> None:
    """For all actions, in version 2, and with user and password."""
    assert await webhooks.ends_at() is None
    assert await webhooks.renew(UNTIL) == UNTIL
    assert [each["event_object"] for each in company.webhooks] == TOLD
    assert {(each["event_action"], each["version"], each["subscription_url"]) for each in company.webhooks} == {
        ("*", "2.0", ADDRESS)
    }
    assert company.passwords == [("baton", "pass:word")] * 5
    assert await webhooks.ends_at() == UNTIL


@pytest.mark.parametrize(
    "there",
    [
        [{"event_object": "*"}],
        [{"event_object": name} for name in TOLD],
        [{"event_object": "*", "event_action": action} for action in ("create", "change", "delete")],
        [
            {"event_object": "lead"},
            *({"event_object": "*", "event_action": it, "version": "1.0"} for it in ("added", "updated", "deleted")),
        ],
    ],
    ids=["one for all", "one for each", "one for each action", "old ones, and one for leads"],
)
async def test_those_that_tell_all_last_for_the_three_days_after_which_pipedrive_gives_up(
    company: FakePipedrive, webhooks: PipedriveWebhooks, there: list[dict[str, Any]]
) -> None:
    """However they were made. If every delivery failed from now on, they would be deleted then."""
    company.webhooks = [webhook(number, ADDRESS, **fields) for number, fields in enumerate(there)]
    assert await webhooks.ends_at() == UNTIL


@pytest.mark.parametrize(
    "not_so",
    [
        {"is_active": 0},
        {"is_active": False},
        {"remove_time": "2026-10-05 08:00:00"},
        {"subscription_url": "https://other.example.com/hooks/pipedrive"},
        {"subscription_url": "https://baton.example.com/hooks/pipedriver"},
        {"event_action": "create"},
        {"event_object": "note"},
        {"version": "1.0"},
    ],
    ids=["off", "false", "removed", "elsewhere", "a longer name", "one action", "another object", "version 1"],
)
async def test_what_lacks_is_made_and_nothing_else(
    company: FakePipedrive, cloud: FakeCloud, webhooks: PipedriveWebhooks, not_so: dict[str, Any]
) -> None:
    """Of those that are there, that for leads does not tell leads."""
    company.webhooks = [webhook(number, ADDRESS, event_object=name) for number, name in enumerate(TOLD, 1)]
    company.webhooks[2] |= not_so
    assert await webhooks.ends_at() is None
    assert await webhooks.renew(UNTIL) == UNTIL
    assert changes(cloud) == ["POST /api/v1/webhooks"]
    assert company.webhooks[-1]["event_object"] == "lead"
    assert await webhooks.ends_at() == UNTIL


async def test_renewed_twice_they_are_what_they_were(
    company: FakePipedrive, cloud: FakeCloud, webhooks: PipedriveWebhooks
) -> None:
    """Nothing is made that is there."""
    await webhooks.renew(UNTIL)
    there = list(company.webhooks)
    cloud.calls.clear()
    assert await webhooks.renew(UNTIL) == UNTIL
    assert company.webhooks == there
    assert changes(cloud) == []


async def test_of_several_processes_that_make_them_at_once_the_first_wins(
    company: FakePipedrive, cloud: FakeCloud, clock: FakeClock, webhooks: PipedriveWebhooks
) -> None:
    """Each takes away what it has made too much."""
    others = [webhooks_of(cloud, clock) for _ in range(3)]
    await asyncio.gather(webhooks.renew(UNTIL), *(other.renew(UNTIL) for other in others))
    assert len(company.passwords) > 5
    assert sorted(each["event_object"] for each in company.webhooks) == sorted(TOLD)
    for other in others:
        await other.close()


async def test_a_try_whose_answer_was_lost_leaves_one(
    company: FakePipedrive, cloud: FakeCloud, webhooks: PipedriveWebhooks
) -> None:
    """The same is made again, and taken away."""
    company.webhooks = [webhook(number, ADDRESS, event_object=name) for number, name in enumerate(TOLD[:4], 1)]

    class MadeAllTheSame(Response):
        """It fails on the way back."""

        def __init__(self) -> None:
            super().__init__(status_code=502)

        async def __call__(self, *args: Any) -> None:
            company.webhooks.append(webhook(5, ADDRESS, event_object="activity"))
            await super().__call__(*args)

    cloud.troubles += [JSONResponse({"data": company.webhooks}), MadeAllTheSame()]
    assert await webhooks.renew(UNTIL) == UNTIL
    assert [each["id"] for each in company.webhooks] == [1, 2, 3, 4, 5]
    assert changes(cloud) == ["POST /api/v1/webhooks", "POST /api/v1/webhooks", "DELETE /api/v1/webhooks/6"]


async def test_what_was_made_and_is_told_otherwise_is_taken_away(
    company: FakePipedrive, webhooks: PipedriveWebhooks
) -> None:
    """Else each look would make some more."""
    company.hides_made = True
    with pytest.raises(Unavailable, match=f"no webhook for person, organization, lead, deal, activity to {ADDRESS}"):
        await webhooks.renew(UNTIL)
    assert company.webhooks == []


async def test_failing_deliveries_let_the_end_come_near(
    company: FakePipedrive, clock: FakeClock, webhooks: PipedriveWebhooks
) -> None:
    """It is that of when they were last seen to be taken; one that is taken puts it off."""
    company.webhooks = [webhook(1, ADDRESS, event_object="*")]
    assert await webhooks.ends_at() == UNTIL
    company.webhooks[0]["last_http_status"] = 401
    clock.at += DAY
    assert await webhooks.ends_at() == UNTIL
    with pytest.raises(Unavailable, match=f"the last delivery to {ADDRESS} was answered with 401"):
        await webhooks.renew(UNTIL)
    company.webhooks[0]["last_http_status"] = 202
    assert await webhooks.ends_at() == UNTIL + DAY


async def test_a_failure_from_before_the_start_is_given_three_days(
    company: FakePipedrive, clock: FakeClock, webhooks: PipedriveWebhooks
) -> None:
    """Baton itself was away, and nothing has happened in Pipedrive since."""
    company.webhooks = [webhook(1, ADDRESS, event_object="*", last_http_status=503)]
    assert await webhooks.ends_at() == UNTIL
    clock.at += DAY
    assert await webhooks.ends_at() == UNTIL


@pytest.mark.parametrize("status", [None, 0, "Error"])
async def test_a_status_that_says_nothing_is_no_failure(
    company: FakePipedrive, clock: FakeClock, webhooks: PipedriveWebhooks, status: object
) -> None:
    """Nothing was sent yet, or Pipedrive does not tell how it went."""
    company.webhooks = [webhook(1, ADDRESS, event_object="*", last_http_status=status)]
    await webhooks.ends_at()
    clock.at += DAY
    assert await webhooks.ends_at() == UNTIL + DAY


async def test_what_pipedrive_refuses_is_told(company: FakePipedrive, webhooks: PipedriveWebhooks) -> None:
    """A user has forty webhooks at most."""
    company.webhooks = [webhook(number, "https://other.example.com") for number in range(40)]
    with pytest.raises(BadEvent, match="POST /api/v1/webhooks is answered with 400"):
        await webhooks.renew(UNTIL)


async def test_a_token_that_is_refused_is_told_by_its_setting(cloud: FakeCloud, webhooks: PipedriveWebhooks) -> None:
    """And the password of the webhooks is in no message."""
    cloud.credential = "another"
    with pytest.raises(UsageError, match="BATON_PIPEDRIVE_API_TOKEN") as caught:
        await webhooks.ends_at()
    assert "pass:word" not in str(caught.value)
