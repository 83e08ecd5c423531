"""A value of a taxonomy says what stands above it, and imports may be of a taxonomy."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0015_resumed_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="audienceattributevalue",
            name="parent",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="The value above it in a taxonomy, by its text there.",
                max_length=1000,
                verbose_name="above it",
            ),
        ),
        migrations.AddField(
            model_name="audienceattributevalue",
            name="note",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="What its taxonomy says of it.",
                max_length=1000,
                verbose_name="note",
            ),
        ),
        migrations.RemoveConstraint(model_name="import", name="import_kind_is_known"),
        migrations.AlterField(
            model_name="import",
            name="kind",
            field=models.CharField(
                choices=[
                    ("attributes", "attributes"),
                    ("audiences", "audiences"),
                    ("segments", "segments"),
                    ("taxonomy", "taxonomy"),
                ],
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["attributes", "audiences", "segments", "taxonomy"])),
                name="import_kind_is_known",
            ),
        ),
    ]
