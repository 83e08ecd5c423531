"""Values are renamed while others write and read, and whoever rewrites audiences is killed: nothing goes wrong."""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from segments import settling
from segments.models import Audience, AudienceAttribute
from segments.store import upkeep
from segments.store.postgres import PostgresStore
from segments.tests import renamers
from segments.tests.conftest import TESTS
from segments.tests.crowd import Process

PEOPLE = 2_000
ENOUGH = 3  # renamings, to judge by
MOST_ROUNDS = 5

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dice(request):
    seed = int(request.config.getoption("--seed") or random.randrange(10**6))
    sys.stdout.write(f"Once more with: --seed {seed}\n")
    return random.Random(seed)


def rows():
    return dict(Audience.objects.order_by("pk").values_list("pk", "properties"))


def killed_on_the_way(attribute, left, moment):
    """Somebody who rewrites audiences is killed a moment after the first of them are; how many are left then."""
    process = Process(renamers.settle, "settle", 0, 0)
    with ThreadPoolExecutor(1) as ear:
        end = ear.submit(process.hear)
        while settling.unsettled(attribute) == left and not end.done():
            time.sleep(0.001)
        process.process.join(moment)
        process.process.kill()
        end.result(60)
    return settling.unsettled(attribute)


@pytest.mark.parametrize("merges", [False, True])
def test_who_is_killed_on_the_way_leaves_what_the_next_one_brings_to_the_same_end(request, dice, merges):
    attribute = renamers.begin(PEOPLE)
    old, new = texts = ("gold", "silver") if merges else ("gold", "premium")
    before = {key: properties[renamers.CODE] for key, properties in rows().items()}
    expected = {key: sorted({new if text == old else text for text in texts}) for key, texts in before.items()}
    renamers.switch(attribute, *texts, merges=merges)
    left = [settling.unsettled(attribute)]
    for _kill in range(max(int(request.config.getoption("--kills")) // 3, 2)):
        left.append(killed_on_the_way(attribute, left[-1], dice.uniform(0, 0.03)))
        assert renamers.wrong_counts() == []
        assert list(upkeep.differences()) == []
        if not left[-1]:
            break
    sys.stdout.write(f"Killed with so many left: {left[1:]}\n")
    assert 0 < left[1] < left[0]

    settling.settle(attribute.pk, TESTS)
    assert {key: properties[renamers.CODE] for key, properties in rows().items()} == expected
    assert settling.unsettled(attribute) == 0
    assert PostgresStore().check() == list(upkeep.differences()) == []


def test_values_are_renamed_while_others_write_older_texts_and_read(request, dice):
    attribute = renamers.begin(200)
    seconds = min(float(request.config.getoption("--seconds")), 120) / 3
    sent: dict[str, list[str]] = {}
    wrong, reads, renamings = [], 0, 0
    for again in range(MOST_ROUNDS):
        until = time.monotonic() + seconds * 2**again
        roles = [renamers.rename, renamers.write, renamers.write, renamers.read]
        processes = [
            Process(role, f"{role.__name__}-{place}", dice.randrange(10**6), until) for place, role in enumerate(roles)
        ]
        with ThreadPoolExecutor(len(processes)) as ears:
            assert list(ears.map(Process.hear, processes)) == [0] * len(processes)
        for process in processes:
            for written in process.heard("done"):
                sent |= written
        wrong += [one for process in processes for read in process.heard("read") for one in read]
        reads += len(processes[-1].heard("read"))
        renamings += sum(len(process.heard("renamed")) for process in processes)
        if reads and renamings >= ENOUGH:
            break
        settling.settle(attribute.pk, TESTS)
    sys.stdout.write(f"{renamings} renamings, {len(sent)} audiences written, {reads} reads\n")

    assert wrong == []
    assert renamings >= ENOUGH
    settling.settle(attribute.pk, TESTS)
    aliases = AudienceAttribute.objects.get(pk=attribute.pk).aliases
    stored = rows()
    assert {key: stored[key][renamers.CODE] for key in sent} == {
        key: sorted({aliases.get(text, text) for text in texts}) for key, texts in sent.items()
    }
    assert PostgresStore().check() == list(upkeep.differences()) == []
