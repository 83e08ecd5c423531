"""Changes say by which transaction they were made, so that look-ups notice each of them once it is committed."""

from django.db import migrations

import segments.models.columns


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0002_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="change",
            name="xid",
            field=segments.models.columns.TransactionId(
                db_default=segments.models.columns.CurrentTransaction(), db_index=True, editable=False
            ),
        ),
    ]
