"""/docs and /llms.txt: the documentation, for people and for programs that read."""

from functools import cache
from hashlib import sha256
from pathlib import PurePath

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.utils.http import parse_etags

from segments.api.errors import not_found
from segments.api.media import weight_of, weights_of
from segments.api.views.service import readable
from segments.docs import MEDIA_TYPES, Page, chapters, files, pages

HTML, TEXT, MARKDOWN = "text/html; charset=utf-8", "text/plain; charset=utf-8", MEDIA_TYPES[".md"]


@readable
def index(request: HttpRequest) -> HttpResponse:
    """What there is to read, in the four kinds of documentation."""
    if wants_markdown(request):
        return answer(request, listed(request), MARKDOWN)
    return answer(request, contents(), HTML)


@readable
def page(request: HttpRequest, name: str) -> HttpResponse:
    """A page, its Markdown, or a file that stands beside the pages."""
    address = f"/docs/{name}".removesuffix("/")
    if wants_markdown(request) and address in pages():
        address += ".md"
    if address in files():
        return answer(request, files()[address], MEDIA_TYPES[PurePath(address).suffix])
    if address in pages():
        return answer(request, rendered(address), HTML)
    return not_found(request)


@readable
def llms(request: HttpRequest) -> HttpResponse:
    """The pages' Markdown, listed by the convention of llms.txt."""
    return answer(request, listed(request), TEXT)


def wants_markdown(request: HttpRequest) -> bool:
    """Whether Accept names Markdown, and wants it no less than HTML; browsers do not name it."""
    weights = weights_of(request.headers.get("Accept", "*/*"))
    named = weights.get("text/markdown", 0)
    return named > 0 and named >= weight_of("text/html", weights)


def answer(request: HttpRequest, body: bytes, media_type: str) -> HttpResponse:
    """The document, or 304 for who has it."""
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Content-Language": "en", "Vary": "Accept"}
    known = {tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))}
    if known & {etag, "*"}:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(body, content_type=media_type, headers=headers)


@cache
def contents() -> bytes:
    return filled("docs/index.html")


@cache
def rendered(address: str) -> bytes:
    return filled("docs/page.html", pages()[address])


def filled(template: str, shown: Page | None = None) -> bytes:
    """A template about the documentation; nothing in it depends on who asks."""
    context = {"chapters": chapters(), "page": shown, "version": settings.A2_VERSION}
    return render_to_string(template, context).encode()


def listed(request: HttpRequest) -> bytes:
    """The index in Markdown; its links are whole, with the host that the request names."""
    home = request.build_absolute_uri("/").rstrip("/")
    text = (
        "# A2 audience service\n\n"
        "> It owns the audience segments of an ad platform and says exactly, at once, how many people each reaches.\n\n"
        f"Version {settings.A2_VERSION}. The API for generators of client code: {home}/openapi.json\n"
    )
    for chapter in chapters():
        text += f"\n## {chapter.title}\n\n"
        text += "".join(f"- [{each.title}]({home}{each.address}.md): {each.summary}\n" for each in chapter.pages)
    return text.encode()
