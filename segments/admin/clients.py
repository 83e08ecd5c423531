"""Clients in the admin."""

from django.contrib import admin


class ClientAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name",)
