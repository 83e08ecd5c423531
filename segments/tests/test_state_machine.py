"""Everything that an engine can be asked and told, in any order: every answer is the reference's, at every step."""

import gc
import json
import sys
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from segments import audiences, catalogue, definitions, lookup, renaming, retiring, settling, values
from segments.border import comparable
from segments.conflicts import ValueInUse
from segments.definitions import Draft
from segments.expressions import And, AnyOf, Known, Nobody, evaluate, parse, resolve
from segments.labels import label_text, nfc
from segments.matching import clauses_of, explain, sizes_of
from segments.models import (
    Audience,
    AudienceAttribute,
    AudienceBitmap,
    AudienceDelta,
    AudienceHead,
    AudienceSegment,
    Change,
    Import,
    IndexedValue,
    Owner,
)
from segments.renaming import Asked
from segments.store import UNSENT, ProfileChange, editing, listing, upkeep
from segments.store import index as index_module
from segments.store.editions import SHELF
from segments.store.memory import MemoryStore
from segments.store.postgres import PostgresStore
from segments.tests import strategies as some
from segments.tests.conftest import OWNERS, TESTS
from segments.tests.imports import load
from segments.tests.interruptions import compact_until_the_head_is_needed, rebuild_for

EVERYBODY = And(())
IDS = [f"u{number}" for number in range(12)]
TABLES = (AudienceSegment, Audience, AudienceHead, AudienceDelta, AudienceBitmap, IndexedValue, AudienceAttribute,
          Change, Import)  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


def some_ids(most, least=1):
    return st.lists(st.sampled_from(IDS), min_size=least, max_size=most, unique=True)


def changes():
    return st.lists(
        st.builds(
            ProfileChange,
            id=st.sampled_from(IDS),
            properties=st.just(UNSENT) | some.audience_properties(some.VOCABULARY),
            merges=st.booleans(),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda change: change.id,
    )


class Engine(RuleBasedStateMachine):
    """Writers, imports, upkeep and readers, one after the other; `MemoryStore` and `evaluate` are the judges."""

    taken = 0  # steps, by all of them

    @initialize()
    def begin(self):
        for model in TABLES:
            model.objects.all().delete()
        self.forget()
        self.store, self.judge = PostgresStore(), MemoryStore()
        self.catalogue, self.segments, self.retired = {}, {}, set()
        self.aliases, self.is_settled = {}, True
        self.hidden, self.ever_hidden = set(), set()
        Engine.taken -= 1  # what begins is no step

    def learn(self, changes):
        for change in changes:
            for code, texts in ({} if change.properties is UNSENT else change.properties).items():
                self.catalogue.setdefault(code, Known(set())).values.update(texts)

    def read(self, change):
        """The change as it is read once values were renamed."""
        if change.properties is UNSENT:
            return change
        names = {code: self.aliases.get(code, {}) for code in change.properties}
        properties = {c: sorted({names[c].get(t, t) for t in texts}) for c, texts in change.properties.items()}
        return replace(change, properties=properties)

    def reword(self, definition):
        """The definition as if it had been written with the texts that values have now."""
        for code, names in self.aliases.items():
            definition = tuple(
                {key: reworded(clause, names) if nfc(key) == code else clause for key, clause in side.items()}
                for side in definition
            )
        return definition

    def meaning(self, key):
        visible = {code: known for code, known in self.catalogue.items() if code not in self.hidden}
        return Nobody() if key in self.retired else resolve(parse(*self.segments[key]), visible).tree

    def sizes(self):
        """What the reference counts for each segment."""
        with self.judge.snapshot() as view:
            return {key: view.count(self.meaning(key)) for key in self.segments}

    def properties(self, audience_id):
        profile = self.judge.get([audience_id]).get(audience_id)
        return profile.properties if profile else None

    @rule(changes=changes())
    def upsert(self, changes):
        read = [self.read(change) for change in changes]
        self.learn(read)
        counts, expected = audiences.upsert(changes), self.judge.upsert(read)
        # Who has an older text yet is given the new one by this.
        assert counts == expected or not self.is_settled

    @rule(ids=some_ids(3))
    def erase(self, ids):
        assert self.store.erase(ids) == self.judge.erase(ids)

    @rule(rows=st.dictionaries(st.sampled_from(IDS), some.audience_properties(some.VOCABULARY), min_size=1, max_size=5))
    def load_a_file(self, rows):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "audiences.jsonl"
            path.write_text("".join(json.dumps({"id": key, "properties": has}) + "\n" for key, has in rows.items()))
            receipt = load("audiences", path).receipt
        gc.unfreeze()
        changes = [self.read(ProfileChange(key, properties=has)) for key, has in rows.items()]
        self.learn(changes)
        expected = self.judge.upsert(changes)
        counts = [receipt[name] for name in ("created", "updated", "unchanged")]
        assert counts == [expected.created, expected.updated, expected.unchanged] or not self.is_settled
        with self.judge.snapshot() as view:
            for segment in AudienceSegment.objects.all():
                assert segment.computed_size == view.count(self.meaning(segment.pk))

    @rule()
    def compact(self):
        upkeep.compact()
        assert not AudienceDelta.objects.exists()

    @rule()
    def rebuild(self):
        list(upkeep.rebuild())

    @rule()
    def order_the_ids(self):
        editing.make()

    @rule()
    def cut_off_a_compaction(self):
        if AudienceDelta.objects.exists():
            compact_until_the_head_is_needed()

    @rule(steps=st.integers(1, 2))
    def cut_off_a_rebuild(self, steps):
        rebuild_for(steps)

    @rule(changes=changes(), ids=some_ids(2, 0))
    def take_back(self, changes, ids):
        """Write in a transaction, read there, and roll it back."""
        with transaction.atomic():
            audiences.upsert(changes)
            self.store.erase(ids)
            with self.store.snapshot() as view:
                assert view.total == view.count(EVERYBODY) == len(list(view.ids(EVERYBODY)))
            lookup.INDEX.look_up(IDS)
            transaction.set_rollback(True)

    @rule()
    def forget(self):
        """Another process, which has nothing in memory yet."""
        index_module.INDEX.view = lookup.INDEX.state = SHELF.edition = None

    @precondition(lambda self: self.is_settled)
    @rule(tree=some.trees(some.VOCABULARY), after=st.none() | st.sampled_from(IDS), limit=st.none() | st.integers(0, 9))
    def count(self, tree, after, limit):
        with self.store.snapshot() as view, self.judge.snapshot() as expected:
            assert view.count(tree) == expected.count(tree)
            assert list(view.ids(tree, after, limit)) == list(expected.ids(tree, after, limit))
            assert view.total == expected.total

    @precondition(lambda self: self.is_settled)
    @rule(code=st.sampled_from(sorted(some.VOCABULARY)))
    def value_counts(self, code):
        with self.store.snapshot() as view, self.judge.snapshot() as expected:
            assert view.value_counts(code) == expected.value_counts(code)

    @precondition(lambda self: self.is_settled)
    @rule(tree=some.trees(some.VOCABULARY), code=st.sampled_from(sorted(some.VOCABULARY)), limit=st.integers(0, 4))
    def look_among_those_selected(self, tree, code, limit):
        with self.store.snapshot() as view, self.judge.snapshot() as expected:
            labels = [(code, text) for text in some.VOCABULARY[code]]
            assert view.label_counts(labels, tree) == expected.label_counts(labels, tree)
            assert expected.value_counts(code).keys() <= set(view.common_values([code], 100)[code])
            drawn = view.sample(tree, limit)
            assert set(drawn) <= set(expected.ids(tree))
            assert len(drawn) == min(limit, expected.count(tree))

    @rule(definition=some.definitions(some.VOCABULARY))
    def define(self, definition):
        properties, exclusions = definition
        values = {"name": "some", "management_type": "systemmanaged", "owner_id": OWNERS["alice"]}
        values |= {"properties": properties, "exclusions": exclusions}
        segment = definitions.create([Draft(values)], TESTS)[0].segment
        self.segments[segment.pk] = self.reword(definition)
        with self.judge.snapshot() as view:
            assert segment.computed_size == view.count(self.meaning(segment.pk))

    @precondition(lambda self: self.segments)
    @rule(data=st.data(), properties=some.definitions(some.VOCABULARY))
    def redefine(self, data, properties):
        key = data.draw(st.sampled_from(sorted(self.segments)))
        self.segments[key] = self.reword((properties[0], self.segments[key][1]))
        self.retired.discard(key)
        definitions.update(key, Draft({"properties": properties[0]}), TESTS)

    @precondition(lambda self: self.segments)
    @rule(data=st.data())
    def delete(self, data):
        key = data.draw(st.sampled_from(sorted(self.segments)))
        del self.segments[key]
        definitions.delete([key], TESTS)

    @precondition(lambda self: self.catalogue)
    @rule(data=st.data())
    def retire(self, data):
        code = data.draw(st.sampled_from(sorted(self.catalogue)))
        before, touched = self.sizes(), set()
        done = retiring.retire(AudienceAttribute.objects.get(code=code).pk, TESTS)
        for key, (properties, exclusions) in ({} if code in self.hidden else self.segments).items():
            left = {name: clause for name, clause in properties.items() if nfc(name) != code}
            if left != properties:
                self.segments[key] = left, exclusions
                touched.add(key)
        self.retired |= touched
        assert {each.id for each in done.segments} == touched
        self.agrees(done, before)

    def agrees(self, preview, before):
        """The sizes that a preview tells are the reference's, and those of other segments stay as they were."""
        after, told = self.sizes(), {each.id: (each.size_before, each.size_after) for each in preview.segments}
        assert {key: told.get(key, (size, size)) for key, size in before.items()} == {
            key: (size, after[key]) for key, size in before.items()
        }

    @precondition(lambda self: self.catalogue)
    @rule(data=st.data(), owner=st.sampled_from([OWNERS["alice"], Owner.INSTALLATION_ID]), private=st.booleans())
    def hand_over(self, data, owner, private):
        """The segments, all Alice's, cannot use what is private to somebody else."""
        code = data.draw(st.sampled_from(sorted(self.catalogue)))
        visibility = "private" if private else "public"
        pk = AudienceAttribute.objects.get(code=code).pk
        catalogue.change(pk, {"owner_id": owner, "visibility": visibility}, TESTS)
        self.hidden.discard(code)
        if private and owner != OWNERS["alice"]:
            self.hidden.add(code)
            self.ever_hidden.add(code)

    @precondition(lambda self: self.catalogue)
    @rule(data=st.data())
    def forget_a_text(self, data):
        """A value that nobody uses, or an older text that stands nowhere any more."""
        code = data.draw(st.sampled_from(sorted(self.catalogue)))
        texts, names = self.catalogue[code].values, self.aliases.get(code, {})
        if code in self.ever_hidden or not (texts or names):
            return  # clauses of those who may not use it hold on to nothing
        text = data.draw(st.sampled_from(sorted({*texts, *names})))
        listed = any(text in parse(*definition).asked.get(code, ()) for definition in self.segments.values())
        with self.judge.snapshot() as view:
            is_used = text in texts and (listed or view.count(AnyOf(code, (text,))) > 0)
        try:
            values.delete(AudienceAttribute.objects.get(code=code).pk, text, TESTS)
        except ValueInUse:
            assert is_used or names
            return
        assert not is_used
        texts.discard(text)
        for alias in [alias for alias, now in names.items() if text in (alias, now)]:
            del names[alias]

    @precondition(lambda self: any(known.values for known in self.catalogue.values()))
    @rule(data=st.data(), parts=st.integers(0, 3), killed=st.booleans())
    def rename_or_merge(self, data, parts, killed):
        """A value is another from one moment on; who rewrites what stands may be killed at any."""
        code = data.draw(st.sampled_from(sorted(code for code, known in self.catalogue.items() if known.values)))
        texts, names = self.catalogue[code].values, self.aliases.setdefault(code, {})
        old = data.draw(st.sampled_from(sorted(texts)))
        new = data.draw(st.sampled_from(sorted({*some.VOCABULARY[code], "renamed"} - {old})))
        if new in names and names[new] != old:
            return
        attribute = AudienceAttribute.objects.get(code=code)
        asked, before = Asked(attribute.pk, old, new, merges=new in texts), self.sizes()
        preview = renaming.preview(asked)
        assert not (code in self.hidden and preview.segments)
        with self.judge.snapshot() as view:
            assert preview.audiences == view.count(AnyOf(code, (old,)))
        with transaction.atomic():
            renaming.switch(asked, TESTS)
        texts.discard(old)
        texts.add(new)
        names.pop(new, None)
        names.update({alias: new for alias, text in names.items() if text == old} | {old: new})
        self.segments = {key: self.reword(definition) for key, definition in self.segments.items()}
        with self.judge.snapshot() as view:
            batches = view.batches(AnyOf(code, (old,)), 12)
        for batch in batches:
            self.judge.rename(batch, code, old, new)
        self.agrees(preview, before)
        self.is_settled = False
        list(islice(settling.rewrite_text(attribute, old), parts))
        if not killed:
            self.settle()

    @rule()
    def settle(self):
        for attribute in AudienceAttribute.objects.all():
            settling.settle(attribute.pk, TESTS)
        self.is_settled = True
        for pk, *sides in AudienceSegment.objects.values_list("pk", "properties", "exclusions"):
            for stored, expected in zip(sides, self.segments[pk], strict=True):
                hidden = {key for key in expected if nfc(key) in self.ever_hidden}
                shown = [{key: side[key] for key in side.keys() - hidden} for side in (stored, expected)]
                assert comparable(shown[0]) == comparable(shown[1])

    @rule(ids=some_ids(4))
    def look_up(self, ids):
        looked = lookup.INDEX.look_up(ids)
        assert [one.audience_id for one in looked] == ids
        for one in looked:
            has = self.properties(one.audience_id)
            expected = [key for key in self.segments if has is not None and evaluate(self.meaning(key), has)]
            assert [found.id for found in one.segments] == expected

    @rule()
    def freeze(self):
        """What a process does when many segments were changed since it began."""
        if state := lookup.INDEX.state:
            lookup.INDEX.freeze(state)

    @precondition(lambda self: self.segments and self.judge.profiles)
    @rule(data=st.data())
    def explain(self, data):
        segment = AudienceSegment.objects.get(pk=data.draw(st.sampled_from(sorted(self.segments))))
        audience_id = data.draw(st.sampled_from(sorted(self.judge.profiles)))
        answer = explain(segment, audience_id)
        assert answer.member == evaluate(self.meaning(segment.pk), self.properties(audience_id))
        assert not answer.member or all(clause.passes for clause in answer.clauses)

    @precondition(lambda self: self.segments)
    @rule()
    def ask(self):
        """The sizes that are answered, and those of the values."""
        with self.judge.snapshot() as view:
            for segment in AudienceSegment.objects.all():
                assert sizes_of([clauses_of(segment)])[0][1].size == view.count(self.meaning(segment.pk))
            for attribute in AudienceAttribute.objects.all():
                counts = {each.value: each.audience_count for each in values.page(attribute, None, 100)}
                expected = view.value_counts(attribute.code)
                assert counts == {text: expected.get(text, 0) for text in self.catalogue[attribute.code].values}

    @invariant()
    def agrees_with_the_rows(self):
        Engine.taken += 1
        if AudienceHead.objects.exists():
            assert [*upkeep.differences(), *editing.differences()] == []


def reworded(clause, names):
    """The clause with other texts in it, each of those once."""
    if not isinstance(clause, list):
        return names.get(label_text(clause), clause)
    texts = [label_text(label) for label in clause]
    found, there = [], {text for text in texts if text not in names}
    for label, text in zip(clause, texts, strict=True):
        if text not in names or names[text] not in there:
            found.append(names.get(text, label))
            there.add(names.get(text))
    return found


def test_it_answers_as_the_reference_does_at_every_step(request, monkeypatch):
    monkeypatch.setattr(editing, "AT_ONCE", 3)
    monkeypatch.setattr(listing, "FEW", 0)
    monkeypatch.setattr(listing, "MOST_NEWER", 3)
    Engine.taken, steps = 0, int(request.config.getoption("--steps"))
    while Engine.taken < steps:
        options = settings(max_examples=max((steps - Engine.taken) // 25, 1), stateful_step_count=30, deadline=None,
                           suppress_health_check=list(HealthCheck))  # fmt: skip
        run_state_machine_as_test(Engine, settings=options)
    sys.stdout.write(f"{Engine.taken:,} steps of the state machine\n")
