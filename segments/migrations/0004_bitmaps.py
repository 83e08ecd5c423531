"""Bitmaps and deltas to answer sizes from; rows that are there already are indexed by `manage.py rebuild_index`."""

import django.contrib.postgres.fields
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0003_change_xid"),
    ]

    operations = [
        migrations.CreateModel(
            name="AudienceBitmap",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "value", "shard", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("value", models.IntegerField()),
                ("shard", models.IntegerField()),
                ("seq", models.BigIntegerField()),
                ("data", models.BinaryField()),
                ("cardinality", models.IntegerField()),
                ("checksum", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="AudienceDelta",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("packed", models.BinaryField()),
            ],
        ),
        migrations.AddField(
            model_name="audience",
            name="value_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.IntegerField(), editable=False, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="audiencehead",
            name="base_seq",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="audiencehead",
            name="epoch",
            field=models.UUIDField(null=True),
        ),
        migrations.CreateModel(
            name="IndexedValue",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("code", models.TextField(db_collation="C")),
                ("text", models.TextField(db_collation="C")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("code"), django.db.models.functions.text.MD5("text"), name="values_are_indexed_once"
                    )
                ],
            },
        ),
        # Bitmaps are as small as they get; compressing them again costs time and saves nothing.
        migrations.RunSQL(
            "ALTER TABLE segments_audiencebitmap ALTER COLUMN data SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
