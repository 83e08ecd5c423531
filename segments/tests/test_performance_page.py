"""docs/explanation/performance.md says what was measured, and nothing else."""

from bench.pages import PAGE, page
from bench.run import PARTS


def test_its_tables_are_the_results_that_are_kept():
    text = PAGE.read_text()

    assert page(text) == text


def test_it_names_every_part_that_can_be_measured():
    """All of them can be imported, then: nothing else that runs with each change would notice."""
    assert " ".join(PARTS) in PAGE.read_text()
