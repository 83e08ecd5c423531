"""Deltas are kept as they are: to compress one costs more time than it saves, and they hardly get smaller."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("segments", "0018_imports_told")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE segments_audiencedelta ALTER COLUMN packed SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
