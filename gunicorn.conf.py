"""How gunicorn serves the service; it reads this file by itself where it starts: `gunicorn`."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from a2service.address import Address

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a2service.settings")
os.environ.setdefault("A2_PROCESS", "web")
try:
    # Read here, before there are workers: each of them would show a traceback of its own.
    settings.INSTALLED_APPS  # noqa: B018
    bind = str(Address.from_environment())
except ImproperlyConfigured as error:
    sys.exit(str(error))

wsgi_app = "a2service.wsgi"
worker_class = "a2service.worker.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = settings.A2_THREADS
timeout = 30
graceful_timeout = 10
keepalive = 5
control_socket_disable = True
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or "127.0.0.1,::1"
