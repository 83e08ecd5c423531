"""The four roles of staff, as groups; each may do what the ones before it may. Groups of these names are left alone."""

from django.db import migrations

LOOKED_AT = ("owner", "audienceattribute", "audienceattributevalue", "audience", "audiencesegment", "segmentsize",
             "change", "import", "importreject")  # fmt: skip
ROLES = (
    ("Viewer", [("segments", model, ["view"]) for model in LOOKED_AT]),
    ("Segment editor", [("segments", "audiencesegment", ["add", "change", "delete"])]),
    (
        "Catalogue manager",
        [
            *(
                ("segments", model, ["add", "change", "delete"])
                for model in ("owner", "audienceattribute", "audienceattributevalue", "audience")
            ),
            ("segments", "import", ["add"]),
        ],
    ),
    (
        "Administrator",
        [
            ("segments", "client", ["view", "add", "change", "delete"]),
            ("oauth2_provider", "accesstoken", ["view", "delete"]),
            ("auth", "user", ["view", "add", "change", "delete"]),
            ("auth", "group", ["view", "add", "change", "delete"]),
        ],
    ),
)


def make(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    granted = []
    for name, more in ROLES:
        granted += [permission(apps, *place, action) for *place, actions in more for action in actions]
        role, is_new = Group.objects.get_or_create(name=name)
        if is_new:
            role.permissions.set(granted)


def permission(apps, app, model, action):
    """The permission; Django makes them after all migrations, which is too late here, and keeps those there are."""
    kind, _made = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app, model=model)
    verbose = apps.get_model(app, model)._meta.verbose_name
    return apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=f"{action}_{model}", defaults={"name": f"Can {action} {verbose}"[:255]}
    )[0]


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0004_bitmaps"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("oauth2_provider", "__first__"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
