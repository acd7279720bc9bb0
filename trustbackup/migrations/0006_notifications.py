from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("trustbackup", "0005_anomalies")]

    operations = [
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField("name", unique=True)),
                ("enabled", models.BooleanField("enabled", default=True)),
                ("channel", models.CharField("channel", max_length=20)),
                ("events", models.JSONField("events", default=list)),
                ("plans", models.JSONField("plans", blank=True, default=list)),
                ("actions", models.JSONField("actions", blank=True, default=list)),
                ("options", models.JSONField("options", blank=True, default=dict)),
                ("secrets", models.TextField("secrets", blank=True, editable=False)),
                ("language", models.CharField("language", blank=True, max_length=20)),
                ("created", models.DateTimeField("created", auto_now_add=True)),
            ],
            options={
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("route", models.CharField("notification", max_length=50)),
                ("key", models.CharField(editable=False, max_length=200)),
                ("kind", models.CharField("event", max_length=20)),
                ("plan", models.CharField("plan", blank=True, max_length=50)),
                ("subject", models.CharField("about", blank=True, max_length=200)),
                ("sentence", models.TextField("sentence", blank=True)),
                ("at", models.DateTimeField("at", db_index=True)),
                ("detail", models.JSONField("detail", default=dict)),
                (
                    "state",
                    models.CharField(
                        "state",
                        choices=[
                            ("waiting", "waiting"),
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("tries", models.PositiveIntegerField("tries", default=0)),
                ("next_try", models.DateTimeField("next try", null=True)),
                ("claimed", models.DateTimeField("taken on", null=True)),
                ("finished", models.DateTimeField("sent or given up", null=True)),
                ("reached", models.JSONField("reached", default=list)),
                ("problem", models.TextField("problem", blank=True)),
            ],
            options={
                "verbose_name": "message",
                "verbose_name_plural": "messages",
                "ordering": ["-at", "-pk"],
                "indexes": [
                    models.Index(fields=["state", "next_try"], name="trustbackup_delivery_due")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("route", "key"), name="trustbackup_one_message_each"
                    )
                ],
            },
        ),
    ]
