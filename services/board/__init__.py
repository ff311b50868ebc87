"""The board: pages, the JSON API and the live stream, for both teams alike. It reads, and changes nothing."""
