"""Addresses of the board: a panel or a series leads to the list of the leads that it counts."""

from urllib.parse import urlencode, urlsplit

from services.dashboards.panels import Link
from services.errors import UsageError


class Board:
    """The board at one address."""

    def __init__(self, url: str) -> None:
        """`url` is its front page. Raises UsageError where that is no address of one."""
        parts = urlsplit(url)
        # Grafana would take a dollar for one of its variables.
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or "$" in url:
            raise UsageError(f'--board-url: "{url}" is no address of a board; write one such as https://baton.example')
        self.url = url.rstrip("/")

    def front(self) -> Link:
        """The front page."""
        return Link("The board", self.url + "/")

    def goals(self) -> Link:
        """The page of goals and commitments."""
        return Link("Goals and commitments", self.url + "/goals")

    def leads(self, title: str, **query: str) -> Link:
        """The list of the leads that the query finds."""
        return Link(title, f"{self.url}/leads?{urlencode(query)}")

    def leads_of_series(self, title: str, *labels: str, **query: str) -> Link:
        """The list for the series that is clicked: its labels are the filter."""
        asked = [urlencode(query), *(f"{label}=${{__field.labels.{label}}}" for label in labels)]
        return Link(title, f"{self.url}/leads?{'&'.join(filter(None, asked))}")
