"""The services together, as they are deployed: from a webhook to the board and to the topics that others read."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import LeadMessage, TransitionMessage
from services.domain.events import Event, EventType
from services.domain.instants import SECOND, Instant
from services.ports import DEAD_LETTERS, EVENTS, LEADS, TRANSITIONS, Record
from services.translate import to_json, to_wire
from tests.command import baton
from tests.distributed.deployment import Deployment, read_topic
from tests.distributed.history import some_history
from tests.e2e.running import Running
from tests.tracker.support import CHARTER

HOUR = 3600 * SECOND


def now() -> Instant:
    """The time of day."""
    return time.time_ns() // 1000


def handed_off(lead: str, hours_ago: float) -> Event:
    """A lead that sales got so long ago."""
    return Event(now() - int(hours_ago * HOUR), EventType.LEAD_HANDED_OFF, "crm", f"{lead}/1", lead, {"attributes": {}})


def test_from_webhooks_to_the_board_and_to_other_topics(deployment: Deployment) -> None:
    """What comes in at two gateways is judged by two trackers, shown by the board, and told to who reads the topics."""
    history = some_history(60, seed=11)
    with (
        deployment.gateway("one") as one,
        deployment.gateway("two") as two,
        deployment.tracker(),
        deployment.tracker(BATON_DRIVER="aiokafka"),
        deployment.board() as board,
        deployment.notifier() as notifier,
    ):
        wires = [to_wire(event) for event in history.events]
        for first in range(0, len(wires), 50):
            (one, two)[first // 50 % 2].post_events(wires[first : first + 50])
        deployment.wait_until_judged(len(wires), one, two, board)
        deployment.wait_until(lambda: board.metric("baton_relay_unsent") == 0, notifier)
        assert deployment.clocks() == history.clocks()
        keys = {lead["key"] for lead in board.pages("/api/v1/leads")}
        assert keys == {event.lead for event in history.events if event.lead}
        assert notifier.metric("baton_notifier_active") == 1
        for service in (one, two, board, notifier):
            assert service.client.get("/readyz").status_code == 200
            assert service.terminate() == 0, service.output
    leads = dict(read_topic(deployment.kafka.bootstrap, LEADS))
    assert {key for key, value in leads.items() if value and LeadMessage.model_validate_json(value).lead} == keys
    values = [value or b"" for _, value in read_topic(deployment.kafka.bootstrap, TRANSITIONS)]
    told = [TransitionMessage.model_validate_json(value) for value in values]
    stored = {row.id: row.standing for row in deployment.transitions()}
    assert {message.id: message.data.standing for message in told} == stored


def test_a_gateway_without_kafka(deployment: Deployment) -> None:
    """It takes webhooks in all the same, also over a kill of its own; Kafka gets them when it is back."""
    leads = [f"crm:lead:{number}" for number in range(30)]
    with deployment.tracker() as tracker:
        deployment.kafka.kill(0)
        with deployment.gateway() as gateway:
            gateway.post_events([to_wire(handed_off(lead, 0.1)) for lead in leads[:20]])
            assert gateway.metric("baton_spool_bytes") > 0
            gateway.kill()
        with deployment.gateway() as gateway:
            gateway.post_events([to_wire(handed_off(lead, 0.1)) for lead in leads[20:]])
            deployment.kafka.start(0)
            deployment.wait_until(lambda: deployment.counted()["used"] == len(leads), gateway, tracker)
            deployment.wait_until_judged(len(leads), gateway, tracker)
            assert deployment.clocks().keys() == set(leads)
            deployment.wait_until(lambda: gateway.metric("baton_spool_ratio") < 0.01, gateway)
    assert deployment.counted()["used"] == len(leads)


def test_a_second_notifier_stands_by(deployment: Deployment) -> None:
    """One tells; when it is killed the other goes on, with what is new and nothing of what was told."""
    with (
        deployment.gateway() as gateway,
        deployment.tracker() as tracker,
        deployment.notifier() as first,
    ):
        deployment.wait_until(lambda: first.metric("baton_notifier_active") == 1, first)
        with deployment.notifier() as second:
            gateway.post_events([to_wire(handed_off("crm:lead:1", 1.1))])
            deployment.wait_until(lambda: alerts(first)["crm:lead:1/touch/1/overdue"] == 1, first, tracker)
            deployment.wait_until(lambda: deployment.unsettled() == 0, first)
            assert second.metric("baton_notifier_active") == 0
            first.kill()
            gateway.post_events([to_wire(handed_off("crm:lead:2", 1.1))])
            deployment.wait_until(lambda: alerts(second)["crm:lead:2/touch/1/overdue"] == 1, second, tracker)
            assert second.metric("baton_notifier_active") == 1
            assert alerts(second)["crm:lead:1/touch/1/overdue"] == 0
    assert max(alerts(first).values()) == 1


def alerts(notifier: Running) -> Counter[str]:
    """How often each alert stands in its log."""
    lines = [json.loads(line) for line in list(notifier.lines) if line.startswith("{")]
    return Counter(line["id"] for line in lines if line.get("event") == "alert")


def test_dead_letters_return_to_kafka(deployment: Deployment) -> None:
    """They are listed, shown and taken in again while everything runs."""
    with deployment.gateway() as gateway, deployment.tracker() as tracker:
        bad = to_wire(handed_off("crm:lead:1", 1)) | {"type": "lead.touched", "data": {"direction": "outbound"}}
        gateway.post_events([bad])
        deployment.wait_until(lambda: deployment.counted()["dead"] == 1, gateway, tracker)
        (letter,) = json.loads(baton("dead-letters", "list", "--json", **deployment.settings).stdout)
        assert (letter["crm"], letter["reason"]) == ("cloudevents", "invalid")
        done = baton("dead-letters", "replay", letter["id"], **deployment.settings)
        assert (done.returncode, done.stdout.strip()) == (1, "0 taken in, 1 still cannot be used")
        deployment.wait_until(lambda: deployment.positions()[DEAD_LETTERS, 0] == 2, tracker)
        assert len(deployment.views.dead_letters(None, 10)) == 1


def test_records_that_kafka_has_lost(deployment: Deployment) -> None:
    """A tracker stops where the log has a gap; an operator's word lets it go on, and the loss is counted."""
    records = [Record(EVENTS, "crm:lead:1", to_json(each)) for each in touches("crm:lead:1", 10)]
    deployment.send(records[:4])
    with deployment.tracker() as tracker:
        deployment.wait_until(lambda: deployment.applied() == 4, tracker)
        assert tracker.terminate() == 0, tracker.output
    deployment.send(records[4:])
    partition = next(number for (topic, number), at in deployment.positions().items() if topic == EVENTS and at == 4)
    delete_before(deployment.kafka.bootstrap, partition, 7)
    with deployment.tracker() as tracker:
        assert tracker.process.wait(60) == 1
        assert "the record at offset 4 is the next to apply, but the log, which begins at 7" in tracker.output
        assert "Traceback" not in tracker.output
    skip = ("topics", "accept-gap", EVENTS, str(partition), "--from", "4", "--to")
    refused = baton("topics", "accept-gap", EVENTS, str(partition), "--from", "3", "--to", "7", **deployment.settings)
    assert (refused.returncode, "is judged up to offset 4, not 3" in refused.stderr) == (2, True)
    assert baton(*skip, "7", **deployment.settings).returncode == 0
    with deployment.tracker() as tracker:
        deployment.wait_until(lambda: deployment.positions()[EVENTS, partition] == 10, tracker)
    assert deployment.counted() == Counter(used=7, dead=3)


def touches(lead: str, count: int) -> Sequence[Event]:
    """So many different events of a lead."""
    data = {"kind": "call", "direction": "outbound", "connected": True}
    return [Event(now() - HOUR, EventType.LEAD_TOUCHED, "crm", str(number), lead, data) for number in range(count)]


def delete_before(bootstrap: str, partition: int, offset: int) -> None:
    """Have Kafka forget records, as it does when they are older than it keeps them."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.delete_records([TopicPartition(EVENTS, partition, offset)]).values():
        done.result(30)


def test_a_new_charter_reaches_all_trackers(deployment: Deployment) -> None:
    """A version takes the place of another in the file: what it reaches back to is judged anew, by whoever has it."""
    leads = [f"crm:lead:{number}" for number in range(40)]
    with deployment.tracker() as first, deployment.tracker() as second:
        deployment.send([Record(EVENTS, lead, to_json(handed_off(lead, 0.5)), {"crm": "x"}) for lead in leads])
        deployment.wait_until_judged(len(leads), first, second)
        assert versions(deployment) == {"test": len(leads)}
        text = CHARTER.replace("version: test", "version: next").replace("2020-01-01", "2020-01-02")
        deployment.charter.write_text(text, encoding="utf-8")
        deployment.wait_until(lambda: versions(deployment) == {"next": len(leads)}, first, second)
        deployment.charter.write_text("charter: 1\n")
        deployment.wait_until(lambda: first.metric("baton_charter_refused") == 1, first)
        assert versions(deployment) == {"next": len(leads)}
        assert first.terminate() == 0, first.output
        assert second.terminate() == 0, second.output


def versions(deployment: Deployment) -> Counter[str]:
    """How many instances each charter judges."""
    return Counter(row.charter for rows in deployment.clocks().values() for row in rows)


@pytest.mark.parametrize("service", ["gateway", "tracker", "board", "notifier"])
def test_a_service_without_settings_says_what_is_missing(service: str, tmp_path: Any) -> None:
    """One line names the variable and the mend."""
    done = baton(service, "--port", "0", BATON_DATA=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(("BATON_BROKER: ", "BATON_DATABASE: "))


def test_tables_and_topics_that_are_not_there(deployment: Deployment) -> None:
    """A database without tables, and a Kafka without topics, are named with the command that makes them."""
    empty = {**deployment.settings, "BATON_DATABASE": deployment.postgres.fresh_database()}
    for service in ("tracker", "board", "notifier"):
        done = baton(service, "--port", "0", **empty)
        assert (done.returncode, "run `baton migrate`" in done.stderr) == (2, True), done.stderr
    admin = AdminClient({"bootstrap.servers": deployment.kafka.bootstrap})
    for deleted in admin.delete_topics([EVENTS]).values():
        deleted.result(30)
    with deployment.tracker() as tracker:
        assert tracker.process.wait(60) == 2
        assert "Kafka has no topic baton.events for us" in tracker.output
        assert "Traceback" not in tracker.output
