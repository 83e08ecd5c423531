"""What staff wait for: pages of the admin on many audiences and segments, by gunicorn as it is configured."""

import http.client
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from statistics import median

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.db.models import Count

from bench import people
from bench.report import Report
from bench.serving import SEGMENTS, let_there_be, server
from segments.models import AudienceAttribute, AudienceSegment, Owner
from segments.recounting import recount_all

JOB = "Pages of the admin, {:,} segments"
AIM = "≤ 300 ms"
ROUNDS, UNKNOWN = 9, 500
LIST = "/admin/segments/audiencesegment/"
FILE = f"{LIST}csv/"


def measure(report: Report, size: int, folder: Path) -> None:
    count = SEGMENTS[-1]
    let_there_be(count - UNKNOWN)
    misspell()
    recount_all()
    cookie, job = cookie_of_the_bench(), JOB.format(count)
    with server() as (port, _master):
        first = 1000 * get(port, LIST, cookie)
        report.add(job, "the list, first request of a server that has just begun", first, "ms")
        for name, path in pages().items():
            took = [1000 * get(port, path, cookie) for _ in range(ROUNDS)]
            report.add(job, name, median(took), "ms", aim=AIM)
            report.add(job, f"slowest of {ROUNDS}: {name}", max(took), "ms")
        whole = median(1000 * get(port, FILE, cookie) for _ in range(ROUNDS))
        report.add(job, "list as CSV, to its end, which is sent as it is made", whole, "ms")


def misspell() -> None:
    """Segments with a value that nobody has, for the list of those with a warning."""
    owner = Owner.objects.installation()
    AudienceSegment.objects.bulk_create(
        AudienceSegment(
            owner=owner,
            name=f"Misspelt {number}",
            management_type="systemmanaged",
            properties={"region": ["region-1", "regoin-2"]},
        )
        for number in range(UNKNOWN)
    )


def pages() -> Mapping[str, str]:
    """What is asked for, by what it is to people."""
    segment = AudienceSegment.objects.first()
    most = AudienceAttribute.objects.get(code="region")
    value = most.values.annotate(count=Count("aliases")).order_by("value")[0]
    attribute, audience = f"/admin/segments/audienceattribute/{most.pk}", people.audience_id(1)
    assert segment is not None
    return {
        "home": "/admin/",
        "list of segments": LIST,
        "its last page": f"{LIST}?p=200",
        "by size": f"{LIST}?o=5",
        "by owner": f"{LIST}?o=3",
        "of one owner": f"{LIST}?owner__id__exact={Owner.INSTALLATION_ID}",
        "with any warning": f"{LIST}?attention=warned",
        "that fell by a third": f"{LIST}?attention=fallen",
        "that reach nobody": f"{LIST}?attention=nobody",
        "not used for 90 days": f"{LIST}?use=none",
        "with facets": f"{LIST}?_facets=True",
        "a search": f"{LIST}?q=Segment+77",
        "list of audiences": "/admin/segments/audience/",
        "an audience": f"/admin/segments/audience/{audience}/change/",
        "list of attributes": "/admin/segments/audienceattribute/",
        "an attribute": f"{attribute}/change/",
        "preview of retiring one of thousands of segments": f"{attribute}/retire/",
        "list of values": "/admin/segments/audienceattributevalue/",
        "a value": f"/admin/segments/audienceattributevalue/{value.pk}/change/",
        "a segment": f"{LIST}{segment.pk}/",
        "its form": f"{LIST}{segment.pk}/change/",
        "list of changes": "/admin/segments/change/",
        "list of imports": "/admin/segments/import/",
    }


def cookie_of_the_bench() -> str:
    """The session of an administrator, as a browser sends it."""
    user, _made = User.objects.get_or_create(username="bench", defaults={"is_staff": True, "is_superuser": True})
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def get(port: int, path: str, cookie: str) -> float:
    """How many seconds the whole answer takes, which has to be a page."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    line.request("GET", path, headers={"Host": "localhost", "Cookie": cookie})
    answer = line.getresponse()
    answer.read()
    took = time.perf_counter() - began
    if answer.status != http.HTTPStatus.OK:
        raise ConnectionError(f"{path}: {answer.status}")
    line.close()
    return took
