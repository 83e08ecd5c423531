"""What the stored sizes were last counted from, and a quick way to the changes of the catalogue since."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0006_one_index_on_ids"),
    ]

    operations = [
        migrations.CreateModel(
            name="Recount",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("writes", models.BigIntegerField(default=0)),
                ("since", models.BigIntegerField(default=0)),
                (
                    "seen",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("failure", models.TextField(blank=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="recount",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="there_is_one_recount"),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("kind__in", ("attribute", "value"))),
                fields=["xid"],
                name="changes_of_the_catalogue",
            ),
        ),
    ]
