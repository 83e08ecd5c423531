"""What `PostgresStore` answers sizes from: bitmaps, and the deltas of what was written since they were made."""

from django.db import models
from django.db.models.functions import MD5


class IndexedValue(models.Model):
    """The store's own number for a value; given once and kept for good."""

    id = models.AutoField(primary_key=True)
    code = models.TextField(db_collation="C")
    text = models.TextField(db_collation="C")

    class Meta:
        constraints = [models.UniqueConstraint("code", MD5("text"), name="values_are_indexed_once")]

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class AudienceBitmap(models.Model):
    """The numbers of the audiences that have a value, or of everyone where it is 0, in one shard of 2²⁰ numbers.

    They are those of write `seq`, or of the head's `base_seq` where that is later.
    """

    pk = models.CompositePrimaryKey("value", "shard")
    value = models.IntegerField()
    shard = models.IntegerField()
    seq = models.BigIntegerField()
    data = models.BinaryField()
    cardinality = models.IntegerField()
    checksum = models.BigIntegerField()

    def __str__(self) -> str:
        return f"value {self.value}, shard {self.shard}: {self.cardinality:,}"


class AudienceDelta(models.Model):
    """What one write left behind, packed: `store.roaring.Delta`."""

    seq = models.BigIntegerField(primary_key=True)
    packed = models.BinaryField()

    def __str__(self) -> str:
        return f"write {self.seq:,}"


class IdEdition(models.Model):
    """One making of the blocks of ids: of the `audiences` that had numbers below `horizon`.

    It is good while `epoch` is the head's, as then nobody else has got one of these numbers.
    """

    id = models.UUIDField(primary_key=True)
    epoch = models.UUIDField()
    horizon = models.BigIntegerField()
    audiences = models.BigIntegerField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.audiences:,} ids"


class IdBlock(models.Model):
    """Some ids in order, the id `first` and those after it, with the numbers of their audiences: `store.blocks`."""

    pk = models.CompositePrimaryKey("edition", "place")
    edition = models.UUIDField()
    place = models.IntegerField()
    first = models.TextField(db_collation="C")
    numbers = models.BinaryField()
    ids = models.BinaryField()
    checksum = models.BigIntegerField()

    def __str__(self) -> str:
        return f"ids {self.place}, from {self.first}"
