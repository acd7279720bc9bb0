from django.db import migrations, models

import trustbackup.models.fields


class Migration(migrations.Migration):

    dependencies = [("trustbackup", "0011_plan_encrypt_to")]

    operations = [
        migrations.CreateModel(
            name="DownloadLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("account", models.CharField(max_length=200)),
                ("account_key", models.CharField(max_length=100)),
                ("token", models.CharField(blank=True, max_length=64)),
                ("backup", models.CharField(max_length=100)),
                ("file", models.CharField(max_length=255)),
                ("created", trustbackup.models.fields.MomentField()),
                ("expires", trustbackup.models.fields.MomentField(db_index=True)),
                ("used", trustbackup.models.fields.MomentField(null=True)),
            ],
        ),
    ]
