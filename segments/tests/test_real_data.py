"""Real people through the API: sizes must be what awk counts in the file."""

import csv
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

DATA = settings.BASE_DIR.parent / "shared" / "data" / "us-cps-1988.csv"
AWK = """
    NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    ($column["region"] == "northeast" || $column["region"] == "south") &&
    $column["ethnicity"] == "afam" && $column["parttime"] == "no" { count++ }
    END { print count + 0 }
"""

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.exists(), reason="the real data sets are not beside the checkout"),
]


def audiences(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        return [{"id": row.pop("id"), "properties": row} for row in csv.DictReader(file)]


def test_it_sizes_the_population_survey_as_awk_does(api, draft):
    people = audiences(DATA)
    platform = api("platform")
    created = 0
    for start in range(0, len(people), 10_000):
        created += platform.post("/audiences/bulk-add", people[start : start + 10_000]).json()["created"]
    assert created == len(people) == 28_155
    properties = {"region": ["northeast", "south"], "ethnicity": "afam", "parttime": ["no"]}

    segment = platform.post("/audiences/segments", draft(properties=properties)).json()

    counted = subprocess.run(["awk", "-F,", AWK, DATA], capture_output=True, text=True, check=True)
    assert segment["approximated_size"] == int(counted.stdout) > 1000
    assert segment["warnings"] == []
