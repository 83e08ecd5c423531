"""How long an import lay still, and the reasons of rejected lines as they can be translated."""

from datetime import timedelta

from django.db import migrations, models

from segments.models.columns import ExactDecoder


class Migration(migrations.Migration):
    dependencies = [("segments", "0017_files_of_imports")]

    operations = [
        migrations.AddField(
            model_name="import",
            name="idle",
            field=models.DurationField(
                db_default=timedelta(0),
                default=timedelta(0),
                editable=False,
                help_text="How long nobody was at it between its begin and its end.",
                verbose_name="lay still",
            ),
        ),
        migrations.AddField(
            model_name="importreject",
            name="message",
            field=models.TextField(
                blank=True,
                db_default="",
                editable=False,
                help_text="The reason, for those who translate it.",
                verbose_name="message",
            ),
        ),
        migrations.AddField(
            model_name="importreject",
            name="params",
            field=models.JSONField(decoder=ExactDecoder, editable=False, null=True, verbose_name="what it names"),
        ),
    ]
