"""What is said on the board of `baton up`: judged as if a CRM had said it, and still there after a restart."""

from pathlib import Path

from tests.e2e.feedback_journey import CHARTER, LEAD, play
from tests.e2e.running import Running


def test_both_sides_speak_on_the_board(tmp_path: Path) -> None:
    """Handed off, rejected, disputed, settled; counted once; and what was said survives the process."""
    charter = tmp_path / "charter.yaml"
    charter.write_text(CHARTER)
    arguments = ("up", "--data", tmp_path / "data", "--charter", charter, "--port", "0")
    with Running(*arguments) as baton:
        play(baton, baton)
        before = baton.get(f"/api/v1/leads/{LEAD}", as_of="2100-01-01T00:00:00Z")["timeline"]
        assert baton.terminate() == 0, baton.output
    with Running(*arguments) as again:
        assert again.get(f"/api/v1/leads/{LEAD}", as_of="2100-01-01T00:00:00Z")["timeline"] == before
