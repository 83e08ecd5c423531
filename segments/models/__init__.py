"""What PostgreSQL keeps."""

from segments.models.attributes import AudienceAttribute, AudienceAttributeValue
from segments.models.audiences import Audience, AudienceHead
from segments.models.changes import Change
from segments.models.clients import Client
from segments.models.imports import Import, ImportRange, ImportReject
from segments.models.index import AudienceBitmap, AudienceDelta, IdBlock, IdEdition, IndexedValue
from segments.models.owners import Owner
from segments.models.recounts import Recount
from segments.models.segments import AudienceSegment, SegmentSize
from segments.models.tallies import Tally
from segments.models.totals import AudienceTotal

__all__ = [
    "Audience",
    "AudienceAttribute",
    "AudienceAttributeValue",
    "AudienceBitmap",
    "AudienceDelta",
    "AudienceHead",
    "AudienceSegment",
    "AudienceTotal",
    "Change",
    "Client",
    "IdBlock",
    "IdEdition",
    "Import",
    "ImportRange",
    "ImportReject",
    "IndexedValue",
    "Owner",
    "Recount",
    "SegmentSize",
    "Tally",
]
