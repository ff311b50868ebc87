"""The repair where services run apart: from any gateway what webhooks leave out, from one of them the schedule."""

import json
import time

from services.domain.instants import SECOND
from tests.command import baton
from tests.crm.hubspot_fake import TOKEN
from tests.distributed.deployment import Deployment
from tests.e2e.running import Running
from tests.e2e.test_repair import SECRET, Account, send, served


def account_of_today() -> Account:
    """An account in which a lead was handed over, and then assigned and taken without a webhook."""
    account = Account()
    account.happens(0, "contact:151")
    account.happens(10, "contact:151", "lifecyclestage", "marketingqualifiedlead")
    account.happens(20, "contact:151", "hubspot_owner_id", "7")
    account.happens(30, "contact:151", "hs_lead_status", "OPEN")
    return account


def looks(service: Running) -> bool:
    """Whether it has reconciled."""
    return service.metric("baton_reconciled_timestamp_seconds") > 0


def test_one_of_several_gateways_closes_the_hole(deployment: Deployment) -> None:
    """The other stands by, and goes on when the first one ends; both take webhooks in."""
    account = account_of_today()
    with served(account.cloud.app) as url:
        settings = {
            "BATON_HUBSPOT_SECRETS": SECRET,
            "BATON_HUBSPOT_API_URL": url,
            "BATON_HUBSPOT_API_TOKEN": TOKEN,
            "BATON_RECONCILE_HOURS": "0.0005",
        }
        with (
            deployment.tracker() as tracker,
            deployment.gateway("one", **settings) as one,
            deployment.gateway("two", **settings) as two,
        ):
            send(two, account.notifications(0, 2))
            deployment.wait_until(lambda: deployment.counted()["used"] == 4, tracker, one, two)
            deployment.wait_until(lambda: looks(one) or looks(two), one, two)
            first, other = (one, two) if looks(one) else (two, one)
            assert not looks(other)
            send(other, account.notifications(0))
            assert first.terminate() == 0, first.output
            deployment.wait_until(lambda: looks(other), other)
            assert other.terminate() == 0, other.output
            deployment.wait_until(lambda: deployment.counted()["duplicate"] >= 4, tracker)
            assert deployment.counted()["used"] == 4


def test_by_hand(deployment: Deployment) -> None:
    """`baton reconcile` finds what is missing beside the services, which judge it; the second time nothing is."""
    account = account_of_today()
    with served(account.cloud.app) as url, deployment.tracker() as tracker:
        settings = {**deployment.settings, "BATON_HUBSPOT_API_URL": url, "BATON_HUBSPOT_API_TOKEN": TOKEN}
        command = ("reconcile", "hubspot", "--since", "1h", "--json")
        done = baton(*command, **settings)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["new"] == 4
        deployment.wait_until(lambda: deployment.counted()["used"] == 4, tracker)
        document = json.loads(baton(*command, **settings).stdout)
        assert (document["new"], document["known"]) == (0, 4)


def test_a_gateway_with_an_api_names_the_database_that_it_lacks(deployment: Deployment) -> None:
    """It could not tell what is new."""
    settings = {name: value for name, value in deployment.settings.items() if name != "BATON_DATABASE"}
    arguments = ("gateway", "--port", "0", "--data", deployment.folder / "gateway")
    done = baton(*arguments, BATON_HUBSPOT_API_TOKEN=TOKEN, **settings)
    assert (done.returncode, "BATON_DATABASE: not given" in done.stderr) == (2, True)
    done = baton(*arguments, BATON_HUBSPOT_API_TOKEN=TOKEN, BATON_DATABASE="sqlite:///baton.db", **settings)
    assert (done.returncode, "postgresql://" in done.stderr) == (2, True)


def test_a_gateway_takes_webhooks_in_while_the_database_is_away(deployment: Deployment) -> None:
    """What they leave out is fetched once it is there."""
    account = account_of_today()
    with served(account.cloud.app) as url:
        settings = {
            "BATON_HUBSPOT_SECRETS": SECRET,
            "BATON_HUBSPOT_API_URL": url,
            "BATON_HUBSPOT_API_TOKEN": TOKEN,
            "BATON_DATABASE": "postgresql://nobody:nothing@127.0.0.1:9/nowhere",
        }
        with deployment.gateway("one", **settings) as gateway:
            began = time.time_ns() // 1000
            send(gateway, account.notifications(0))
            while "repair_waits_for_database" not in gateway.output:
                assert time.time_ns() // 1000 - began < 60 * SECOND, gateway.output
                time.sleep(0.1)
            assert gateway.client.get("/readyz").status_code == 200
            assert gateway.terminate() == 0, gateway.output
