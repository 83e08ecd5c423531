"""`python -m segments.tests.pictures`: docs/images/, the admin's main pages in light and dark; `make pictures`.

They show the demo account with a past: sizes of 90 days, an edit that went wrong and was put right. What is never the
same twice (moments, ids, ports) is written over before a picture is taken.
"""

import os
import random
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import sync_playwright

from a2service.localdb import LocalDatabase

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
PASSWORD = "a-password-of-20-letters"
SIZE = {"width": 1280, "height": 800}
SEGMENT = "/admin/segments/audiencesegment/"
DAYS = 90
WITHOUT_SIDEBAR = "localStorage.setItem('django.admin.navSidebarIsOpen', 'false')"
STEADY = """() => {
  const written = [[/\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d(:\\d\\d)?/g, "2026-11-27 09:00:00"], [/\\d{4}-\\d\\d-\\d\\d/g, "2026-11-27"],
    [/[0-9a-f]{8}-[0-9a-f-]{27}/g, "0a2b4c6d-0000-4000-8000-0123456789ab"], [/127\\.0\\.0\\.1:\\d+/g, "localhost:8000"]];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) for (const [old, now] of written) texts.currentNode.data = texts.currentNode.data.replace(old, now);
  for (const time of document.querySelectorAll("time")) time.textContent = "2 minutes ago";
  document.querySelectorAll(".a2-moments").forEach(row => ["09-12", "10-12", "11-12"].forEach(
    (text, place) => row.children[place] && (row.children[place].textContent = text)));
}"""


def story() -> None:
    """The demo account, and what became of it in 90 days."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from segments import definitions
    from segments.definitions import Draft
    from segments.demo import account
    from segments.models import AudienceSegment, AudienceTotal, SegmentSize
    from segments.models.changes import Actor
    from segments.recounting import recount_all

    account.make(Actor(command="run"))
    now, dice = timezone.now(), random.Random("pictures")
    for days in range(DAYS, 0, -1):
        at = now - timedelta(days=days)
        AudienceTotal.objects.create(day=at.date(), at=at, total=10_000 - 31 * days + dice.randrange(60))
    for segment in AudienceSegment.objects.exclude(computed_size=None):
        size = segment.computed_size or 0
        shrank = 1.9 if segment.no == 2 else 1.0
        SegmentSize.objects.bulk_create(
            SegmentSize(
                segment=segment,
                size=round(size * shrank * (1 - days / 300) * dice.uniform(0.97, 1.03)),
                revision=1,
                as_of=now - timedelta(days=days),
            )
            for days in range(DAYS, 0, -1)
        )
    first = AudienceSegment.objects.get(no=1)
    sora = User.objects.create_superuser("sora", "sora@example.com", PASSWORD)
    minjun = User.objects.create_user("minjun", is_staff=True)
    wider = {**first.properties, "age_band": ["25-34", "35-44", "45-54", "55-64"]}
    definitions.update(first.pk, Draft({"properties": wider, "name": "Women of the capital area"}), Actor(staff=minjun))
    definitions.update(first.pk, Draft({"properties": first.properties, "name": first.name}), Actor(staff=sora))
    recount_all()


def pages(segment: str) -> dict[str, str]:
    return {
        "home": "/admin/",
        "segments": SEGMENT,
        "segment": segment,
        "builder": f"{segment}change/",
        "composition": f"{segment}composition/",
        "overlap": f"{segment}overlap/",
        "history": f"{segment}history/",
        "audience": "/admin/segments/audience/acct-000003/change/?segment=1",
    }


def take(address: str, chromium: Any) -> None:
    """Every page, first in light and then in dark."""
    for scheme in ("light", "dark"):
        tab = chromium.new_context(viewport=SIZE, color_scheme=scheme).new_page()
        tab.add_init_script(WITHOUT_SIDEBAR)
        tab.goto(f"{address}/admin/")
        tab.fill("#id_username", "sora")
        tab.fill("#id_password", PASSWORD)
        tab.click("input[type=submit]")
        tab.goto(f"{address}{SEGMENT}")
        segment = tab.get_attribute("#result_list tbody th a >> nth=0", "href")
        for name, path in pages(segment).items():
            tab.goto(f"{address}{path}")
            if name == "builder":
                tab.wait_for_selector(".a2-headline strong")
                tab.evaluate("scrollTo(0, 400)")
            tab.evaluate(STEADY)
            tab.screenshot(path=IMAGES / f"{name}-{scheme}.png", animations="disabled")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="a2-pictures-"))
    database = LocalDatabase(folder / "postgres", durable=False)
    database.start()
    try:
        os.environ.update(DATABASE_URL=database.url, DJANGO_SETTINGS_MODULE="a2service.settings", A2_PROCESS="command")
        django.setup()
        # Only now can what they import be imported.
        from django.core.management import call_command

        from segments.tests.browser import CHROMIUM
        from segments.tests.server import Server

        call_command("migrate", verbosity=0)
        story()
        IMAGES.mkdir(exist_ok=True)
        server = Server(database.url, folder)
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu", "--no-sandbox"])
                take(f"http://127.0.0.1:{server.port}", browser)
        finally:
            server.stop()
    finally:
        database.reset()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
