"""How many audiences there were, day by day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0008_tallies"),
    ]

    operations = [
        migrations.CreateModel(
            name="AudienceTotal",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("total", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["day"],
            },
        ),
    ]
