"""Imports, and the first of their rejected lines."""

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.db import migrations, models

import segments.models.columns


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0001_audience_segments"),
    ]

    operations = [
        migrations.CreateModel(
            name="Import",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("attributes", "attributes"), ("audiences", "audiences"), ("segments", "segments")],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("file", models.TextField(help_text="As it was named; - is standard input.", verbose_name="file")),
                ("owner_id", models.UUIDField(null=True, verbose_name="owner")),
                (
                    "options",
                    models.JSONField(
                        decoder=segments.models.columns.ExactDecoder, default=dict, verbose_name="options"
                    ),
                ),
                ("dry_run", models.BooleanField(default=False, verbose_name="dry run")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "running"),
                            ("done", "done"),
                            ("refused", "refused"),
                            ("failed", "failed"),
                        ],
                        default="running",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.TextField(blank=True, help_text="Why it was refused or failed.", verbose_name="reason"),
                ),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="started")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("lines", models.BigIntegerField(default=0, verbose_name="lines")),
                ("created", models.BigIntegerField(default=0, verbose_name="created")),
                ("updated", models.BigIntegerField(default=0, verbose_name="updated")),
                ("unchanged", models.BigIntegerField(default=0, verbose_name="unchanged")),
                (
                    "duplicate",
                    models.BigIntegerField(
                        default=0,
                        help_text="A later line has the same id; the last one wins.",
                        verbose_name="duplicate",
                    ),
                ),
                (
                    "suppressed",
                    models.BigIntegerField(default=0, help_text="Barred, and left out.", verbose_name="suppressed"),
                ),
                ("rejected", models.BigIntegerField(default=0, verbose_name="rejected")),
                (
                    "reasons",
                    models.JSONField(
                        decoder=segments.models.columns.ExactDecoder,
                        default=dict,
                        help_text="How many lines were rejected, by code.",
                        verbose_name="reasons",
                    ),
                ),
                (
                    "rejects_file",
                    models.TextField(
                        blank=True,
                        help_text="Where all rejected lines are, to be mended and loaded.",
                        verbose_name="rejects file",
                    ),
                ),
                ("actor", models.CharField(max_length=300, verbose_name="by")),
            ],
            options={
                "verbose_name": "import",
                "verbose_name_plural": "imports",
                "ordering": ["-started_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["attributes", "audiences", "segments"])),
                        name="import_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["running", "done", "refused", "failed"])),
                        name="import_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            (
                                "lines",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.expressions.CombinedExpression(
                                                    models.F("created"), "+", models.F("updated")
                                                ),
                                                "+",
                                                models.F("unchanged"),
                                            ),
                                            "+",
                                            models.F("duplicate"),
                                        ),
                                        "+",
                                        models.F("suppressed"),
                                    ),
                                    "+",
                                    models.F("rejected"),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="a_done_import_accounts_for_every_line",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("state", "running")),
                            models.Q(models.Q(("state", "running"), _negated=True), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="an_import_that_ended_says_when",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportReject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "line",
                    models.BigIntegerField(help_text="Where the line begins in the file, from 1.", verbose_name="line"),
                ),
                (
                    "column",
                    models.TextField(blank=True, help_text="In JSON Lines the JSON pointer.", verbose_name="column"),
                ),
                ("code", models.CharField(max_length=64, verbose_name="code")),
                ("value", models.TextField(blank=True, verbose_name="value")),
                ("reason", models.TextField(verbose_name="reason")),
                (
                    "of_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rejects",
                        to="segments.import",
                        verbose_name="import",
                    ),
                ),
            ],
            options={
                "verbose_name": "rejected line",
                "verbose_name_plural": "rejected lines",
                "ordering": ["id"],
            },
        ),
    ]
