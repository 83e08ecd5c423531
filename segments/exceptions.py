"""What can go wrong, one class per failure; its docstring is the message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


def gettext_noop(message: str) -> str:
    """Mark a literal for translation and return it; the core speaks no language of its own."""
    return message


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, or worth a warning, and where.

    `message` is the English msgid; the admin translates it, the API answers `detail`.
    """

    pointer: str
    code: str
    message: str
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """The message in English, filled in."""
        return self.message % self.params if self.params else self.message

    def under(self, pointer: str) -> "Fault":
        """The same fault in a larger document, where its object stands at `pointer`."""
        return replace(self, pointer=pointer + self.pointer) if pointer else self


def step(pointer: str, key: object) -> str:
    """The JSON pointer one step further down (RFC 6901); half surrogates are shown as question marks."""
    text = str(key).replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{text.encode('utf-8', 'replace').decode()}"


class SegmentsError(Exception):
    """Something went wrong."""

    status = 500
    code = "error"
    title = "Error"
    headers: Mapping[str, str] = {}
    params: Mapping[str, object] = {}
    """What the message, which is the docstring, is filled in with."""

    def __init__(self, detail: str = "", faults: Sequence[Fault] = ()) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.faults = list(faults)
        super().__init__(self.detail)


class UnreadableJSON(SegmentsError):
    """This cannot be read as JSON; `fault` says why, for those who translate it."""

    status = 400
    code = "json_invalid"
    title = "Unreadable request"

    def __init__(self, message: str, **params: object) -> None:
        self.fault = Fault("", self.code, message, params)
        super().__init__(self.fault.detail)


class Invalid(SegmentsError):
    """The request is invalid."""

    status = 422
    code = "invalid"
    title = "Invalid request"

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = len(faults)
        super().__init__("1 thing is invalid." if count == 1 else f"{count} things are invalid.", faults)


class Forbidden(SegmentsError):
    """This client may not do that."""

    status = 403
    title = "Forbidden"


class Missing(SegmentsError):
    """There is nothing here under that id."""

    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(SegmentsError):
    """That stands against something which is already here."""

    status = 409
    title = "Conflict"

    def __init__(self, **params: object) -> None:
        self.params = params
        super().__init__((type(self).__doc__ or "") % params)


class BodyTooLarge(SegmentsError):
    """The body is too large."""

    status = 413
    code = "body_too_large"
    title = "Content too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body has more than {limit:,} bytes, the most that is read here. Send less at a time.")


class UnsupportedMediaType(SegmentsError):
    """The body must be application/json. Say so in Content-Type."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class UnsupportedEncoding(SegmentsError):
    """The body is compressed. Send it as plain application/json."""

    status = 415
    code = "unsupported_encoding"
    title = "Unsupported media type"


class UnsupportedFile(UnsupportedMediaType):
    """The body must be text/csv, text/tab-separated-values or application/x-ndjson. Say so in Content-Type."""


class UnsupportedPacking(UnsupportedEncoding):
    """The body is compressed in an unknown way. Send it plain, or with Content-Encoding: gzip."""


class NotKept(SegmentsError):
    """The file cannot be kept here: %(problem)s. Nothing of it is left; send it again when there is room."""

    status = 507
    code = "storage_failed"
    title = "Insufficient storage"

    def __init__(self, problem: str) -> None:
        self.params = {"problem": problem}
        super().__init__((type(self).__doc__ or "") % self.params)


class ChunksNeeded(SegmentsError):
    """HTTP/1.0 has no chunks, which tell a whole file from one cut short. Use HTTP/1.1, or page the members as JSON."""

    status = 505
    code = "http_version"
    title = "HTTP version not supported"


class ExportsBusy(SegmentsError):
    """This process sends as many files as it may at once. Try again after Retry-After, or page the members as JSON."""

    status = 503
    code = "exports_busy"
    title = "Service unavailable"
    headers = {"Retry-After": "5"}


class SegmentMissing(Missing):
    """There is no segment with this id."""


class AttributeMissing(Missing):
    """There is no attribute with this id."""


class ValueMissing(Missing):
    """The attribute has no such value."""


class ImportMissing(Missing):
    """There is no import with this id."""


class ReportMissing(Missing):
    """There is no report on this import's lines here: none was rejected, or it is where the command ran, or gone."""


class AudienceMissing(Missing):
    """There is no audience with this id."""


def bearer_challenge(**parameters: str) -> dict[str, str]:
    """The header by which a refusal says what kind of token is missing or wrong (RFC 6750, 3)."""
    listed = "".join(f', {name}="{value}"' for name, value in parameters.items())
    return {"WWW-Authenticate": f'Bearer realm="a2"{listed}'}


class NotAuthenticated(SegmentsError):
    """No access token came with the request. Get one from POST /o/token/; send it as `Authorization: Bearer <it>`."""

    status = 401
    code = "not_authenticated"
    title = "Not authenticated"
    headers = bearer_challenge()


class InvalidToken(SegmentsError):
    """The access token is unknown or revoked, or its client is switched off. Get a new one from POST /o/token/."""

    status = 401
    code = "invalid_token"
    title = "Invalid token"
    headers = bearer_challenge(error="invalid_token", error_description="The access token is not valid.")


class ExpiredToken(InvalidToken):
    """The access token has expired. Get a new one from POST /o/token/."""

    headers = bearer_challenge(error="invalid_token", error_description="The access token has expired.")


class BadAuthorization(SegmentsError):
    """The Authorization header cannot be read. Send it once, as `Bearer <token>`, with a token from POST /o/token/."""

    status = 400
    code = "invalid_request"
    title = "Unreadable request"
    headers = bearer_challenge(error="invalid_request", error_description="Send one token, as Bearer, in the header.")


class TokenSentTwice(BadAuthorization):
    """The request brought access_token in its query beside the Authorization header. Send the header alone."""


class InsufficientScope(SegmentsError):
    """This needs the scope %(scopes)s. Ask POST /o/token/ for it; the client must be registered for it."""

    status = 403
    code = "insufficient_scope"
    title = "Forbidden"

    def __init__(self, scopes: Sequence[str]) -> None:
        self.headers = bearer_challenge(error="insufficient_scope", scope=" ".join(scopes))
        super().__init__((type(self).__doc__ or "") % {"scopes": " ".join(scopes)})


class PlatformClientsOnly(InsufficientScope):
    """This needs the scope %(scopes)s, which only platform clients have: audiences carry every owner's attributes."""


class OwnerForbidden(Forbidden):
    """The client does not act for the owner that the request names."""

    code = "owner_forbidden"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults=faults)


class AttributeOfAnother(Forbidden):
    """The attribute belongs to another owner. This client may use it in clauses, and not change it."""

    code = "owner_forbidden"


class AudienceExists(Conflict):
    """The audience %(id)s exists already. Change it with PATCH /audiences."""

    code = "audience_exists"

    def __init__(self, audience_id: str) -> None:
        super().__init__(id=f"'{audience_id}'")


class NumbersExhausted(SegmentsError):
    """All 4,294,967,296 numbers that audiences can have are given out. Load the audiences into a new database."""

    code = "numbers_exhausted"
    title = "No room for new audiences"


class TooManyCodes(SegmentsError):
    """With those they have, these audiences would have more than 100 attributes: %(ids)s. Give them fewer."""

    status = 422
    code = "too_many_codes"
    title = "Invalid request"

    def __init__(self, audience_ids: Sequence[str]) -> None:
        super().__init__((type(self).__doc__ or "") % {"ids": ", ".join(f"'{one}'" for one in audience_ids[:5])})


class ImportRefused(SegmentsError):
    """The import was refused, and nothing of it was applied; `fault` says why, for those who translate it."""

    code = "import_refused"
    title = "Import refused"

    def __init__(self, message: str, **params: object) -> None:
        self.fault = Fault("", self.code, message, params)
        super().__init__(self.fault.detail)
