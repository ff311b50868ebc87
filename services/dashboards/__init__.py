"""Grafana's dashboards for a charter, as plain data: nothing here reads, writes or knows the time.

Each asks for metrics of `services.metric_table` alone.
"""

import json

from services.dashboards.handoff_flow import handoff_flow
from services.dashboards.joint_view import joint_view
from services.dashboards.links import Board
from services.dashboards.service_health import service_health
from services.domain.charter import Charter

BOARD_URL = "http://127.0.0.1:8700"
"""Where the board is by default."""


def dashboards(charter: Charter, board_url: str = BOARD_URL) -> dict[str, str]:
    """The dashboards by the names of their files: the same text for the same charter.

    Raises UsageError where `board_url` is no address of a board, or the charter has a label that Grafana cannot list.
    """
    board = Board(board_url)
    made = (joint_view(charter, board), handoff_flow(charter, board), service_health(board))
    return {f"{each.uid}.json": _text(each.document(charter, board)) for each in made}


def _text(document: dict[str, object]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
