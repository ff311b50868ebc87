"""The distributed compose file: who keeps what, who reaches whom, and that Kafka's configuration is whole."""

import re
from urllib.parse import urlsplit

from tests.deploy.composed import COMPOSED, DISTRIBUTED, JOBS, SERVICES, VARIABLE, is_ours


def test_what_stops_slowly_is_given_the_time() -> None:
    """A tracker ends in up to 25 s, and Docker gives 10 where nothing is said."""
    assert all(service["stop_grace_period"] == "40s" for service in SERVICES.values() if is_ours(service))


def test_what_was_acknowledged_has_a_volume_of_its_own() -> None:
    """The gateway keeps its data folder over a new container, and is no service that is scaled: others are, for they
    keep nothing.
    """
    gateway = SERVICES["gateway"]
    assert gateway["volumes"] == ["gateway:/data"]
    assert "deploy" not in gateway
    tracker = SERVICES["tracker"]
    assert tracker["deploy"] == {"mode": "replicated", "replicas": 2}
    assert not tracker.keys() & {"ports", "container_name", "hostname"}
    for name in ("tracker", "board", "notifier"):
        assert not [volume for volume in SERVICES[name].get("volumes", ()) if re.match(r"\w+:/", volume)]


def test_only_what_needs_them_reaches_kafka_and_the_database() -> None:
    """They are in a network without a way out, with Baton's services and jobs alone."""
    assert COMPOSED[DISTRIBUTED]["networks"]["inside"] == {"internal": True}
    inside = {name for name, service in SERVICES.items() if "inside" in service["networks"]}
    assert inside == {"kafka", "postgres", *(name for name, service in SERVICES.items() if is_ours(service))}
    assert all(SERVICES[name]["networks"] == ["inside"] for name in ("kafka", "postgres", *JOBS))


def test_baton_finds_kafka_and_the_database() -> None:
    """Their addresses are those of the services, whose own settings they follow."""
    kafka, postgres = SERVICES["kafka"]["environment"], SERVICES["postgres"]["environment"]
    for service in (each for each in SERVICES.values() if is_ours(each)):
        broker = urlsplit(service["environment"]["BATON_BROKER"])
        assert f"PLAINTEXT://{broker.netloc}" == kafka["KAFKA_ADVERTISED_LISTENERS"]
        if "BATON_DATABASE" in service["environment"]:
            # The variable is a part of the address, so it is split without it.
            database = urlsplit(VARIABLE.sub("", service["environment"]["BATON_DATABASE"]))
            assert (database.scheme, database.hostname) == ("postgresql", "postgres")
            assert (database.username, database.path[1:]) == (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"])
    assert {name for name, each in SERVICES.items() if "BATON_DATABASE" in each.get("environment", ())} == {
        "migrate",
        "tracker",
        "board",
        "notifier",
    }


def test_kafka_is_given_the_whole_of_its_configuration() -> None:
    """One variable drops every default of the image: roles, listeners, folder and the copies of one node are said."""
    kafka = SERVICES["kafka"]
    given = kafka["environment"]
    assert re.fullmatch(r"[\w-]{22}", given["CLUSTER_ID"])
    assert given["KAFKA_PROCESS_ROLES"] == "broker,controller"
    listeners = dict(each.split("://") for each in given["KAFKA_LISTENERS"].split(","))
    protocols = dict(each.split(":") for each in given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert listeners.keys() == protocols.keys()
    assert listeners.keys() == {given["KAFKA_INTER_BROKER_LISTENER_NAME"], given["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    controller = listeners[given["KAFKA_CONTROLLER_LISTENER_NAMES"]]
    assert given["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{given['KAFKA_NODE_ID']}@{kafka['hostname']}{controller}"
    copies = [name for name in given if name.endswith(("REPLICATION_FACTOR", "MIN_ISR"))]
    assert len(copies) == 5
    assert all(given[name] == 1 for name in copies)
    assert SERVICES["topics"]["environment"]["BATON_TOPIC_REPLICAS"] == 1
    assert f"kafka:{given['KAFKA_LOG_DIRS']}" in kafka["volumes"]
