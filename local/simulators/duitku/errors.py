"""How refusals look on the wire: one JSON key on v2, several shapes on POP.

Source: ``docs/reference/duitku.md``, Errors. POP is known to answer with ``Message``, with an
object keyed by the field at fault, or with plain text; the simulator uses each of them somewhere.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from local.simulators.duitku.checks import RefusedError

CONFLICT = 409


async def refusal(request: Request, error: Exception) -> Response:
    """Render a :class:`RefusedError` in the manner of the host that was asked."""
    if not isinstance(error, RefusedError):
        raise error
    if error.message is None:
        return Response(status_code=error.status)
    if request.url.path.startswith("/api/"):
        return _pop(error, error.message)
    return JSONResponse({"Message": error.message}, error.status)


def _pop(error: RefusedError, message: str) -> Response:
    if error.status == CONFLICT and error.field is None:
        return PlainTextResponse(message, CONFLICT)
    key = "Message"
    if error.field is not None:
        key = error.field[0].upper() + error.field[1:]
    return JSONResponse({key: message}, error.status)
