"""Every refusal is a page with its sentence, or the sentence as JSON; of what is unforeseen nothing is told."""

import logging
import traceback

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detector.console.desk import NoSuchCaseError
from detector.console.guard import SignInNeededError
from detector.console.rendering import page
from detector.errors import BusyError, DeniedError, DetectorError, InputError, NoChampionError, SettingsError

_STATUS: dict[type[DetectorError], int] = {
    SettingsError: 422,
    InputError: 404,
    NoSuchCaseError: 404,
    NoChampionError: 409,
    DeniedError: 403,
    BusyError: 503,
}
_LOG = logging.getLogger("detector.console")


def install(app: FastAPI) -> None:
    """Have an application answer so."""
    app.add_exception_handler(SignInNeededError, _sign_in)
    app.add_exception_handler(DetectorError, _refused)
    app.add_exception_handler(RequestValidationError, _unfit)
    app.add_exception_handler(HTTPException, _http)


def _answer(request: Request, status: int, sentence: str) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": sentence}, status)
    return page(request, "refusal.html", status=status, sentence=sentence)


def _sign_in(request: Request, _: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": "expected somebody who has signed in, found nobody; sign in first"}, 401)
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"hx-redirect": "/sign-in"})
    return RedirectResponse("/sign-in", 303)


def _refused(request: Request, error: Exception) -> Response:
    status = _STATUS.get(type(error), 500)  # type: ignore[arg-type]
    if type(error) is InputError and request.method == "POST":
        status = 409  # what was asked for is there, and not as it was
    return _answer(request, status, str(error))


def _unfit(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Where it is wrong, not what was typed: that may be an id.
    where = ", ".join(sorted({str(one["loc"][-1]) for one in error.errors()}))
    return _answer(request, 422, f"expected something else in {where}; go back and mend it")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = {404: "there is no such page", 405: "this page takes no such request"}.get(error.status_code)
    return _answer(request, error.status_code, sentence or str(error.detail))


class Unforeseen:
    """Answers where nothing else does, and tells the log what went wrong by its kind and place alone: what an exception
    says, and what stands in the frames of its traceback, may be ids."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            _LOG.error("unexpected %s in %s:%s", type(error).__name__, where.filename, where.lineno)
            if not started:
                said = f"unexpected {type(error).__name__}; nothing was changed, please report it"
                await _answer(Request(scope), 500, said)(scope, receive, send)
