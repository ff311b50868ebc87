"""The client of Close's API, against a fake written from its reference."""

from collections.abc import AsyncIterator

import pytest

from services.adapters.crm.close import CloseApi
from services.domain.instants import parse_instant
from services.errors import Unavailable, UsageError
from services.gateway.crm.close import Close
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.translate import to_wire
from tests.crm.close_fake import KEY, FakeClose, event
from tests.crm.fakes import FakeCloud, Sleeps

SINCE = parse_instant("2026-10-05T09:00:00Z")


@pytest.fixture
def organization() -> FakeClose:
    return FakeClose(
        events=[
            event(1, "2026-10-05T08:50:00.000000"),
            event(2, "2026-10-05T09:00:00.000000"),
            event(3, "2026-10-05T09:10:00.000000"),
        ],
        objects={
            "lead/lead_151": {"id": "lead_151", "status_label": "Qualified"},
            "opportunity/oppo_1": {"id": "oppo_1", "lead_id": "lead_151"},
            "task/task_1": {"id": "task_1"},
            "activity/call/acti_1": {"id": "acti_1"},
            "activity/status_change/lead/acti_2": {"id": "acti_2"},
            "activity/custom/acti_3": {"id": "acti_3"},
        },
    )


@pytest.fixture
def cloud(organization: FakeClose) -> FakeCloud:
    return organization.cloud()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
async def api(cloud: FakeCloud, sleeps: Sleeps) -> AsyncIterator[CloseApi]:
    made = CloseApi(base_url=cloud.base_url, token=KEY, transport=cloud.transport, sleep=sleeps)
    yield made
    await made.close()


async def changed(api: CloseApi) -> list[Found]:
    return [found async for page in api.changed_since(SINCE) for found in page]


async def test_all_events_since_then_are_told(api: CloseApi) -> None:
    """The latest first, as the log has them; those before are not asked for."""
    assert [one.content["event"]["id"] for one in await changed(api)] == ["ev_3", "ev_2"]


async def test_what_it_says_is_what_the_webhooks_say(api: CloseApi) -> None:
    """In their own form, with its own time."""
    sender = Close(mapping=read_mapping("close"))
    events = [to_wire(each) for found in await changed(api) for each in sender.meant(sender.found(found)).events]
    assert [(each["type"], each["time"]) for each in events] == [
        ("lead.handed_off", "2026-10-05T09:10:00Z"),
        ("lead.handed_off", "2026-10-05T09:00:00Z"),
    ]


@pytest.mark.parametrize("count", [0, 1, 50, 51, 130])
async def test_the_log_is_read_to_its_end(organization: FakeClose, api: CloseApi, count: int) -> None:
    """Page by page, by the cursor of each."""
    organization.events = [event(n, f"2026-10-05T10:{n // 60:02}:{n % 60:02}.000000") for n in range(count)]
    ids = [one.content["event"]["id"] for one in await changed(api)]
    assert sorted(ids) == sorted(f"ev_{number}" for number in range(count))
    assert len({*ids}) == count


async def test_objects_are_fetched_one_by_one(cloud: FakeCloud, api: CloseApi) -> None:
    """Each once, where it can be asked for; what is gone is left out."""
    wanted = [
        ("lead", "lead_151"),
        ("lead", "lead_151"),
        ("lead", "gone"),
        ("opportunity", "oppo_1"),
        ("task.lead", "task_1"),
        ("activity.call", "acti_1"),
        ("activity.lead_status_change", "acti_2"),
        ("activity.custom_activity", "acti_3"),
        ("import", "impt_1"),
        ("lead", ""),
    ]
    found = await api.fetch([Reference(kind, number) for kind, number in wanted])
    assert [(one.object, one.content["id"]) for one in found] == [
        ("lead", "lead_151"),
        ("opportunity", "oppo_1"),
        ("task.lead", "task_1"),
        ("activity.call", "acti_1"),
        ("activity.lead_status_change", "acti_2"),
        ("activity.custom_activity", "acti_3"),
    ]
    assert len(cloud.calls) == 7


async def test_an_id_is_never_a_path(cloud: FakeCloud, api: CloseApi) -> None:
    """Whatever a webhook says that it is."""
    wanted = [("lead", ".."), ("lead", "../user/me"), ("lead", "me?x=1"), ("activity.../user", "1"), ("activity.", "1")]
    assert await api.fetch([Reference(kind, number) for kind, number in wanted]) == []
    assert cloud.calls == []


async def test_it_waits_when_it_is_told_to(cloud: FakeCloud, sleeps: Sleeps, api: CloseApi) -> None:
    """429 in the middle costs nothing but time."""
    cloud.is_busy("3")
    cloud.is_broken(502)
    assert len(await changed(api)) == 2
    assert sleeps.slept[0] == 3.0


async def test_an_outage_is_told_as_one(cloud: FakeCloud, api: CloseApi) -> None:
    """After some tries."""
    for _ in range(6):
        cloud.is_broken(503)
    with pytest.raises(Unavailable, match="503"):
        await changed(api)


async def test_a_wrong_key_is_the_users_to_mend(cloud: FakeCloud) -> None:
    """The setting is named, the key is not."""
    api = CloseApi(base_url=cloud.base_url, token="wrong-key", transport=cloud.transport)
    with pytest.raises(UsageError, match="BATON_CLOSE_API_TOKEN") as caught:
        await changed(api)
    await api.close()
    assert "wrong-key" not in str(caught.value)
