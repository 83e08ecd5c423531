"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a2service.settings")
os.environ.setdefault("A2_PROCESS", "web")
application = get_wsgi_application()
