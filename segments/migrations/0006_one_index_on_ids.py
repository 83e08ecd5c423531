"""Ids of audiences are in the C collation, whose index finds prefixes too: the one for LIKE only made writes slower."""

from django.db import migrations

LIKE = "segments_audience_id_6c0703cb_like"


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0005_roles"),
    ]

    operations = [
        migrations.RunSQL(
            f"DROP INDEX IF EXISTS {LIKE}",
            f"CREATE INDEX IF NOT EXISTS {LIKE} ON segments_audience (id varchar_pattern_ops)",
        ),
    ]
