"""The API's addresses, below the pages' own."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import path, re_path

from trustbackup.api import (
    actions,
    backup,
    backups,
    destinations,
    links,
    maintenance,
    plans,
    restore,
    runs,
    site,
    transfer,
)

app_name = "api"
described_urls = [
    path("backups/", backups.BackupsView.as_view(), name="backups"),
    path("backups/<str:identifier>/", backup.BackupView.as_view(), name="backup"),
    path("backups/<str:identifier>/verify/", actions.VerifyView.as_view(), name="verify"),
    path("backups/<str:identifier>/plan/", restore.PlanOfRestoreView.as_view(), name="plan"),
    path("backups/<str:identifier>/restore/", restore.RestoreView.as_view(), name="restore"),
    path("backups/<str:identifier>/files/<str:part>/", backups.PartView.as_view(), name="part"),
    path("backups/<str:identifier>/links/", links.LinksView.as_view(), name="links"),
    path("links/<str:secret>/", links.LinkView.as_view(), name="link"),
    path("bundle/", transfer.BundleView.as_view(), name="bundle"),
    path("upload/", transfer.UploadView.as_view(), name="upload"),
    path("undo/", restore.UndoView.as_view(), name="undo"),
    path("runs/", runs.RunsView.as_view(), name="runs"),
    path("runs/<uuid:pk>/", runs.RunView.as_view(), name="run"),
    path("runs/<uuid:pk>/cancel/", actions.CancelView.as_view(), name="cancel"),
    path("plans/", plans.PlansView.as_view(), name="plans"),
    path("plans/<str:name>/", plans.PlanView.as_view(), name="plan_of_backups"),
    path("destinations/", destinations.DestinationsView.as_view(), name="destinations"),
    path("destinations/<str:name>/", destinations.DestinationView.as_view(), name="destination"),
    path(
        "destinations/<str:name>/test/",
        destinations.TestDestinationView.as_view(),
        name="test_destination",
    ),
    path("sync/", maintenance.SyncView.as_view(), name="sync"),
    path("prune/", maintenance.PruneView.as_view(), name="prune"),
    path("status/", site.StatusView.as_view(), name="status"),
    path("health/", site.HealthView.as_view(), name="health"),
    path("schema/", site.SchemaView.as_view(), name="schema"),
]
urlpatterns = [*described_urls]
if find_spec("drf_spectacular_sidecar"):  # older installations of the extra have none
    from trustbackup.api import docs

    urlpatterns += [
        path("docs/", docs.DocsView.as_view(), name="docs"),
        path("docs/<str:name>", docs.DocsFileView.as_view(), name="docs_file"),
    ]
urlpatterns.append(re_path("", site.NothingView.as_view(), name="nothing"))
