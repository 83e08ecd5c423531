"""All ids in order, which members are written from; they are made when they are first asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0013_value_aliases"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdBlock",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "edition", "place", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("edition", models.UUIDField()),
                ("place", models.IntegerField()),
                ("first", models.TextField(db_collation="C")),
                ("numbers", models.BinaryField()),
                ("ids", models.BinaryField()),
                ("checksum", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="IdEdition",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("epoch", models.UUIDField()),
                ("horizon", models.BigIntegerField()),
                ("audiences", models.BigIntegerField()),
                ("made_at", models.DateTimeField()),
            ],
        ),
        # A copy that is read in whole: to compress it costs more time than it saves.
        migrations.RunSQL(
            "ALTER TABLE segments_idblock"
            " ALTER COLUMN numbers SET STORAGE EXTERNAL, ALTER COLUMN ids SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
    ]
