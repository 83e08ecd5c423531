"""docs/explanation/performance.md says what was measured, and nothing else."""

from bench.pages import PAGE, page


def test_its_tables_are_the_results_that_are_kept():
    text = PAGE.read_text()

    assert page(text) == text
