"""How often things were used, by day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0007_recounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=16)),
                ("object_id", models.CharField(max_length=64)),
                ("day", models.DateField()),
                ("times", models.BigIntegerField()),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["day"], name="tallies_of_a_day")],
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "object_id", "day"), name="a_day_is_tallied_once"),
                    models.CheckConstraint(condition=models.Q(("times__gt", 0)), name="a_tally_is_of_something"),
                ],
            },
        ),
    ]
