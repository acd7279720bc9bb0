# mypy: disable-error-code="type-arg"
# Django's own classes take no type arguments at run time.
from __future__ import annotations

from django import forms

from webshop.shop.models import Customer


class CustomerForm(forms.ModelForm):
    """A customer whose password can be set but, being a hash, never shown."""

    new_password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        required=False,
        help_text="Leave it empty to keep the password as it is.",
    )

    class Meta:
        model = Customer
        fields = ["first_name", "last_name", "email", "strasse", "ort", "plz"]

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        if not password and not self.instance.password:
            raise forms.ValidationError("A new customer needs a password.")
        return password

    def save(self, commit: bool = True) -> Customer:
        if self.cleaned_data["new_password"]:
            self.instance.set_password(self.cleaned_data["new_password"])
        customer: Customer = super().save(commit)
        return customer
