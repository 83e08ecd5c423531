"""kill -9 at any moment: what was acknowledged is there, and bitmaps and rows agree."""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from segments.store import editing, upkeep
from segments.store.postgres import PostgresStore
from segments.tests import crowd
from segments.tests.crowd import Process

AT_ONCE = 1.5  # seconds, within which one of them is killed
EACH = 15  # seconds at the most, with all that is checked afterwards

pytestmark = pytest.mark.django_db(transaction=True)


def kill_one(seed: int) -> list[Process]:
    """Two writers, and one each who compacts, rebuilds and orders ids, one of whom is killed at some moment."""
    dice = random.Random(seed)
    until = time.monotonic() + AT_ONCE
    roles = [crowd.write, crowd.write, crowd.compact, crowd.rebuild, crowd.order]
    processes = [Process(role, f"{role.__name__}-{place}", seed + place, until) for place, role in enumerate(roles)]
    victim = dice.choice(processes)
    with ThreadPoolExecutor(len(processes)) as ears:
        ends = [ears.submit(Process.hear, process) for process in processes]
        victim.process.join(dice.uniform(0.1, AT_ONCE))
        victim.process.kill()
        codes = [end.result(EACH) for end in ends]
    assert [code for process, code in zip(processes, codes, strict=True) if process is not victim] == [0] * 4
    return processes


def possible(writer: Process) -> dict[str, list]:
    """What each audience of a writer's own may be now: as acknowledged last, or as begun after that."""
    states: dict[str, list] = {}
    begun: dict = {}
    for said, what in writer.told:
        if said == "begun":
            begun = {each: state for each, state in what.items() if each.startswith(writer.name)}
        elif said == "done":
            states.update({each: [state] for each, state in begun.items()})
        if said in ("done", "undone"):
            begun = {}
    for each, state in begun.items():
        states[each] = [*states.get(each, [None]), state]
    return states


def compact_when_the_lock_is_free() -> None:
    """PostgreSQL notices that a process is gone when it has nothing more to do for it."""
    while True:
        try:
            upkeep.compact()
            return
        except upkeep.Busy:
            continue


@pytest.fixture
def seeds(request):
    kills = int(request.config.getoption("--kills"))
    first = int(request.config.getoption("--seed") or random.randrange(10**6))
    sys.stdout.write(f"Once more with: --seed {first}\n")
    return range(first, first + kills)


def test_it_loses_nothing_when_a_process_is_killed(seeds):
    store = PostgresStore()
    crowd.begin_at_the_edge_of_a_shard()
    for seed in seeds:
        processes = kill_one(seed)

        assert [*upkeep.differences(), *editing.differences()] == [], seed
        for writer in processes[:2]:
            states = possible(writer)
            stored = {each: profile.properties for each, profile in store.get(states).items()}
            assert [each for each in states if stored.get(each) not in states[each]] == [], seed
            store.erase(states)
        compact_when_the_lock_is_free()
        assert [*upkeep.differences(), *editing.differences()] == [], seed
