"""A file that has an old text of a value lands as the text that it is read as now, whenever it was renamed."""

import pytest

from segments.importing.audiences import Audiences
from segments.importing.options import Options
from segments.importing.progress import Silence
from segments.importing.run import ImportRun
from segments.models import AudienceAttribute, AudienceAttributeValue
from segments.models.changes import Actor
from segments.store import store

pytestmark = pytest.mark.django_db

PEOPLE = "id,tier\nana,gold\nben,silver|gold\ncho, gold \n"


def rename():
    """Have gold read as premium from now on."""
    attribute = AudienceAttribute.objects.get(code="tier")
    new = AudienceAttributeValue.objects.create(attribute=attribute, value="premium")
    AudienceAttributeValue.objects.filter(attribute=attribute, value="gold").update(alias_of=new)


def properties():
    return {profile.id: profile.properties["tier"] for profile in store().page(None, 10)}


AS_NOW = {"ana": ["premium"], "ben": ["premium", "silver"], "cho": ["premium"]}


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_it_reads_older_texts_as_what_they_are_now(folder, name):
    folder.load("audiences", "before.csv", "id,tier\nzoe,gold\n")
    rename()
    store().erase(["zoe"])
    people = [
        {"id": key, "properties": {"tier": texts}}
        for key, texts in (("ana", "gold"), ("ben", ["silver", "gold"]), ("cho", " gold "))
    ]
    content = PEOPLE if name.endswith("csv") else people

    dry = folder.load("audiences", name, content, "--dry-run")
    assert folder.load("audiences", name, content).counts == dry.counts == {"created": 3}
    assert properties() == AS_NOW
    dry = folder.load("audiences", name, content, "--dry-run")
    assert folder.load("audiences", name, content).counts == dry.counts == {"unchanged": 3}


class RenamesBeforeItApplies(Silence):
    def begin(self, phase, total):
        if phase == "applying":
            rename()


@pytest.mark.parametrize("before", ["zoe", "ana"])
def test_what_is_renamed_after_it_was_read_lands_as_what_it_is_now(folder, before):
    folder.load("audiences", "before.csv", f"id,tier\n{before},gold\n{before}2,silver\n")
    path = folder.file("people.csv", PEOPLE.replace("cho", "zoe2"))

    receipt = ImportRun(Audiences, str(path), Options(), Actor(command="test"), RenamesBeforeItApplies()).run()

    assert receipt.lines == receipt.applied == 3
    assert {key: properties()[key] for key in ("ben", "zoe2")} == {"ben": ["premium", "silver"], "zoe2": ["premium"]}
