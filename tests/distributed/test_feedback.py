"""What is said on a board that runs apart: through Kafka to the tracker, and back to the board's pages."""

from tests.distributed.deployment import Deployment
from tests.e2e.feedback_journey import CHARTER, play


def test_both_sides_speak_on_the_board(deployment: Deployment) -> None:
    """As on one machine; and the board ends in peace with its producer."""
    deployment.charter.write_text(CHARTER, encoding="utf-8")
    with deployment.gateway() as gateway, deployment.tracker(), deployment.board() as board:
        play(gateway, board)
        assert board.terminate() == 0, board.output


def test_the_board_shows_leads_while_kafka_is_away(deployment: Deployment) -> None:
    """Only speaking is refused: 503, and nothing is recorded."""
    deployment.charter.write_text(CHARTER, encoding="utf-8")
    with deployment.tracker() as tracker:
        deployment.wait_until(lambda: tracker.client.get("/readyz").status_code == 200, tracker)
    with deployment.board(BATON_BROKER="kafka://127.0.0.1:1") as board:
        assert board.client.get("/feedback").status_code == 200
        held = {"ceremony": "quarterly-review", "attendees": {"marketing": 1, "sales": 1}}
        answer = board.client.post("/api/v1/ceremonies", json=held)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert board.terminate() == 0, board.output
