"""Trackers that share a history, and are ended, added, paused and cut off in the middle: the verdicts are those of one
judge of everything at once, and every record is used, a duplicate or a dead letter, to the one.
"""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.distributed.deployment import Deployment, deployed
from tests.distributed.history import some_history
from tests.e2e.running import Running
from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres

LEADS = 400
SESSION_SECONDS = 10.0
"""After which the partitions of a tracker that is not heard of go to others."""


@pytest.mark.parametrize("driver", ["faust", "aiokafka"])
def test_one_tracker(deployment: Deployment, driver: str) -> None:
    """On either driver; it ends when it is told to, with all that it had begun."""
    history = some_history(LEADS, seed=1)
    with deployment.tracker(BATON_DRIVER=driver) as tracker:
        deployment.send(history.records)
        deployment.wait_until_judged(len(history.records), tracker)
        deployment.holds(history)
        assert tracker.terminate() == 0, tracker.output


def test_one_of_two_is_killed_and_another_added(deployment: Deployment) -> None:
    """Its partitions go on elsewhere from where its last transaction left them."""
    history = some_history(LEADS, seed=2)
    with ExitStack() as running:
        first, second = (running.enter_context(deployment.tracker()) for _ in range(2))
        with deployment.sending(history):
            deployment.wait_until_applied(0.25, history, first, second)
            first.kill()
            third = running.enter_context(deployment.tracker())
        deployment.wait_until_judged(len(history.records), second, third)
        deployment.holds(history)
        assert third.terminate() == 0, third.output
        assert second.terminate() == 0, second.output


def test_kills_in_a_row(deployment: Deployment) -> None:
    """A tracker that is killed again and again, whatever it was at, is as if it never was."""
    history = some_history(LEADS, seed=3)
    deployment.send(history.records)
    for share in (0.1, 0.3, 0.5, 0.7):
        with deployment.tracker() as tracker:
            deployment.wait_until_applied(share, history, tracker)
            tracker.kill()
    with deployment.tracker() as tracker:
        deployment.wait_until_judged(len(history.records), tracker)
    deployment.holds(history)


def test_the_broker_is_killed_and_comes_back(deployment: Deployment) -> None:
    """Trackers wait for it, say so, and go on without being started anew."""
    history = some_history(LEADS, seed=4)
    with deployment.tracker() as first, deployment.tracker() as second:
        with deployment.sending(history):
            deployment.wait_until_applied(0.25, history, first, second)
            deployment.kafka.kill(0)
            deployment.wait_until(lambda: not ready(first) and not ready(second), first, second)
            deployment.kafka.start(0)
        deployment.wait_until_judged(len(history.records), first, second)
        deployment.holds(history)
        deployment.wait_until(lambda: ready(first) and ready(second), first, second)


def test_the_database_is_restarted(deployment: Deployment, postgres: Postgres) -> None:
    """A batch that met the outage is tried again until it is in; meanwhile trackers say that they cannot go on."""
    history = some_history(LEADS, seed=5)
    with deployment.tracker() as first, deployment.tracker() as second:
        with deployment.sending(history):
            deployment.wait_until_applied(0.25, history, first, second)
            postgres.kill()
            try:
                deployment.wait_until(lambda: not ready(first) and not ready(second), first, second)
                deployment.wait_until(lambda: first.metric("baton_driver_stalled") == 1, first)
            finally:
                postgres.start()
        deployment.wait_until_judged(len(history.records), first, second)
        deployment.holds(history)
        deployment.wait_until(lambda: ready(first) and ready(second), first, second)
        deployment.wait_until(lambda: first.metric("baton_driver_stalled") == 0, first)


def test_a_tracker_sleeps_past_its_session(deployment: Deployment) -> None:
    """Another has its partitions when it wakes up; what it still held is refused, and changes nothing."""
    history = some_history(LEADS, seed=6)
    with deployment.tracker() as sleeper, deployment.tracker() as other:
        with deployment.sending(history):
            deployment.wait_until_applied(0.15, history, sleeper, other)
            os.kill(sleeper.process.pid, signal.SIGSTOP)
            slept_at = deployment.positions()
            time.sleep(SESSION_SECONDS)
        deployment.wait_until_judged(len(history.records), other)
        assert all(position >= slept_at[place] for place, position in deployment.positions().items())
        os.kill(sleeper.process.pid, signal.SIGCONT)
        time.sleep(SESSION_SECONDS / 2)
        deployment.holds(history)
        # It has come back to the group, or has ended because its batch was refused: then it is started anew.
        assert sleeper.process.poll() is None or "is no longer at" in sleeper.output


def test_three_brokers_lose_a_leader(tmp_path: Path, postgres: Postgres) -> None:
    """What was acknowledged has copies; the election is waited out."""
    history = some_history(LEADS, seed=7)
    with (
        KafkaCluster(tmp_path / "kafka", nodes=3) as kafka,
        deployed(tmp_path, kafka, postgres, replicas=3) as deployment,
        deployment.tracker() as first,
        deployment.tracker() as second,
    ):
        with deployment.sending(history):
            deployment.wait_until_applied(0.25, history, first, second)
            leader = kafka.leader("baton.events", 0)
            kafka.kill(leader)
        deployment.wait_until_judged(len(history.records), first, second)
        deployment.holds(history)


def ready(service: Running) -> bool:
    """Whether it says that it can work."""
    return service.client.get("/readyz").status_code == 200
