"""The WSGI application that gunicorn serves."""

import os
import re
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a2service.settings")
os.environ.setdefault("A2_PROCESS", "web")
CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)
django = get_wsgi_application()


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
    """All is UTF-8, whatever the charset of a request says; Django would decode by it, and fail on `hex`."""
    if "CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = CHARSET.sub("", environ["CONTENT_TYPE"])
    return django(environ, start_response)
