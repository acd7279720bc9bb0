"""The destinations: listed, set up, tested, reset and removed."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View

from trustbackup.destinations.kind import DestinationKind
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination, Run
from trustbackup.operations.offsite.connection_test import options_to_try
from trustbackup.operations.offsite.targets import address_of, kinds
from trustbackup.views import notices
from trustbackup.views.base import DESTINATION, VIEW, Page, takes_secrets
from trustbackup.views.destinations.connection_test import ACTION, result_of, start_test
from trustbackup.views.destinations.draft import FormDraft
from trustbackup.views.destinations.forms import DestinationForm, form_class
from trustbackup.views.destinations.saving import save, stored_secrets
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit


class DestinationsView(Page, TemplateView):
    """All of them: where they are, how they are, and what lies there."""

    template_name = "settings/backups/destinations.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        rows = list(Destination.objects.with_usage())
        return super().get_context_data(
            **kwargs,
            destinations=[(row, address_of(row)) for row in rows],
            kinds=list(kinds()),
            title=_("Destinations"),
        )


@takes_secrets
class DestinationView(Page, View):
    """The form of one, new (``kind``) or saved (``name``); tested before it is saved."""

    permission_required = (VIEW, DESTINATION)
    row: Destination | None = None
    kind: DestinationKind

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().setup(request, *args, **kwargs)
        self.lost = ""
        """Why the stored secrets can't be read, if so."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self._find(**kwargs)
        run = request.GET.get("test", "")
        if (shown := self.draft.tested_by(run)) is not None:
            test = Run.objects.filter(pk=run, action=ACTION).first()
            return self.page(self._form(initial=shown), test=test, number=self.draft.number)
        self.draft.drop()
        return self.page(self._form())

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self._find(**kwargs)
        data = request.POST.copy()
        of_kind = self.kind.form_class()
        if of_kind.confirmable and (pinned := data.get("pin")):
            data[of_kind.confirmable] = pinned
        for button in of_kind.buttons:
            if button in data:
                return self._make_secrets(data, of_kind.secrets_made(button))
        form = self._form(data)
        if not form.is_valid():
            return self.page(form, status=422)
        if "test_connection" in data:
            number = self.draft.hold(form.secrets)
            asked = options_to_try(self.kind.name, form.options, form.secrets)
            return self._test(form, asked, self._shown(data), number)
        row, new = save(form, keep_lost=bool(self.lost)), self.row is None
        if row is None:
            return self.page(form, status=422)
        self.draft.drop()
        audit(request, "add destination" if new else "change destination", row.name)
        notices.success(request, _("Destination %(name)s was saved.") % {"name": row.name})
        return redirect("trustbackup:destinations")

    def page(
        self,
        form: DestinationForm,
        test: Run | None = None,
        number: str = "",
        status: int = 200,
    ) -> HttpResponse:
        title = _("New destination")
        if self.row is not None:
            title = _("Destination %(name)s") % {"name": self.row.name}
        use, public_line = form.public_line()
        context = self.get_context_data(
            form=form,
            kind=self.kind.name,
            destination=self.row,
            test=test,
            result=result_of(test),
            draft=number or self.request.POST.get("draft", ""),
            public_line=public_line,
            public_line_use=use,
            lost=self.lost,
            title=title,
        )
        return render(self.request, "settings/backups/destination.html", context, status=status)

    def _find(self, kind: str = "", name: str = "") -> None:
        if name:
            self.row = find(name)
            kind = self.row.kind
        if kind not in (known := kinds()):
            raise Http404(_("There is no such kind of destination."))
        self.kind = known[kind]
        self.draft = FormDraft(self.request, self.row.name if self.row else f"/{kind}")

    def _name(self, form: DestinationForm) -> str:
        return self.row.name if self.row else str(form.cleaned_data["name"])

    def _form(
        self, data: QueryDict | None = None, initial: dict[str, Any] | None = None
    ) -> DestinationForm:
        stored: dict[str, str] = {}
        if self.row is not None:
            stored, self.lost = stored_secrets(self.row)
        number = self.request.POST.get("draft", "") or ("" if data else self.draft.number)
        known = self.draft.secrets(number) or stored
        return form_class(self.kind)(
            data, row=self.row, known=known, stored=stored, initial=initial or {}
        )

    def _make_secrets(self, data: QueryDict, made: dict[str, str]) -> HttpResponse:
        """Secrets that a button made are sealed at once; they are used once the form is saved."""
        hidden = self.kind.secrets
        typed = {name: str(data[name]) for name in hidden if data.get(name)}
        held = {**self._form().known, **typed, **made}
        form = form_class(self.kind)(row=self.row, known=held, initial=self._shown(data))
        return self.page(form, number=self.draft.hold(held))

    def _test(
        self, form: DestinationForm, asked: dict[str, Any], shown: dict[str, Any], number: str = ""
    ) -> HttpResponse:
        """The form again, with how its test went, or where it is."""
        try:
            test = start_test(self.request, asked, self._name(form))
        except TrustbackupError as error:
            notices.error(self.request, translate(error))
            return self.page(form, number=number, status=409)
        self.draft.hold_test(str(test.pk), shown)
        return self.page(form, test=test, number=number)

    def _shown(self, data: QueryDict) -> dict[str, Any]:
        """What was typed, without what nobody but the server may see again."""
        left_out = {*self.kind.secrets, "csrfmiddlewaretoken", "draft", "pin", "test_connection"}
        shown: dict[str, Any] = {name: data[name] for name in data if name not in left_out}
        shown["automatic"] = "automatic" in data
        return shown


class DestinationTestView(DestinationView):
    """Test one as it is saved."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        row = find(kwargs["name"])
        self._find(name=row.name)
        return self._test(self._form(), {"destination": row.name}, {})


class DestinationDeleteView(Page, View):
    """Forget one; what lies there stays there."""

    permission_required = (VIEW, DESTINATION)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        row = find(name)
        row.delete()
        audit(request, "delete destination", name)
        text = _("Destination %(name)s was removed; the copies there stay where they are.")
        notices.success(request, text % {"name": name})
        return redirect("trustbackup:destinations")


class DestinationResetView(Page, View):
    """Back to a destination that nobody has set up: nothing is copied there any more."""

    permission_required = (VIEW, DESTINATION)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        reset(request, find(name))
        return redirect("trustbackup:destination", name=name)


def find(name: str) -> Destination:
    """Raises Http404."""
    row = Destination.objects.filter(name=name).first()
    if row is None:
        raise Http404(_("There is no such destination any more."))
    return row


def reset(request: HttpRequest, row: Destination) -> None:
    row.reset()
    audit(request, "reset destination", row.name)
    text = _("The settings of %(name)s were removed: nothing is copied there any more.")
    notices.success(request, text % {"name": row.name})
