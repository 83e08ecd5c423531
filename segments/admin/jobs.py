"""Background jobs have no pages: what staff need to know of them stands where it matters, with sizes and imports."""

from django.contrib import admin
from procrastinate.contrib.django.models import ProcrastinateJob

admin.site.unregister(ProcrastinateJob)
