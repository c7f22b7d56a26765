"""Pages from templates. Whatever is shown is escaped, and what can not be printed never reaches the page."""

import functools
from typing import Any

import jinja2
from fastapi import Request
from starlette.responses import HTMLResponse, Response

from detector.console import words
from detector.terminal import printable


def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
    """A page for whoever makes the request."""
    person = getattr(request.state, "person", None)
    text = _environment().get_template(template).render(me=person, path=request.url.path, **shown)
    return HTMLResponse(text, status)


def _safe(value: Any) -> Any:
    """A title is a stranger's text: control characters, escapes and hidden marks are replaced; new lines stay."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return "\n".join(printable(line) for line in value.replace("\r\n", "\n").split("\n"))
    return "" if value is None else value


@functools.cache  # templates never change while the program runs
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("detector.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(words, name)
        for name in (
            "age",
            "moment",
            "day",
            "span",
            "number",
            "measure",
            "capital",
            "share",
            "tail",
            "standing",
            "done",
            "short",
            "counted",
        )
    }
    environment.globals |= {"describe": words.describe}
    return environment
