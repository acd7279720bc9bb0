"""What a kind of destination is: one object, which its package exports as ``KIND``.

The registry, addresses, saved destinations, forms and labels read it, and know no kind by name.
A site adds kinds of its own by ``TRUSTBACKUP["DESTINATION_KINDS"]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any
from urllib.parse import SplitResult

from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from trustbackup import vault
from trustbackup.destinations.base import Capabilities, DestinationBackend, DestinationError
from trustbackup.destinations.guarded import Guarded, translating_surprises
from trustbackup.phrases import gettext as _

FORM = "trustbackup.destinations.form.ConfigurationForm"


@dataclass(frozen=True, kw_only=True)
class DestinationKind:
    """One kind. Making one loads no SDK: what does is named by its dotted path."""

    name: str
    """Of at most 20 letters, digits, - and _; what a saved destination knows it by."""
    label: str | Promise
    """What a page calls it."""
    configuration: type[Any]
    """A frozen dataclass with a property ``address``: the URL without secrets.

    A field named ``allowed_hosts`` gets the site's. ``metadata={"missing": …}`` of a field
    without a default says why it can't be left out.
    """
    backend: type[DestinationBackend] | str
    """The class, or its dotted path; it is made of the configuration."""
    scheme: str
    """What its addresses begin with."""
    from_url: Callable[[SplitResult, Mapping[str, str]], Any]
    """The configuration that a URL and the environment say. Raises DestinationError."""
    secrets: tuple[str, ...] = ()
    """Fields that are sealed at rest and never shown again."""
    private_keys: tuple[str, ...] = ()
    """Those of them whose file others must never be able to read, wherever it is."""
    password_variable: str = ""
    """Where an address that has a password in it is told to put that."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Fields that no address holds → the environment variables that they are taken from."""
    user_in_url: bool = False
    """Whether an address names a user."""
    capabilities: Capabilities = field(default_factory=Capabilities)
    form: type[Any] | str = FORM
    """A ConfigurationForm (form.py), or its path; the plain one asks for every field."""

    def open(self, config: Any) -> DestinationBackend:  # noqa: ANN401 - each kind has its own
        """A destination, which connects when first used. Raises DestinationError, as it does."""
        secrets = [str(getattr(config, name, "")) for name in self.secrets]
        secrets = [secret for secret in secrets if secret]
        with translating_surprises(_("The destination can't be used"), secrets):
            backend = import_string(self.backend) if isinstance(self.backend, str) else self.backend
            return Guarded(backend(config), secrets)

    def to_url(self, config: Any) -> str:  # noqa: ANN401
        """The address, without secrets. Raises DestinationError."""
        with translating_surprises(_("The destination can't be used")):
            return str(config.address)

    def read_url(
        self,
        url: SplitResult,
        environ: Mapping[str, str],
        allowed_hosts: tuple[str, ...] = (),
    ) -> Any:  # noqa: ANN401
        """The configuration that an address says. Raises DestinationError, SecretError."""
        with translating_surprises(_("The destination's address can't be used")):
            return self.with_hosts(self.from_url(url, environ), allowed_hosts)

    def with_hosts(self, config: Any, allowed_hosts: tuple[str, ...]) -> Any:  # noqa: ANN401
        """The same configuration, for these hosts alone, where it has to do with hosts."""
        if any(item.name == "allowed_hosts" for item in fields(self.configuration)):
            return replace(config, allowed_hosts=allowed_hosts)
        return config

    @sensitive_variables()
    def configure(
        self,
        options: Mapping[str, Any],
        secrets: Mapping[str, str],
        *,
        allowed_hosts: tuple[str, ...] = (),
    ) -> Any:  # noqa: ANN401
        """The configuration of a saved destination, or of what a form holds.

        Secrets may be ``env:NAME`` or ``file:/path``. Raises DestinationError, SecretError.
        """
        with translating_surprises(_("The destination can't be used"), secrets.values()):
            return self._configure(options, secrets, allowed_hosts)

    def _configure(
        self,
        options: Mapping[str, Any],
        secrets: Mapping[str, str],
        allowed_hosts: tuple[str, ...],
    ) -> Any:  # noqa: ANN401
        known = {item.name: item for item in fields(self.configuration)}
        values = {name: value for name, value in options.items() if name in known}
        for name in self.secrets:
            if text := secrets.get(name, ""):
                values[name] = vault.resolve(text, private_key=name in self.private_keys)
        for name, item in known.items():
            needed = item.default is MISSING and item.default_factory is MISSING
            if needed and not values.get(name):
                raise DestinationError(
                    _("The destination can't be used"),
                    why=item.metadata.get("missing") or _("its %(field)s is missing", field=name),
                    todo=_("Fill it in, then try again."),
                    permanent=True,
                )
        return self.with_hosts(self.configuration(**values), allowed_hosts)

    def form_class(self) -> Any:  # noqa: ANN401 - a subclass of ConfigurationForm, which knows us
        """The form's class, with a field for each of the configuration's."""
        form = import_string(self.form) if isinstance(self.form, str) else self.form
        return form.for_kind(self)
