from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("trustbackup", "0009_access_tokens")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="archive",
            field=models.BooleanField(default=False, verbose_name="files as an archive"),
        ),
    ]
