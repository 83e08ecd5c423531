"""Deltas are kept as they are: compressing one takes as long as writing it, and they last until a compaction only."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("segments", "0018_imports_told")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE segments_audiencedelta ALTER COLUMN packed SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
