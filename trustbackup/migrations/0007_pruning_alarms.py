from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("trustbackup", "0006_notifications")]

    operations = [
        migrations.AlterField(
            model_name="alarm",
            name="kind",
            field=models.CharField(
                choices=[
                    ("backup", "a backup is late"),
                    ("proof", "a proof is old"),
                    ("copy", "a copy is late"),
                    ("disk", "a disk is nearly full"),
                    ("prune", "the clean-up fails or falls behind"),
                ],
                max_length=10,
                verbose_name="kind",
            ),
        ),
    ]
