"""How many rows one transaction writes, so that nobody waits long for the locks that it holds."""

SECONDS = 0.1
LEAST = 1_000


class Pace:
    """Begins with few and goes on with what takes a tenth of a second on this machine at this hour."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.rows = min(LEAST, most)

    def took(self, rows: int, seconds: float) -> None:
        """So many rows were written in so many seconds."""
        fitting = round(rows * SECONDS / max(seconds, 0.001))
        self.rows = max(min(LEAST, self.most), min(self.most, fitting, 2 * self.rows))
