"""What staff in each role may open and do: a line for every page that the admin's URL conf has, and every action."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, reverse

from segments.models import Change, Import, ImportReject
from segments.tests.conftest import Caller

ROLES = ["Viewer", "Segment editor", "Catalogue manager", "Administrator"]
# Who may: - neither, r open it, w open it and send it; in the order of ROLES.
PAGES = """
auth_group_add                             ---w
auth_group_change                          ---w
auth_group_changelist                      ---r
auth_group_delete                          ---w
auth_group_history                         ---r
auth_user_add                              ---w
auth_user_change                           ---w
auth_user_changelist                       ---r
auth_user_delete                           ---w
auth_user_history                          ---r
auth_user_password_change                  ---w
autocomplete                               rrrr
oauth2_provider_accesstoken_add            ----
oauth2_provider_accesstoken_change         ---r
oauth2_provider_accesstoken_changelist     ---r
oauth2_provider_accesstoken_delete         ----
oauth2_provider_accesstoken_history        ---r
segments_audience_add                      --ww
segments_audience_change                   rrww
segments_audience_changelist               rrrr
segments_audience_delete                   --ww
segments_audience_history                  rrrr
segments_audienceattribute_add             --ww
segments_audienceattribute_change          rrww
segments_audienceattribute_changelist      rrrr
segments_audienceattribute_delete          ----
segments_audienceattribute_history         rrrr
segments_audienceattribute_merge           --ww
segments_audienceattribute_rename          --ww
segments_audienceattribute_retire          --ww
segments_audienceattribute_rewriting       rrrr
segments_audienceattributevalue_add        --ww
segments_audienceattributevalue_change     rrww
segments_audienceattributevalue_changelist rrrr
segments_audienceattributevalue_delete     ----
segments_audienceattributevalue_history    rrrr
segments_audiencesegment_add               -www
segments_audiencesegment_change            rwww
segments_audiencesegment_changelist        rrrr
segments_audiencesegment_codes             -rrr
segments_audiencesegment_composition       rrrr
segments_audiencesegment_csv               rrrr
segments_audiencesegment_delete            -www
segments_audiencesegment_estimate          -www
segments_audiencesegment_export            rrrr
segments_audiencesegment_history           rrrr
segments_audiencesegment_members           rrrr
segments_audiencesegment_overlap           rrrr
segments_audiencesegment_overview          rrrr
segments_audiencesegment_restore           -www
segments_audiencesegment_values            -rrr
segments_change_add                        ----
segments_change_change                     rrrr
segments_change_changelist                 rrrr
segments_change_delete                     ----
segments_change_history                    rrrr
segments_client_add                        ---w
segments_client_change                     ---w
segments_client_changelist                 ---r
segments_client_delete                     ---w
segments_client_history                    ---r
segments_client_off                        ---w
segments_client_revoke                     ---w
segments_client_secret                     ---w
segments_import_add                        -www
segments_import_apply                      --ww
segments_import_change                     rrrr
segments_import_changelist                 rrrr
segments_import_delete                     ----
segments_import_discard                    --ww
segments_import_history                    rrrr
segments_import_progress                   rrrr
segments_import_rejects                    rrrr
segments_import_resume                     --ww
segments_import_stop                       --ww
segments_importreject_add                  ----
segments_importreject_change               rrrr
segments_importreject_changelist           rrrr
segments_importreject_delete               ----
segments_importreject_history              rrrr
segments_owner_add                         --ww
segments_owner_change                      rrww
segments_owner_changelist                  rrrr
segments_owner_delete                      --ww
segments_owner_history                     rrrr
segments_segmentsize_add                   ----
segments_segmentsize_change                rrrr
segments_segmentsize_changelist            rrrr
segments_segmentsize_delete                ----
segments_segmentsize_history               rrrr
"""
FOR_ALL_STAFF = {"app_list", "index", "jsi18n", "login", "logout", "password_change", "password_change_done"}
LEADS_NOWHERE = {"view_on_site"}  # no row has an address outside the admin
QUERY = {"autocomplete": "?app_label=segments&model_name=audiencesegment&field_name=owner"}
MORE = {"segments_audiencesegment_export": ["csv"], "segments_import_rejects": ["report"]}
ACTIONS = """
auth_group.delete_selected                ---w
auth_user.delete_selected                 ---w
oauth2_provider_accesstoken.revoke_tokens ---w
segments_audience.delete_selected         --ww
segments_audiencesegment.delete_selected  -www
segments_audiencesegment.duplicate        -www
segments_audiencesegment.export_definitions wwww
segments_audiencesegment.recompute        -www
segments_client.delete_selected           ---w
segments_owner.delete_selected            --ww
"""
MODELS = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}


def table(text: str) -> dict[str, str]:
    return dict(line.split() for line in text.strip().splitlines())


def pages(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """The admin's own pages, by name."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns)
        elif pattern.name and pattern.name not in FOR_ALL_STAFF | LEADS_NOWHERE:
            yield pattern


OURS = {pattern.name: pattern for pattern in pages(admin.site.get_urls())}


def address(name: str) -> str:
    """The page, with a row of its model where it is about one."""
    model = next((model for prefix, model in MODELS.items() if name.startswith(f"{prefix}_")), None)
    wanted = list(OURS[name].pattern.converters)
    row = model._default_manager.order_by("pk").first() if model and wanted else None
    more = MORE.get(name, [])
    assert len(wanted) < 2 + len(more), f"{name}: say here what the page is to be opened with"
    assert row is not None or not wanted, f"{name}: there is no row to open"
    return reverse(f"admin:{name}", args=[row.pk, *more] if row else []) + QUERY.get(name, "")


def letter(browser: Browser, name: str) -> str:
    opened, sent = (getattr(browser, method)(address(name)).status_code for method in ("get", "post"))
    assert {opened, sent} <= {200, 302, 400, 403, 405}, (name, opened, sent)
    if sent not in {403, 405} and not re.search("_(changelist|history)$", name):
        return "w"
    return "r" if opened == 200 else "-"


@pytest.fixture
def log_in(
    people: Caller, draft: Callable[..., dict[str, Any]], settings: Any, tmp_path: Path
) -> Callable[[str], Browser]:
    """A browser of somebody in this role; there is a row of everything."""
    settings.A2_IMPORT_DIR = tmp_path
    assert people.post("/audiences/segments", draft(properties={"gender": ["F"]})).status_code == 200
    done = Import.objects.create(kind="audiences", file="a.csv", lines=1, rejected=1, upload="a.csv")
    (tmp_path / f"a.{done.pk}.rejects.report.csv").touch()
    ImportReject.objects.create(of_import=done, line=2, code="ragged", reason="Too few cells.")
    User.objects.create_user("aaron")

    def logged_in(role: str) -> Browser:
        somebody = User.objects.create_user(role, is_staff=True)
        somebody.groups.add(Group.objects.get(name=role))
        browser = Browser(raise_request_exception=False)
        browser.force_login(somebody)
        return browser

    return logged_in


def test_every_page_has_its_line() -> None:
    assert set(OURS) == set(table(PAGES)), "Say in PAGES who may open and send the page."


@pytest.mark.parametrize("role", ROLES)
def test_it_opens_to_a_role_what_the_table_says(log_in: Callable[[str], Browser], role: str) -> None:
    browser = log_in(role)
    may = {name: letters[ROLES.index(role)] for name, letters in table(PAGES).items()}

    assert {name: letter(browser, name) for name in may} == may


@pytest.mark.parametrize("role", ROLES)
def test_it_offers_a_role_the_actions_that_the_table_says(log_in: Callable[[str], Browser], role: str) -> None:
    log_in(role)
    request = RequestFactory().get("/")
    request.user = User.objects.get(username=role)
    offered = {f"{prefix}.{name}" for prefix, model in MODELS.items() for name in actions(model, request)}

    assert offered == {name for name, letters in table(ACTIONS).items() if letters[ROLES.index(role)] == "w"}


def actions(model: Any, request: Any) -> list[str]:
    pages = admin.site._registry[model]
    return list(pages.get_actions(request)) if pages.has_view_permission(request) else []


@pytest.mark.parametrize("role", ROLES)
def test_its_first_page_shows_a_role_no_more_than_it_may_open(log_in: Callable[[str], Browser], role: str) -> None:
    browser = log_in(role)
    page = browser.get("/admin/").content.decode()
    links = set(re.findall(r'href="(/admin/[^"#]+)"', page)) - {"/admin/password_change/"}

    assert len(links) > 5
    assert {link: browser.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_each_role_may_do_what_the_ones_before_it_may() -> None:
    for letters in [*table(PAGES).values(), *table(ACTIONS).values()]:
        ranks = ["-rw".index(letter) for letter in letters]
        assert ranks == sorted(ranks)


def test_roles_name_permissions_that_there_are(db: None) -> None:
    granted = Permission.objects.filter(group__name__in=ROLES)

    assert {each.codename for each in granted} <= {f"{action}_{model._meta.model_name}" for model in MODELS.values() for action in ("view", "add", "change", "delete")}  # fmt: skip
    assert not Permission.objects.filter(group__name="Viewer").exclude(codename__startswith="view_").exists()


def test_an_administrator_makes_a_member_of_staff_in_a_role(log_in: Callable[[str], Browser]) -> None:
    browser = log_in("Administrator")
    role = Group.objects.get(name="Segment editor")
    page = browser.get(reverse("admin:auth_user_add")).content.decode()
    assert re.search(r'name="is_staff"[^>]* checked', page)

    password = "correct horse battery staple"
    form = {"username": "mina", "usable_password": "true", "password1": password, "password2": password}
    browser.post(reverse("admin:auth_user_add"), {**form, "is_staff": "on", "groups": [role.pk]})

    mina = Browser()
    assert mina.login(username="mina", password=password)
    assert mina.get(reverse("admin:segments_audiencesegment_add")).status_code == 200
    change = Change.objects.get(kind="staff")
    assert (change.actor, change.label, change.after) == (
        "staff Administrator",
        "mina",
        {"username": "mina", "is_staff": True, "groups": ["Segment editor"]},
    )


def test_it_writes_down_who_changed_a_role_and_a_password(staff: Browser) -> None:
    viewer, editor = Group.objects.get(name="Viewer"), Group.objects.get(name="Segment editor")
    mina = User.objects.create_user("mina", is_staff=True)
    mina.groups.add(viewer)
    dates = {"last_login_0": "", "last_login_1": ""}
    staff.post(
        reverse("admin:auth_user_change", args=[mina.pk]),
        {"username": "mina", "is_active": "on", "is_staff": "on", "groups": [editor.pk], **dates},
    )
    password = "correct horse battery staple"
    staff.post(
        reverse("admin:auth_user_password_change", args=[mina.pk]),
        {"usable_password": "true", "password1": password, "password2": password, "set-password": "1"},
    )
    staff.post(reverse("admin:auth_user_delete", args=[mina.pk]), {"post": "yes"})

    deleted, reset, changed = Change.objects.filter(kind="staff")
    assert (changed.before, changed.after) == ({"groups": ["Viewer"]}, {"groups": ["Segment editor"]})
    assert (reset.after, password in str(reset.after)) == ({"password": "changed"}, False)
    assert (deleted.action, deleted.actor) == ("deleted", "staff sora")


def test_an_administrator_makes_no_superuser_and_changes_none(log_in: Callable[[str], Browser]) -> None:
    sora = User.objects.create_superuser("sora")
    browser = log_in("Administrator")
    somebody = User.objects.get(username="aaron")
    form = {"username": "aaron", "is_active": "on", "is_superuser": "on"}

    assert browser.post(reverse("admin:auth_user_change", args=[somebody.pk]), form).status_code == 302
    assert browser.post(reverse("admin:auth_user_change", args=[sora.pk]), form).status_code == 403
    assert browser.post(reverse("admin:auth_user_password_change", args=[sora.pk]), {}).status_code == 403
    assert browser.post(reverse("admin:auth_user_delete", args=[sora.pk]), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [sora.pk], "post": "yes"}
    browser.post(reverse("admin:auth_user_changelist"), chosen)
    assert list(User.objects.filter(is_superuser=True)) == [sora]
