from django.db import migrations, models


def offloaded(apps, schema_editor):
    backups = apps.get_model("trustbackup", "Backup").objects.using(schema_editor.connection.alias)
    backups.filter(state="elsewhere").update(state="offloaded")


class Migration(migrations.Migration):

    dependencies = [("trustbackup", "0001_initial")]

    operations = [
        migrations.RenameField("run", "verb", "action"),
        migrations.RenameField("run", "beat", "heartbeat"),
        migrations.RenameField("backup", "kept", "protected"),
        migrations.RenameField("backup", "elsewhere", "offloaded_to"),
        migrations.AlterField(
            "backup", "offloaded_to", models.TextField("offloaded to", blank=True)
        ),
        migrations.AlterField(
            "backup", "protected", models.BooleanField("protected", default=False)
        ),
        migrations.AlterField(
            "backup",
            "state",
            models.CharField(
                "state",
                max_length=12,
                choices=[
                    ("complete", "complete"),
                    ("unverified", "unverified"),
                    ("damaged", "damaged"),
                    ("unreadable", "unreadable"),
                    ("offloaded", "offloaded"),
                ],
            ),
        ),
        migrations.AlterField("run", "action", models.CharField("action", max_length=20)),
        migrations.RunPython(offloaded, migrations.RunPython.noop),
    ]
