"""What stands against a change of the catalogue; the docstring of each is the message."""

from collections.abc import Sequence

from segments.exceptions import Conflict


class CodeTaken(Conflict):
    """Taken already: %(codes)s. A code is unique in the installation. Choose another one."""

    code = "code_taken"

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__(codes=", ".join(f"'{code}'" for code in codes[:5]))


class AttributeInUse(Conflict):
    """The attribute '%(code)s' is in use by segments: %(segments)d, audiences: %(audiences)d. Deprecate it instead."""

    code = "attribute_in_use"


class ValueExists(Conflict):
    """The attribute '%(code)s' has the value %(value)s already. Leave it, or add another."""

    code = "value_exists"


class ValueInUse(Conflict):
    """The value %(value)s of '%(code)s' is in use by segments: %(segments)d, audiences: %(audiences)d. Keep it."""

    code = "value_in_use"


class ChangedMeanwhile(Conflict):
    """Segments that this touches were changed meanwhile; nothing was done. Look at the preview, and confirm again."""

    code = "changed_meanwhile"


class ValueRenamed(Conflict):
    """The text %(value)s of '%(code)s' is read as %(now)s, since that was renamed or merged. Name that one."""

    code = "value_renamed"


class RenameTaken(Conflict):
    """The attribute '%(code)s' has the value %(value)s already. Merge the two instead, or choose another text."""

    code = "value_exists"
