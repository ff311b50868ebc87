"""The page of a charter as Markdown for a terminal, and as one self-contained HTML file for print."""

from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from services.charters.page import Page

_BLANK = "_" * 24


def as_markdown(page: Page) -> str:
    """The page as Markdown, which reads well as plain text too."""
    return "\n".join(_lines(page)) + "\n"


def as_html(page: Page) -> str:
    """The page as HTML without scripts or anything from elsewhere."""
    return _template().render(page=page)


def _lines(page: Page) -> Iterator[str]:
    yield f"# {page.title}"
    yield from ("", page.summary)
    for section in page.sections:
        yield from ("", f"## {section.title}")
        for paragraph in section.paragraphs:
            yield from ("", paragraph)
        if section.items:
            yield ""
        for item in section.items:
            yield f"- **{item.name}**: {item.text}"
            yield from (f"  - {detail}" for detail in item.details)
    yield from ("", "## Signed", "")
    for signature in page.signatures:
        yield f"- {signature.side}: {signature.by or _BLANK}, on {signature.on or _BLANK}, signature {_BLANK}"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("services.charters"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("charter.html")
