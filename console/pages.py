"""Templates, and what every page shows around its own content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from console import highlight, wording
from console.access import VISITOR_COOKIE, context_of, home_of, visitor_of
from responders.drafting import STRATEGIES
from storage import overview

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.responses import Response

    from console.access import Visit

_environment = Environment(
    loader=PackageLoader("console", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals.update(
    word=wording,
    strategies=STRATEGIES,
    excerpt=highlight.excerpt,
    difference=highlight.change,
    review_pieces=highlight.review_pieces,
)


def page(visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - template values
    """Give a page of the desk with its navigation."""
    with visit.context.database.reading() as connection:
        own = visit.person.own_brands(visit.context.brands)
        counts = overview.count(connection, visit.person.brands, own)
    html = _environment.get_template(template).render(
        visit=visit,
        context=visit.context,
        person=visit.person,
        brands={
            slug: brand
            for slug, brand in visit.context.brands.items()
            if slug in visit.person.brands
        },
        now=visit.context.clock(),
        path=visit.request.url.path,
        home=home_of(visit.context, visit.person),
        counts=counts,
        form_token=visit.form_token,
        **values,
    )
    return with_visitor(visit.request, HTMLResponse(html, status_code=status))


def page_part(template: str, **values: Any) -> Response:  # noqa: ANN401 - template values
    """Give a piece of a page, for the script to put in its place."""
    return HTMLResponse(_environment.get_template(template).render(**values))


def plain_page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - template values
    """Give a page for somebody who has not said who they are."""
    html = _environment.get_template(template).render(**values)
    return with_visitor(request, HTMLResponse(html, status_code=status))


def with_visitor(request: Request, response: Response) -> Response:
    """Set the visitor cookie that this request made, if it made one."""
    if getattr(request.state, "new_visitor", ""):
        set_cookie(request, response, VISITOR_COOKIE, visitor_of(request))
    return response


def set_cookie(
    request: Request, response: Response, name: str, value: str, max_age_s: int | None = None
) -> None:
    """Set a cookie no script can read and no other site's form can send."""
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        httponly=True,
        # Lax, because people come here by links in Slack; forms carry a token besides.
        samesite="lax",
        # Behind a proxy the request itself is plain; the address people open is not.
        secure=request.url.scheme == "https"
        or context_of(request).console_url.startswith("https:"),
        path="/",
    )


def see(path: str) -> RedirectResponse:
    """Send the browser to a page of ours after a form."""
    return RedirectResponse(path, status_code=303)


def local_path(given: str, otherwise: str = "/") -> str:
    """Give a path to go to that a browser sent, if it is one of ours (no open redirect)."""
    is_ours = given.startswith("/") and not given.startswith(("//", "/\\"))
    return given if is_ours and given.isprintable() and "\\" not in given else otherwise
