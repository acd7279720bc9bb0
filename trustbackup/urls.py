"""The pages: ``path("settings/backups/", include("trustbackup.urls"))`` puts them there."""

from __future__ import annotations

from django.urls import path

from trustbackup.views import acting, backup, destinations, detail, restore, runs, upload

app_name = "trustbackup"
urlpatterns = [
    path("", backup.BackupManageView.as_view(), name="manage"),
    path("download/<str:filename>/", backup.BackupFileDownloadView.as_view(), name="download"),
    path(
        "bundle/<str:archive_format>/",
        backup.BackupFilesDownloadMultipleView.as_view(),
        name="bundle",
    ),
    path("upload/", upload.UploadView.as_view(), name="upload"),
    path("delete/", backup.BackupFilesDeleteMultipleView.as_view(), name="delete"),
    path("act/<str:action>/", acting.BackupFilesActView.as_view(), name="act"),
    path("backup/<str:identifier>/", detail.BackupDetailView.as_view(), name="detail"),
    path("backup/<str:identifier>/restore/", restore.RestoreView.as_view(), name="restore"),
    path("undo/", restore.UndoView.as_view(), name="undo"),
    path("destinations/", destinations.DestinationsView.as_view(), name="destinations"),
    path("destinations/<slug:name>/", destinations.DestinationView.as_view(), name="destination"),
    path(
        "destinations/<slug:name>/test/",
        destinations.DestinationTestView.as_view(),
        name="test_destination",
    ),
    path(
        "destinations/<slug:name>/delete/",
        destinations.DestinationDeleteView.as_view(),
        name="delete_destination",
    ),
    path(
        "destinations/<slug:name>/reset/",
        destinations.DestinationResetView.as_view(),
        name="reset_destination",
    ),
    path(
        "destinations/add/<slug:kind>/",
        destinations.DestinationView.as_view(),
        name="add_destination",
    ),
    path("runs/", runs.ActivityView.as_view(), name="activity"),
    path("runs/<uuid:pk>/", runs.RunView.as_view(), name="run"),
    path("runs/<uuid:pk>/progress/", runs.RunProgressView.as_view(), name="progress"),
    path("runs/<uuid:pk>/cancel/", runs.RunCancelView.as_view(), name="cancel"),
]
