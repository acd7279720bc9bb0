from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("trustbackup", "0007_pruning_alarms")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="app",
            field=models.CharField(blank=True, default="", max_length=100, verbose_name="app"),
            preserve_default=False,
        ),
    ]
