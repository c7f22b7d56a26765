"""The application, put together."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from asgi_cross_origin_protection import CrossOriginProtection
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware

from detector import access, config
from detector.console import acting, api, guard, pages, people_pages, refusals, signing_in
from detector.console.desk import Desk
from detector.console.headers import SafeHeaders
from detector.console.models import remembering
from detector.runs import Doors

_PARTS = (signing_in, pages, acting, people_pages, api)
LOCAL = ("localhost", "127.0.0.1", "[::1]")


def create_app(
    doors: Doors, settings: config.Settings, clock: Callable[[], dt.datetime], *, hosts: Sequence[str] = LOCAL
) -> FastAPI:
    """The application over the doors of a home; `hosts` are the names under which browsers may reach it.

    Raises:
        RuntimeError: a route has no place in `access.ROUTES`, or the other way round.
    """
    desk = Desk(replace(doors, registry=remembering(doors.registry)), settings, clock)

    @asynccontextmanager
    async def warmed(_: FastAPI) -> AsyncIterator[None]:
        # MLflow takes seconds to import: while somebody signs in rather than when the first case is opened.
        warming = asyncio.create_task(run_in_threadpool(desk.doors.registry))
        yield
        await asyncio.wait([warming])

    app = FastAPI(
        title="detector console",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(guard.admit)],
        lifespan=warmed,
        redirect_slashes=False,
        max_body_size=65_536,  # bytes; forms here are short
    )
    app.state.desk = desk
    for part in _PARTS:
        app.include_router(part.router)
    refusals.install(app)
    app.add_middleware(refusals.Unforeseen)
    app.add_middleware(CrossOriginProtection)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(SafeHeaders)
    routes = [route for part in _PARTS for route in part.router.routes if isinstance(route, APIRoute)]
    placed = {(method, route.path) for route in routes for method in route.methods or ()}
    if placed != set(access.ROUTES):
        raise RuntimeError(f"routes without a right, or rights without a route: {placed ^ set(access.ROUTES)}")
    return app
