"""Close's webhooks, which it pauses where it cannot deliver, against a fake of it."""

from collections.abc import AsyncIterator

import pytest

from services.adapters.crm.close_webhooks import CloseWebhooks
from services.domain.instants import DAY
from services.errors import Unavailable, UsageError
from tests.crm.close_fake import KEY, FakeClose, webhook
from tests.crm.fakes import FakeCloud, Sleeps
from tests.gateway.conftest import NOW, FakeClock

ADDRESS = "https://baton.example.com/hooks/close"
ELSEWHERE = ("https://other.example.com/hooks/close", "https://baton.example.com/hooks/closet")


@pytest.fixture
def organization() -> FakeClose:
    return FakeClose(webhooks=[webhook(1, ELSEWHERE[0], "paused"), webhook(2, ELSEWHERE[1], "paused")])


@pytest.fixture
def cloud(organization: FakeClose) -> FakeCloud:
    return organization.cloud()


@pytest.fixture
async def webhooks(cloud: FakeCloud) -> AsyncIterator[CloseWebhooks]:
    made = CloseWebhooks(
        base_url=cloud.base_url,
        token=KEY,
        address=ADDRESS,
        clock=FakeClock(),
        transport=cloud.transport,
        sleep=Sleeps(),
    )
    yield made
    await made.close()


def puts(cloud: FakeCloud) -> list[str]:
    return [call for call in cloud.calls if call.startswith("PUT ")]


@pytest.mark.parametrize("below", ["", "/key", "?from=close"])
async def test_one_that_is_active_lasts_for_the_three_days_after_which_close_gives_up(
    organization: FakeClose, webhooks: CloseWebhooks, below: str
) -> None:
    """If every delivery failed from now on."""
    organization.webhooks.append(webhook(3, ADDRESS + below))
    assert await webhooks.ends_at() == NOW + 3 * DAY


async def test_those_of_others_are_none_of_ours(
    organization: FakeClose, cloud: FakeCloud, webhooks: CloseWebhooks
) -> None:
    """Neither counted nor resumed; and Baton makes none, for it would not know the key."""
    assert await webhooks.ends_at() is None
    with pytest.raises(UsageError, match=f"no webhook sends to {ADDRESS}; make one.*BATON_CLOSE_SECRETS"):
        await webhooks.renew(NOW + DAY)
    assert puts(cloud) == []
    assert [each["status"] for each in organization.webhooks] == ["paused", "paused"]


async def test_one_that_is_paused_is_resumed(
    organization: FakeClose, cloud: FakeCloud, webhooks: CloseWebhooks
) -> None:
    """Also where another of ours goes on: they may be for other events."""
    organization.webhooks += [webhook(3, ADDRESS), webhook(4, ADDRESS, "paused")]
    assert await webhooks.ends_at() is None
    assert await webhooks.renew(NOW + DAY) == NOW + 3 * DAY
    assert puts(cloud) == ["PUT /api/v1/webhook/whsub_4/"]
    assert await webhooks.ends_at() == NOW + 3 * DAY


async def test_one_that_stays_paused_is_told(organization: FakeClose, webhooks: CloseWebhooks) -> None:
    """Rather than believed to be resumed."""
    organization.stays_paused = True
    organization.webhooks.append(webhook(3, ADDRESS, "paused"))
    with pytest.raises(Unavailable, match="whsub_3 stays paused"):
        await webhooks.renew(NOW + DAY)


async def test_all_pages_are_read(organization: FakeClose, webhooks: CloseWebhooks) -> None:
    """An organization may have many."""
    organization.page = 1
    organization.webhooks.append(webhook(3, ADDRESS))
    assert await webhooks.ends_at() == NOW + 3 * DAY


async def test_a_list_that_gives_the_same_page_again_is_at_its_end(
    organization: FakeClose, cloud: FakeCloud, webhooks: CloseWebhooks
) -> None:
    """It is not asked for ever."""
    organization.ignores_skip = True
    organization.webhooks.append(webhook(3, ADDRESS))
    organization.page = 1
    assert await webhooks.ends_at() is None
    assert len(cloud.calls) == 2


async def test_a_key_that_is_refused_is_told_by_its_setting(cloud: FakeCloud, webhooks: CloseWebhooks) -> None:
    """For whoever reads the log."""
    cloud.credential = "another"
    with pytest.raises(UsageError, match="BATON_CLOSE_API_TOKEN"):
        await webhooks.ends_at()
