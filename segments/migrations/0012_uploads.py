"""Files that are sent to be imported wait in a queue, and their rows say how far they are."""

from django.db import migrations, models

import segments.models.columns

STATES = ["queued", "running", "done", "refused", "failed"]
OPEN = ["queued", "running"]


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0011_retired_clauses"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="import", name="import_state_is_known"),
        migrations.RemoveConstraint(model_name="import", name="an_import_that_ended_says_when"),
        migrations.AddField(
            model_name="import",
            name="progress",
            field=models.JSONField(
                decoder=segments.models.columns.ExactDecoder,
                help_text="How far a file that was sent is, while it is loaded.",
                null=True,
                verbose_name="progress",
            ),
        ),
        migrations.AlterField(
            model_name="import",
            name="state",
            field=models.CharField(
                choices=[(state, state) for state in STATES], default="running", max_length=7, verbose_name="state"
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(condition=models.Q(("state__in", STATES)), name="import_state_is_known"),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at", None), ("state__in", OPEN)),
                    models.Q(models.Q(("state__in", OPEN), _negated=True), ("finished_at__isnull", False)),
                    _connector="OR",
                ),
                name="an_import_that_ended_says_when",
            ),
        ),
    ]
