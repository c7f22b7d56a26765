"""An identity provider says who somebody is: OpenID Connect, authorization code with PKCE, through authlib.

It vouches for a name and no more: roles are kept here.
"""

from pathlib import Path
from typing import Any

from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from detector.console import guard
from detector.console.desk import Desk
from detector.errors import DeniedError, InputError


async def ask(request: Request, desk: Desk) -> tuple[Response, dict[str, Any]]:
    """The way to the provider, and what has to be remembered until its answer comes.

    Raises:
        HTTPException: no provider is set.
        InputError: it can not be reached, or its secret can not be read.
    """
    session = request.scope["session"] = {}
    back = str(guard.base_url(request, desk).replace(path="/oidc/back"))
    try:
        answer: Response = await _provider(desk).authorize_redirect(request, back)
    except Exception as error:  # whatever is wrong outside; what it says is not repeated
        raise InputError(
            f"expected an identity provider at {desk.settings.console.oidc.issuer}, found {type(error).__name__}; "
            "try again later, or check issuer under [console.oidc]"
        ) from None
    return answer, session


async def answered(request: Request, desk: Desk, asked: dict[str, Any]) -> str:
    """The name of whom the provider vouches for, in lower case.

    Raises:
        HTTPException: no provider is set.
        DeniedError: its answer is not one to what was asked, or does not hold.
    """
    oidc = desk.settings.console.oidc
    request.scope["session"] = asked
    provider = _provider(desk)
    try:
        token = await provider.authorize_access_token(request)
        claims = token.get("userinfo") or {}
    except Exception as error:
        # Whatever is wrong with an answer from outside, it is refused; what it says is not repeated.
        raise DeniedError(
            f"expected an answer of the identity provider that holds, found {type(error).__name__}; sign in again"
        ) from None
    name = claims.get(oidc.name_claim)
    if (
        not isinstance(name, str)
        or not name
        or (oidc.name_claim == "email" and claims.get("email_verified") is not True)
    ):
        raise DeniedError(
            f"expected the claim {oidc.name_claim} from the identity provider, found none that it has verified; "
            "ask for it to be given, or set name_claim under [console.oidc]"
        )
    return name.strip().lower()


def _provider(desk: Desk) -> Any:
    oidc = desk.settings.console.oidc
    if not oidc.issuer:
        raise HTTPException(404)
    return OAuth().register(
        "provider",
        client_id=oidc.client_id,
        client_secret=_secret(oidc.client_secret_file),
        server_metadata_url=f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": 10},
    )


def _secret(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(
            f"expected the client's secret in {file!r}, found: {error.strerror}; "
            "name the file as client_secret_file under [console.oidc]"
        ) from None
