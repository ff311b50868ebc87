"""`baton topics`: the topics of Kafka, made once before the services start."""

import asyncio
import json
import logging
from typing import Annotated

import typer

from services.errors import Unavailable, UsageError
from services.settings import read_settings

app = typer.Typer(help="The topics of Kafka.", no_args_is_help=True)


@app.callback()
def topics() -> None:
    """The topics of Kafka."""


@app.command()
def create(
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of each topic that is keyed by lead (BATON_TOPIC_PARTITIONS)")
    ] = None,
    replicas: Annotated[int | None, typer.Option(min=1, help="Copies of each partition (BATON_TOPIC_REPLICAS)")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Make the topics that are missing; exit 1 when one that is there is not as it should be. Nothing is changed."""
    from services.wiring.operations import create_topics  # here, as in `baton up`, because it loads every service

    settings = read_settings(topic_partitions=partitions, topic_replicas=replicas)
    # What the client says of each of its tries ends in the one line that is printed.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        reports = asyncio.run(create_topics(settings))
    except Unavailable as error:
        raise UsageError(f"BATON_BROKER: {error}") from None
    if json_:
        documents = [
            {
                "topic": report.plan.name,
                "state": report.state,
                "differs": {each.setting: {"is": each.found, "should_be": each.planned} for each in report.differences},
            }
            for report in reports
        ]
        print(json.dumps(documents, indent=2))
    else:
        for report in reports:
            plan = report.plan
            match report.state:
                case "made":
                    what = f"made (partitions: {plan.partitions}, replicas: {plan.replicas})"
                case "there":
                    what = "is there, as it should be"
                case _:
                    differing = [f"{each.setting} is {each.found}, not {each.planned}" for each in report.differences]
                    what = f"differs: {'; '.join(differing)}"
            print(f"{plan.name}: {what}")
    if any(report.state == "differs" for report in reports):
        raise typer.Exit(1)


@app.command("accept-gap")
def accept_gap(
    topic: Annotated[str, typer.Argument(help="The topic, such as baton.events")],
    partition: Annotated[int, typer.Argument(min=0, help="The partition's number")],
    first: Annotated[int, typer.Option("--from", min=0, help="The first offset that is lost: where it stands")],
    following: Annotated[int, typer.Option("--to", min=1, help="The first offset that is there again")],
) -> None:
    """Go on without records that Kafka has lost. Trackers stop at such a gap, because nobody but you may decide it."""
    from services.wiring.operations import accept_gap as accept

    lost = accept(read_settings(), topic, partition, first, following)
    print(f"{topic}, partition {partition}: goes on at {following}; {lost} records are counted as lost")
