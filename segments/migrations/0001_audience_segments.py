"""Everything that PostgreSQL keeps in release 0.1.0."""

import datetime
import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
import oauth2_provider.generators
import oauth2_provider.models
from django.conf import settings
from django.db import migrations, models

import segments.models.columns


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE segment_no AS bigint", "DROP SEQUENCE segment_no"),
        migrations.RunSQL("CREATE SEQUENCE attribute_no AS bigint", "DROP SEQUENCE attribute_no"),
        migrations.CreateModel(
            name="Owner",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False, verbose_name="id")),
                ("name", models.CharField(max_length=1000, verbose_name="name")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="first seen"),
                ),
            ],
            options={
                "verbose_name": "owner",
                "verbose_name_plural": "owners",
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="Audience",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_collation="C", max_length=128, primary_key=True, serialize=False, verbose_name="id"
                    ),
                ),
                ("number", models.BigIntegerField(editable=False, unique=True, verbose_name="number")),
                ("id_type", models.TextField(blank=True, default="account_id", null=True, verbose_name="id type")),
                (
                    "alt_id",
                    models.JSONField(
                        blank=True, decoder=segments.models.columns.ExactDecoder, null=True, verbose_name="other ids"
                    ),
                ),
                ("properties", models.JSONField(blank=True, default=dict, verbose_name="properties")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="changed"),
                ),
            ],
            options={
                "verbose_name": "audience",
                "verbose_name_plural": "audiences",
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 0), ("number__lt", 4294967296)),
                        name="audience_number_has_32_bits",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.Func("properties", function="jsonb_typeof", output_field=models.TextField()),
                            models.Value("object"),
                        ),
                        name="audience_properties_are_an_object",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "created_at__lte",
                                datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC),
                            ),
                            ("created_at__gte", datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                        ),
                        name="audience_created_at_is_a_date",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "updated_at__lte",
                                datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC),
                            ),
                            ("updated_at__gte", datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                        ),
                        name="audience_updated_at_is_a_date",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AudienceHead",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(default=0)),
                ("next_number", models.BigIntegerField(default=0)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="there_is_one_head")],
            },
        ),
        migrations.CreateModel(
            name="Client",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "client_id",
                    models.CharField(
                        db_index=True,
                        default=oauth2_provider.generators.generate_client_id,
                        max_length=255,
                        unique=True,
                        verbose_name="client ID",
                    ),
                ),
                (
                    "redirect_uris",
                    models.TextField(
                        blank=True, help_text="Allowed URIs list, space separated", verbose_name="redirect URIs"
                    ),
                ),
                (
                    "post_logout_redirect_uris",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Allowed Post Logout URIs list, space separated",
                        verbose_name="post logout redirect URIs",
                    ),
                ),
                (
                    "client_type",
                    models.CharField(
                        choices=[("confidential", "Confidential"), ("public", "Public")],
                        max_length=32,
                        verbose_name="client type",
                    ),
                ),
                (
                    "authorization_grant_type",
                    models.CharField(
                        choices=[
                            ("authorization-code", "Authorization code"),
                            ("urn:ietf:params:oauth:grant-type:device_code", "Device Code"),
                            ("implicit", "Implicit"),
                            ("password", "Resource owner password-based"),
                            ("client-credentials", "Client credentials"),
                            ("openid-hybrid", "OpenID connect hybrid"),
                        ],
                        max_length=44,
                        verbose_name="authorization grant type",
                    ),
                ),
                (
                    "client_secret",
                    oauth2_provider.models.ClientSecretField(
                        blank=True,
                        db_index=True,
                        default=oauth2_provider.generators.generate_client_secret,
                        help_text="Client secret for authentication",
                        max_length=255,
                        verbose_name="client secret",
                    ),
                ),
                ("hash_client_secret", models.BooleanField(default=True, verbose_name="hash client secret")),
                ("skip_authorization", models.BooleanField(default=False, verbose_name="skip authorization")),
                ("created", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated", models.DateTimeField(auto_now=True, verbose_name="updated")),
                (
                    "algorithm",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "No OIDC support"),
                            ("RS256", "RSA with SHA-2 256"),
                            ("HS256", "HMAC with SHA-2 256"),
                        ],
                        default="",
                        max_length=5,
                        verbose_name="algorithm",
                    ),
                ),
                (
                    "allowed_origins",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Allowed origins list to enable CORS, space separated",
                        verbose_name="allowed origins",
                    ),
                ),
                (
                    "registration_source",
                    models.CharField(
                        choices=[
                            ("manual", "Manual"),
                            ("dcr", "Dynamic Client Registration"),
                            ("cimd", "Client ID Metadata Document"),
                        ],
                        default="manual",
                        help_text="How this application was registered (manual, DCR per RFC 7591, or CIMD)",
                        max_length=32,
                        verbose_name="registration source",
                    ),
                ),
                (
                    "cimd_expires_at",
                    models.DateTimeField(
                        blank=True,
                        default=None,
                        help_text="When the cached Client ID Metadata Document should be re-fetched",
                        null=True,
                        verbose_name="CIMD expires at",
                    ),
                ),
                ("name", models.CharField(max_length=255, verbose_name="name")),
                (
                    "all_owners",
                    models.BooleanField(
                        default=False,
                        help_text="Acts for all owners, and may use the audiences: scopes.",
                        verbose_name="platform client",
                    ),
                ),
                (
                    "allowed_scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), default=list, size=None, verbose_name="scopes"
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Off: its tokens are refused on the next request.",
                        verbose_name="active",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(app_label)s_%(class)s",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "owners",
                    models.ManyToManyField(
                        blank=True, related_name="clients", to="segments.owner", verbose_name="owners"
                    ),
                ),
            ],
            options={
                "verbose_name": "client",
                "verbose_name_plural": "clients",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="AudienceSegment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name="id"
                    ),
                ),
                (
                    "no",
                    models.BigIntegerField(
                        db_default=segments.models.columns.NextNumber("segment_no"),
                        editable=False,
                        unique=True,
                        verbose_name="no",
                    ),
                ),
                (
                    "management_type",
                    models.CharField(
                        choices=[("selfmanaged", "self-managed"), ("systemmanaged", "system-managed")],
                        max_length=13,
                        verbose_name="management type",
                    ),
                ),
                ("name", models.CharField(max_length=1000, verbose_name="name")),
                (
                    "properties",
                    models.JSONField(
                        blank=True,
                        decoder=segments.models.columns.ExactDecoder,
                        default=dict,
                        verbose_name="properties",
                    ),
                ),
                (
                    "exclusions",
                    models.JSONField(
                        blank=True,
                        decoder=segments.models.columns.ExactDecoder,
                        default=dict,
                        verbose_name="exclusions",
                    ),
                ),
                (
                    "deprecated_properties",
                    models.JSONField(
                        blank=True,
                        decoder=segments.models.columns.ExactDecoder,
                        default=dict,
                        verbose_name="deprecated properties",
                    ),
                ),
                ("description", models.TextField(blank=True, null=True, verbose_name="description")),
                ("declared_size", models.BigIntegerField(blank=True, null=True, verbose_name="declared size")),
                ("computed_size", models.BigIntegerField(editable=False, null=True, verbose_name="computed size")),
                (
                    "size_revision",
                    models.BigIntegerField(editable=False, null=True, verbose_name="size counted at revision"),
                ),
                ("size_as_of", models.DateTimeField(editable=False, null=True, verbose_name="size as of")),
                ("revision", models.BigIntegerField(default=1, editable=False, verbose_name="revision")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="changed"),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="segments",
                        to="segments.owner",
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "segment",
                "verbose_name_plural": "segments",
                "ordering": ["no"],
            },
        ),
        migrations.CreateModel(
            name="AudienceAttribute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name="id"
                    ),
                ),
                (
                    "no",
                    models.BigIntegerField(
                        db_default=segments.models.columns.NextNumber("attribute_no"),
                        editable=False,
                        unique=True,
                        verbose_name="no",
                    ),
                ),
                ("code", models.CharField(db_collation="C", max_length=32, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=1000, verbose_name="name")),
                (
                    "visibility",
                    models.CharField(
                        choices=[("public", "public"), ("private", "private")],
                        default="public",
                        max_length=7,
                        verbose_name="visibility",
                    ),
                ),
                (
                    "deprecated",
                    models.BooleanField(
                        default=False,
                        help_text="Barred from new clauses; those that exist go on matching.",
                        verbose_name="deprecated",
                    ),
                ),
                ("description", models.TextField(blank=True, null=True, verbose_name="description")),
                (
                    "learned",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="Registered on sight, when an audience brought it.",
                        verbose_name="learned",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="changed"),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attributes",
                        to="segments.owner",
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "attribute",
                "verbose_name_plural": "attributes",
                "ordering": ["no"],
            },
        ),
        migrations.CreateModel(
            name="SegmentSize",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("size", models.BigIntegerField(verbose_name="size")),
                ("revision", models.BigIntegerField(verbose_name="revision")),
                ("as_of", models.DateTimeField(verbose_name="as of")),
                (
                    "segment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sizes",
                        to="segments.audiencesegment",
                        verbose_name="segment",
                    ),
                ),
            ],
            options={
                "verbose_name": "segment size",
                "verbose_name_plural": "segment sizes",
                "ordering": ["-as_of", "-id"],
            },
        ),
        migrations.CreateModel(
            name="AudienceAttributeValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.CharField(db_collation="C", max_length=1000, verbose_name="value")),
                ("name", models.CharField(blank=True, max_length=1000, verbose_name="label")),
                (
                    "attribute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="values",
                        to="segments.audienceattribute",
                        verbose_name="attribute",
                    ),
                ),
            ],
            options={
                "verbose_name": "value",
                "verbose_name_plural": "values",
                "ordering": ["attribute", "value"],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("attribute"),
                        django.db.models.functions.text.MD5("value"),
                        name="values_are_unique_in_their_attribute",
                        violation_error_message="The attribute has this value already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name="at")),
                (
                    "action",
                    models.CharField(
                        choices=[("created", "created"), ("changed", "changed"), ("deleted", "deleted")],
                        max_length=7,
                        verbose_name="action",
                    ),
                ),
                ("kind", models.CharField(max_length=32, verbose_name="kind")),
                ("object_id", models.CharField(max_length=64, verbose_name="object id")),
                ("label", models.TextField(verbose_name="label")),
                (
                    "before",
                    models.JSONField(decoder=segments.models.columns.ExactDecoder, default=dict, verbose_name="before"),
                ),
                (
                    "after",
                    models.JSONField(decoder=segments.models.columns.ExactDecoder, default=dict, verbose_name="after"),
                ),
                ("actor", models.CharField(max_length=300, verbose_name="by")),
                (
                    "staff",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="staff",
                    ),
                ),
                (
                    "client",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="changes",
                        to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
                        verbose_name="client",
                    ),
                ),
            ],
            options={
                "verbose_name": "change",
                "verbose_name_plural": "changes",
                "ordering": ["-at", "-id"],
                "indexes": [models.Index(fields=["kind", "object_id"], name="changes_of_an_object")],
            },
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=models.UniqueConstraint(fields=("name",), name="client_names_are_unique"),
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("all_owners", True),
                    models.Q(("allowed_scopes__overlap", ["audiences:read", "audiences:write"]), _negated=True),
                    _connector="OR",
                ),
                name="audiences_are_for_platform_clients",
            ),
        ),
        migrations.AddIndex(
            model_name="audiencesegment",
            index=django.contrib.postgres.indexes.GinIndex(fields=["properties"], name="segments_by_attribute"),
        ),
        migrations.AddIndex(
            model_name="audiencesegment",
            index=django.contrib.postgres.indexes.GinIndex(fields=["exclusions"], name="segments_by_exclusion"),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=models.Q(("management_type__in", ["selfmanaged", "systemmanaged"])),
                name="segment_management_type_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=models.Q(("declared_size__gte", 0)), name="declared_size_is_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=models.Q(("computed_size__gte", 0)), name="computed_size_is_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("computed_size", None), ("size_as_of", None), ("size_revision", None)),
                    models.Q(
                        ("computed_size__isnull", False),
                        ("size_as_of__isnull", False),
                        ("size_revision__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="a_computed_size_says_when_and_of_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("properties", function="jsonb_typeof", output_field=models.TextField()),
                    models.Value("object"),
                ),
                name="segment_properties_are_an_object",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("exclusions", function="jsonb_typeof", output_field=models.TextField()),
                    models.Value("object"),
                ),
                name="segment_exclusions_are_an_object",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("deprecated_properties", function="jsonb_typeof", output_field=models.TextField()),
                    models.Value("object"),
                ),
                name="segment_deprecated_properties_are_an_object",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("created_at__lte", datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)),
                    ("created_at__gte", datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                name="segment_created_at_is_a_date",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesegment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("updated_at__lte", datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)),
                    ("updated_at__gte", datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                name="segment_updated_at_is_a_date",
            ),
        ),
        migrations.AddConstraint(
            model_name="audienceattribute",
            constraint=models.CheckConstraint(
                condition=models.Q(("visibility__in", ["public", "private"])),
                name="attribute_visibility_is_public_or_private",
            ),
        ),
        migrations.AddConstraint(
            model_name="audienceattribute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("created_at__lte", datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)),
                    ("created_at__gte", datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                name="attribute_created_at_is_a_date",
            ),
        ),
        migrations.AddConstraint(
            model_name="audienceattribute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("updated_at__lte", datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)),
                    ("updated_at__gte", datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                name="attribute_updated_at_is_a_date",
            ),
        ),
        migrations.AddIndex(
            model_name="segmentsize",
            index=models.Index(fields=["segment", "-as_of"], name="sizes_of_a_segment"),
        ),
        migrations.AddConstraint(
            model_name="segmentsize",
            constraint=models.CheckConstraint(condition=models.Q(("size__gte", 0)), name="a_size_is_not_negative"),
        ),
    ]
