"""The pages: ``path("settings/backups/", include("trustbackup.urls"))`` puts them there."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from trustbackup.views import identity, monitoring, presence, recovery, runs
from trustbackup.views.backups import (
    actions,
    delete,
    detail,
    download,
    files,
    label,
    put_back,
    restore,
    upload,
)
from trustbackup.views.backups.list import BackupManageView
from trustbackup.views.destinations import connection_test, pages
from trustbackup.views.keys import pages as key_pages
from trustbackup.views.notifications import buttons as notification_buttons
from trustbackup.views.notifications import edit as notification_edit
from trustbackup.views.notifications import pages as notification_pages
from trustbackup.views.plans import buttons as plan_buttons
from trustbackup.views.plans import edit as plan_edit
from trustbackup.views.plans import pages as plan_pages
from trustbackup.views.plans.preview import RetentionPreview

app_name = "trustbackup"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", BackupManageView.as_view(), name="manage"),
    path("download/<str:filename>/", download.BackupFileDownloadView.as_view(), name="download"),
    path(
        "bundle/<str:archive_format>/",
        download.BackupFilesDownloadMultipleView.as_view(),
        name="bundle",
    ),
    path("upload/", upload.UploadView.as_view(), name="upload"),
    path("delete/", delete.BackupFilesDeleteMultipleView.as_view(), name="delete"),
    path("act/<str:action>/", actions.BackupFilesActView.as_view(), name="act"),
    path("backup/<str:identifier>/", detail.BackupDetailView.as_view(), name="detail"),
    path("backup/<str:identifier>/label/", label.LabelView.as_view(), name="label"),
    path("backup/<str:identifier>/restore/", restore.RestoreView.as_view(), name="restore"),
    path("backup/<str:identifier>/files/", files.FilesView.as_view(), name="files"),
    path(
        "backup/<str:identifier>/files/download/",
        files.FilesDownloadView.as_view(),
        name="download_files",
    ),
    path(
        "backup/<str:identifier>/files/put-back/",
        put_back.PutBackView.as_view(),
        name="put_back",
    ),
    path("backup/<str:identifier>/identity/", identity.IdentityView.as_view(), name="identity"),
    path("keys/", key_pages.KeysView.as_view(), name="keys"),
    path("keys/add/", key_pages.KeyAddView.as_view(), name="add_key"),
    path("keys/prove/", key_pages.KeyProveView.as_view(), name="prove_key"),
    path("keys/<slug:name>/retire/", key_pages.KeyRetireView.as_view(), name="retire_key"),
    path("sign-in/", presence.SignInAgainView.as_view(), name="sign_in"),
    path("health/", monitoring.HealthView.as_view(), name="health"),
    path("metrics/", monitoring.MetricsView.as_view(), name="metrics"),
    path("recovery-sheet/", recovery.RecoverySheetView.as_view(), name="recovery_sheet"),
    path("undo/", restore.UndoView.as_view(), name="undo"),
    path("destinations/", pages.DestinationsView.as_view(), name="destinations"),
    path("destinations/<slug:name>/", pages.DestinationView.as_view(), name="destination"),
    path(
        "destinations/<slug:name>/test/",
        pages.DestinationTestView.as_view(),
        name="test_destination",
    ),
    path(
        "destinations/<slug:name>/delete/",
        pages.DestinationDeleteView.as_view(),
        name="delete_destination",
    ),
    path(
        "destinations/<slug:name>/reset/",
        pages.DestinationResetView.as_view(),
        name="reset_destination",
    ),
    path(
        "destinations/add/<slug:kind>/",
        pages.DestinationView.as_view(),
        name="add_destination",
    ),
    path("plans/", plan_pages.PlansView.as_view(), name="plans"),
    path("plans/suggested/", plan_buttons.PlanAcceptView.as_view(), name="accept_plan"),
    path("plans/retention/", RetentionPreview.as_view(), name="retention"),
    path("plans/add/", plan_edit.PlanEditView.as_view(), name="add_plan"),
    path("plan/<slug:name>/change/", plan_edit.PlanEditView.as_view(), name="change_plan"),
    path("plan/<slug:name>/", plan_pages.PlanView.as_view(), name="plan"),
    path("plan/<slug:name>/switch/", plan_buttons.PlanSwitchView.as_view(), name="switch_plan"),
    path("plan/<slug:name>/run/", plan_buttons.PlanRunView.as_view(), name="run_plan"),
    path("plan/<slug:name>/delete/", plan_buttons.PlanDeleteView.as_view(), name="delete_plan"),
    path("notifications/", notification_pages.NotificationsView.as_view(), name="notifications"),
    path(
        "notifications/add/<slug:channel>/",
        notification_edit.NotificationEditView.as_view(),
        name="add_notification",
    ),
    path(
        "notification/<slug:name>/",
        notification_pages.NotificationView.as_view(),
        name="notification",
    ),
    path(
        "notification/<slug:name>/change/",
        notification_edit.NotificationEditView.as_view(),
        name="change_notification",
    ),
    path(
        "notification/<slug:name>/test/",
        notification_buttons.NotificationTestView.as_view(),
        name="test_notification",
    ),
    path(
        "notification/<slug:name>/switch/",
        notification_buttons.NotificationSwitchView.as_view(),
        name="switch_notification",
    ),
    path(
        "notification/<slug:name>/delete/",
        notification_buttons.NotificationDeleteView.as_view(),
        name="delete_notification",
    ),
    path("runs/", runs.ActivityView.as_view(), name="activity"),
    path("runs/<uuid:pk>/", runs.RunView.as_view(), name="run"),
    path("runs/<uuid:pk>/progress/", runs.RunProgressView.as_view(), name="progress"),
    path(
        "runs/<uuid:pk>/test/",
        connection_test.TestProgressView.as_view(),
        name="test_progress",
    ),
    path("runs/<uuid:pk>/cancel/", runs.RunCancelView.as_view(), name="cancel"),
]
if find_spec("rest_framework") and find_spec("drf_spectacular"):  # the extra "api"
    from trustbackup.views.tokens import pages as token_pages

    urlpatterns += [
        path("tokens/", token_pages.TokensView.as_view(), name="tokens"),
        path("tokens/add/", token_pages.TokenMakeView.as_view(), name="add_token"),
        path(
            "token/<slug:name>/revoke/", token_pages.TokenRevokeView.as_view(), name="revoke_token"
        ),
        path("api/v1/", include("trustbackup.api.urls")),
    ]
