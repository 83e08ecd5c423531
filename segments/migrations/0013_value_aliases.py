"""Older texts of a value go on being read as it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0012_uploads"),
    ]

    operations = [
        migrations.AddField(
            model_name="audienceattributevalue",
            name="alias_of",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="aliases",
                to="segments.audienceattributevalue",
                verbose_name="is read as",
            ),
        ),
        migrations.AddIndex(
            model_name="audienceattributevalue",
            index=models.Index(
                condition=models.Q(("alias_of__isnull", False)), fields=["attribute"], name="aliases_of_an_attribute"
            ),
        ),
        migrations.AddIndex(
            model_name="audienceattributevalue",
            index=models.Index(
                condition=models.Q(("alias_of__isnull", False)), fields=["alias_of"], name="aliases_of_a_value"
            ),
        ),
        migrations.AddConstraint(
            model_name="audienceattributevalue",
            constraint=models.CheckConstraint(
                condition=models.Q(("alias_of", models.F("id")), _negated=True), name="no_value_is_an_alias_of_itself"
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
                    ("renamed", "renamed"),
                    ("merged", "merged"),
                ],
                max_length=7,
                verbose_name="action",
            ),
        ),
    ]
