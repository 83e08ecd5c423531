"""When the last recount began, from which the next one knows how long to rest."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0009_audience_totals"),
    ]

    operations = [
        migrations.AddField(model_name="recount", name="began_at", field=models.DateTimeField(null=True)),
    ]
