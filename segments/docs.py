"""The documentation: what is in docs/, and the pages made of its Markdown; read once per process."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import pairwise
from urllib.parse import urljoin

from django.conf import settings
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

PLACE = "/docs/"
KINDS = {
    "tutorial": ("Tutorial", "A first time, step by step."),
    "how-to": ("How-to", "For a task at hand."),
    "reference": ("Reference", "To look things up."),
    "explanation": ("Explanation", "Why it is as it is."),
}
MEDIA_TYPES = {
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".png": "image/png",
}
LIGHT, DARK = "-light.png", "-dark.png"
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
FIRST_SENTENCE = re.compile(r"(?<=\.)\s")
LINK_TO_MARKDOWN = re.compile(rf"^({PLACE}[^?#]+)\.md(?=#|$)")


@dataclass(frozen=True)
class Page:
    """A page in HTML; `summary` is its first sentence, `sections` has the titles inside it by their anchors."""

    address: str
    title: str
    summary: str
    sections: Mapping[str, str]
    html: str

    @property
    def kind(self) -> str:
        """The folder it is in."""
        return self.address.removeprefix(PLACE).split("/")[0]


@dataclass(frozen=True)
class Chapter:
    """One kind of documentation and its pages, in the order of their files' names."""

    title: str
    about: str
    pages: Sequence[Page]


@cache
def files() -> dict[str, bytes]:
    """The files by address, Markdown among them; nothing that is not in this list is served."""
    folder = settings.BASE_DIR / "docs"
    found = sorted(path for path in folder.rglob("*") if path.suffix in MEDIA_TYPES)
    return {PLACE + path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@cache
def pages() -> dict[str, Page]:
    """The pages by address, which is that of their Markdown without `.md`."""
    made = [read(source, text.decode()) for source, text in files().items() if source.endswith(".md")]
    return {page.address: page for page in made}


@cache
def chapters() -> list[Chapter]:
    return [
        Chapter(title, about, [page for page in pages().values() if page.kind == kind])
        for kind, (title, about) in KINDS.items()
    ]


def read(source: str, text: str) -> Page:
    """The page made of the Markdown at this address: it has a title, and a paragraph that says what it is about."""
    tokens = MARKDOWN.parse(text)
    opened = [(token, inline) for token, inline in pairwise(tokens) if inline.type == "inline"]
    title = next(words(inline) for token, inline in opened if token.tag == "h1")
    about = next(words(inline) for token, inline in opened if token.tag == "p")
    sections = {anchor(inline): words(inline) for token, inline in opened if token.tag == "h2"}
    lead_on(source, tokens)
    align(tokens)
    for heading, inline in opened:
        if heading.tag in {"h2", "h3"}:
            mark(heading, inline)
    html = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return Page(source.removesuffix(".md"), title, FIRST_SENTENCE.split(about)[0], sections, html)


def words(inline: Token) -> str:
    """Its text without marks."""
    return "".join(" " if child.type == "softbreak" else child.content for child in inline.children or ())


def anchor(inline: Token) -> str:
    """What GitHub makes of a heading, so that links into a page work there and here."""
    return re.sub(r"[^\w\- ]", "", words(inline).lower()).replace(" ", "-")


def lead_on(source: str, tokens: Sequence[Token]) -> None:
    """Make links between files links between pages, and find the pictures."""
    for child in (child for token in tokens for child in token.children or ()):
        if child.type == "link_open":
            target = urljoin(source, str(child.attrs["href"]))
            child.attrs["href"] = LINK_TO_MARKDOWN.sub(r"\1", target)
        if child.type == "image":
            child.attrs["src"] = urljoin(source, str(child.attrs["src"]))


def picture(self: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    """An image; one that was taken in light is shown as it was taken in dark to who reads in the dark."""
    shown, source = self.image(tokens, place, options, env), str(tokens[place].attrs["src"])
    if not source.endswith(LIGHT):
        return shown
    dark = escape(source.removesuffix(LIGHT) + DARK)
    return f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">{shown}</picture>'


def align(tokens: Sequence[Token]) -> None:
    """Give cells that stand to the right a class: the policy of pages allows no style in them."""
    for cell in tokens:
        if cell.attrs.pop("style", "") == "text-align:right":
            cell.attrs["class"] = "right"


def mark(heading: Token, inline: Token) -> None:
    """Give a heading its anchor, and a link to itself that can be copied."""
    name = anchor(inline)
    heading.attrs["id"] = name
    link = Token("link_open", "a", 1, attrs={"href": f"#{name}", "class": "anchor", "aria-label": "Link to this part"})
    inline.children = [*(inline.children or ()), link, Token("text", "", 0, content="#"), Token("link_close", "a", -1)]


MARKDOWN.add_render_rule("image", picture)
