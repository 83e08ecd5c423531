"""Real files by command: receipts that awk confirms, sizes that are plain counts over the files."""

import gzip
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from segments.models import Import
from segments.store import store
from segments.tests.imports import load

DATA = settings.BASE_DIR.parent / "shared" / "data"
CENSUS = DATA / "us-census-1980-fertility.csv.gz"
SURVEY = DATA / "us-cps-1988.csv"
COLUMNS = "NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }\n"
COUNTED = COLUMNS + "NF { lines++; if (!seen[$column[key]]++) ids++ } END { print lines, ids }"
SEGMENTS = {
    "Women with more than two children, not at work": (
        CENSUS.name,
        {"properties": {"morekids": ["yes"], "work": [0]}},
        '$column["morekids"] == "yes" && $column["work"] == 0',
    ),
    "Mothers of two boys or two girls, under 30, not hispanic": (
        CENSUS.name,
        {
            "properties": {"gender1": "male", "gender2": "male", "age": [str(age) for age in range(21, 30)]},
            "exclusions": {"hispanic": ["yes"]},
        },
        '$column["gender1"] == "male" && $column["gender2"] == "male" && $column["age"] < 30 && $column["hispanic"] != "yes"',
    ),
    "Men in the northeast or the west, full time": (
        SURVEY.name,
        {"properties": {"region": ["northeast", "west"], "parttime": "no"}},
        '($column["region"] == "northeast" || $column["region"] == "west") && $column["parttime"] == "no"',
    ),
}

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.timeout(300),
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CENSUS.exists(), reason="the real data sets are not beside the checkout"),
]


def awk(program, path, *options):
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    counted = subprocess.run(["awk", "-F,", *options, program], input=content, capture_output=True, check=True)
    return [int(number) for number in counted.stdout.split()]


@pytest.fixture
def census(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The header and every fourth line, or as it was asked for; all of it takes four times as long."""
    every = int(request.config.getoption("--every"))
    header, *lines = gzip.decompress(CENSUS.read_bytes()).splitlines(keepends=True)
    assert len(lines) == 254_654
    path = tmp_path / CENSUS.name
    path.write_bytes(gzip.compress(b"".join([header, *lines[::every]]), compresslevel=1))
    return path


def test_it_loads_the_census_and_the_survey_and_sizes_three_segments(census, api, draft):
    files = {SURVEY.name: SURVEY, CENSUS.name: census}
    for path in files.values():
        outcome = load("audiences", path, "--max-errors=0")
        lines, ids = awk(COUNTED, path, "-v", "key=id")
        assert outcome.code == 0
        assert outcome.receipt["lines"] == outcome.receipt["created"] == lines == ids
    assert load("audiences", census).counts == {"unchanged": lines}
    assert [run.state for run in Import.objects.all()] == ["done"] * 3
    assert store().check() == []

    platform = api("platform")
    for name, (file, clauses, condition) in SEGMENTS.items():
        segment = platform.post("/audiences/segments", draft(name=name, **clauses)).json()
        counted = awk(COLUMNS + condition + " { count++ } END { print count + 0 }", files[file])
        assert [segment["approximated_size"]] == counted
        assert counted[0] > 1000
        assert segment["warnings"] == []
