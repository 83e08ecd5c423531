"""Segments keep the codes of the clauses that retiring an attribute took out of their properties."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0010_recount_began"),
    ]

    operations = [
        migrations.AddField(
            model_name="audiencesegment",
            name="retired_codes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                db_default=[],
                default=list,
                editable=False,
                size=None,
                verbose_name="retired codes",
            ),
        ),
        migrations.AlterField(
            model_name="change",
            name="action",
            field=models.CharField(
                choices=[
                    ("created", "created"),
                    ("changed", "changed"),
                    ("deleted", "deleted"),
                    ("retired", "retired"),
                ],
                max_length=7,
                verbose_name="action",
            ),
        ),
    ]
