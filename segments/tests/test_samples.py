"""docs/samples: two hundred each of attributes, audiences and segments that belong together."""

import pytest
from django.conf import settings

from segments.expressions import evaluate
from segments.matching import clauses_of, compile_all
from segments.models import AudienceAttribute, AudienceSegment
from segments.store import store
from segments.tests.imports import load

pytestmark = pytest.mark.django_db

SAMPLES = settings.BASE_DIR / "docs" / "samples"


def test_they_load_without_a_warning_and_belong_together():
    for kind in ("attributes", "audiences", "segments"):
        outcome = load(kind, SAMPLES / f"{kind}.csv", "--strict", "--max-errors=0")
        assert outcome.counts == {"created": 200}
        assert load(kind, SAMPLES / f"{kind}.csv", "--strict").counts == {"unchanged": 200}

    assert not AudienceAttribute.objects.filter(learned=True).exists()
    profiles = [profile.properties for profile in store().page(None, 1_000)]
    segments = list(AudienceSegment.objects.all())
    for segment, resolved in zip(segments, compile_all([clauses_of(one) for one in segments]), strict=True):
        assert segment.computed_size == sum(evaluate(resolved.tree, properties) for properties in profiles)
        assert segment.computed_size > 1
    assert {name.name for name in SAMPLES.iterdir()} == {
        "attributes.csv",
        "audiences.csv",
        "segments.csv",
        "taxonomy.tsv",
    }


def test_the_taxonomy_loads_without_a_warning():
    path = SAMPLES / "taxonomy.tsv"
    assert load("taxonomy", path, "--strict", "--max-errors=0").counts == {"created": 18}
    assert load("taxonomy", path, "--strict").counts == {"unchanged": 18}
