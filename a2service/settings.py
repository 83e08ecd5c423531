"""All settings, read from the environment; `.env.example` says what each one means."""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from a2service import __version__, localdb

SHORTEST_KEY = 50
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def flag(name: str) -> bool:
    """A switch, off when it is not set; anything but a clear yes or no is refused."""
    text = os.environ.get(name, "").strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"", "0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}. Set it to on or off.")


def number(name: str, default: int, most: int | None = None) -> int:
    """A whole number, from 0 on."""
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal()):
        raise ImproperlyConfigured(f"{name} is {text!r}. Set it to a whole number.")
    if most is not None and int(text) > most:
        raise ImproperlyConfigured(f"{name} is {text!r}. Set it to a number from 0 to {most}.")
    return int(text)


def choice(name: str, *allowed: str) -> str:
    """One of a few words, the first when it is not set."""
    text = os.environ.get(name, "").strip() or allowed[0]
    if text not in allowed:
        raise ImproperlyConfigured(f"{name} is {text!r}. Set it to one of: {', '.join(allowed)}.")
    return text


def time_zone(name: str, default: str) -> str:
    """The name of a time zone, such as Asia/Seoul."""
    text = os.environ.get(name, "").strip() or default
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):
        raise ImproperlyConfigured(
            f"{name} is {text!r}. Set it to the name of a time zone, such as Asia/Seoul."
        ) from None


def listed(text: str) -> list[str]:
    """The parts of a text between its commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def needed_in_production(name: str) -> str:
    """A setting that has no safe default once A2_PRODUCTION is on."""
    text = os.environ.get(name, "").strip()
    if A2_PRODUCTION and not text:
        raise ImproperlyConfigured(f"A2_PRODUCTION is on, so {name} must be set; .env.example says how.")
    return text


def secret_key() -> str:
    """The SECRET_KEY that is set, else one made once and kept in A2_LOCAL_DIR."""
    if key := needed_in_production("SECRET_KEY"):
        if A2_PRODUCTION and len(key) < SHORTEST_KEY:
            raise ImproperlyConfigured(
                f"SECRET_KEY must have {SHORTEST_KEY} characters or more; .env.example says how."
            )
        return key
    path = A2_LOCAL_DIR / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return path.read_text()


def database() -> dict[str, Any]:
    """The database that DATABASE_URL names, else the local one that `manage.py localdb` keeps."""
    url = needed_in_production("DATABASE_URL") or localdb.LocalDatabase(A2_LOCAL_DIR / "postgres").url
    config: dict[str, Any] = env.db_url_config(url)
    if config.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgres://user:password@host/name.")
    config["HOST"] = unquote(config["HOST"])
    timeouts = {"web": "5s", "worker": "10min", "command": "0"}
    config["CONN_MAX_AGE"] = None
    config["CONN_HEALTH_CHECKS"] = True
    # Compiling a query costs more than it saves here: a count of 100,000 values takes twice as long with it.
    own = (
        f"-c jit=off -c statement_timeout={timeouts[A2_PROCESS]} -c lock_timeout={timeouts[A2_PROCESS]}"
        f" -c idle_in_transaction_session_timeout={'15s' if A2_PROCESS == 'web' else '0'}"
    )
    asked = config.get("OPTIONS", {})
    names = {"connect_timeout": 3, "application_name": f"a2 {A2_PROCESS}"}
    config["OPTIONS"] = {**names, **asked, "options": f"{own} {asked.get('options', '')}".strip()}
    return config


A2_PRODUCTION = flag("A2_PRODUCTION")
A2_STRICT = flag("A2_STRICT")
A2_ADMIN_TIME_ZONE = time_zone("A2_ADMIN_TIME_ZONE", "UTC")
A2_BITMAP_CACHE_MB = number("A2_BITMAP_CACHE_MB", 512)
A2_ID_CACHE_MB = number("A2_ID_CACHE_MB", 512)
A2_THREADS = 4
A2_EXPORTS = number("A2_EXPORTS", 2, most=A2_THREADS - 1)
A2_SEND_TIMEOUT = number("A2_SEND_TIMEOUT", 60, most=24 * 60 * 60)
A2_PROCESS = choice("A2_PROCESS", "command", "web", "worker")
A2_LOCAL_DIR = Path(os.environ.get("A2_LOCAL_DIR") or BASE_DIR / ".local").resolve()
A2_IMPORT_DIR = Path(os.environ.get("A2_IMPORT_DIR") or A2_LOCAL_DIR / "imports").resolve()
A2_IMPORT_MAX_MB = number("A2_IMPORT_MAX_MB", 1024)
A2_VERSION = __version__

DEBUG = flag("DEBUG")
if A2_PRODUCTION and DEBUG:
    raise ImproperlyConfigured("A2_PRODUCTION is on, so DEBUG must be off: it shows settings and data to strangers.")
SECRET_KEY = secret_key()
SECRET_KEY_FALLBACKS = listed(os.environ.get("SECRET_KEY_FALLBACKS", ""))
hosts = needed_in_production("ALLOWED_HOSTS")
ALLOWED_HOSTS = listed(hosts) if hosts else ["localhost", "127.0.0.1", "[::1]"]
DATABASES = {"default": database()}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "rest_framework",
    "django_filters",
    "oauth2_provider",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
    "segments",
]
MIDDLEWARE = [
    "segments.api.middleware.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "segments.admin.language.StaffLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "segments.admin.failing.FailurePages",
]
ROOT_URLCONF = "a2service.urls"
WSGI_APPLICATION = "a2service.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "segments.admin.version",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LANGUAGE_COOKIE_SECURE = A2_PRODUCTION
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
FORMAT_MODULE_PATH = ["segments.formats"]

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

SECURE_SSL_REDIRECT = A2_PRODUCTION
# Only pages for people are redirected: a client that sent its token in the clear must be told, not helped along.
SECURE_REDIRECT_EXEMPT = [r"^(?!admin(/|$))"]
SECURE_HSTS_SECONDS = 31_536_000 if A2_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = A2_PRODUCTION
SECURE_HSTS_PRELOAD = A2_PRODUCTION
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = A2_PRODUCTION
SESSION_COOKIE_NAME = "__Host-sessionid" if A2_PRODUCTION else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if A2_PRODUCTION else "csrftoken"
CSRF_TRUSTED_ORIGINS = listed(os.environ.get("CSRF_TRUSTED_ORIGINS", ""))
CSRF_FAILURE_VIEW = "segments.api.errors.forbidden"
SESSION_COOKIE_AGE = 12 * 60 * 60
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

SCOPES = {
    "segments:read": _("Read segments and sizes"),
    "segments:write": _("Create, change and delete segments"),
    "attributes:read": _("Read attributes and values"),
    "attributes:write": _("Create, change and delete attributes and values"),
    "audiences:read": _("Read audiences, members and look-ups"),
    "audiences:write": _("Create, change and delete audiences; run imports"),
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "segments.Client"
OAUTH2_PROVIDER = {
    "SCOPES": SCOPES,
    "SCOPES_BACKEND_CLASS": "segments.api.scopes.ClientScopes",
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",
    "OAUTH2_VALIDATOR_CLASS": "segments.api.oauth.ClientCredentialsValidator",
    "CLIENT_SECRET_HASHER": "sha256",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 14 * 24 * 3600,
    "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "ALLOW_URI_WILDCARDS": False,
    "OIDC_ENABLED": False,
    "DCR_ENABLED": False,
    "CIMD_ENABLED": False,
    **{
        f"COMPLIANT_BCP_RFC9700_{gate}": True
        for gate in (
            "IMPLICIT_GRANT",
            "PASSWORD_GRANT",
            "PKCE_METHOD",
            "ACCESS_TOKEN_TRANSPORT",
            "AUTHZ_RESPONSE_ISS",
            "TOKEN_STORAGE",
            "REFRESH_TOKEN",
            "REDIRECT_URI_SCHEME",
            "REDIRECT_URI_MATCHING",
            "PKCE_REQUIRED",
        )
    },
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "segments.models.clients.ClientSecretHasher",
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["segments.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["segments.api.permissions.ScopePermission"],
    "DEFAULT_RENDERER_CLASSES": ["segments.api.media.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "segments.api.media.JSONNegotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "segments.api.errors.answer",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "A2 audience service",
    "VERSION": __version__,
    "DESCRIPTION": "Audience segments for ad platforms: owners, attributes, audiences, exact sizes.",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_PATCH": False,
    "POSTPROCESSING_HOOKS": ["segments.api.schema.add_components"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
