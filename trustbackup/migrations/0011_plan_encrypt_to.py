from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("trustbackup", "0010_plan_archive")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="encrypt_to",
            field=models.JSONField(blank=True, default=list, verbose_name="encrypted to"),
        ),
    ]
