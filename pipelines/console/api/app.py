"""The interface as an application of its own, which the console mounts under `/api`.

It has its own errors and its own description; the console's checks of hosts, its headers and its
sign-in lie around it as around the pages.
"""

import json
import secrets
from importlib.metadata import version
from typing import Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from pipelines.console.api import (
    access,
    acts,
    events,
    facts,
    layers,
    nouns,
    overviews,
    reach,
    rules,
    sources,
    trained,
    what_ifs,
)
from pipelines.console.api.acting import Acting
from pipelines.console.api.answering import Asking, Look, tagged
from pipelines.console.api.refusals import tell_problems
from pipelines.console.api.routing import PREFIX, refuse_unknown
from pipelines.console.gate import COOKIE
from pipelines.console.problems import Problem

ROUTERS: Final = (
    overviews.ROUTER, sources.ROUTER, facts.ROUTER, layers.ROUTER, nouns.ROUTER, trained.ROUTER,
    reach.ROUTER, rules.ROUTER, what_ifs.ROUTER, events.ROUTER, access.ROUTER, acts.ROUTER,
)  # fmt: skip
SUMMARY: Final = "What is on record about sources, rights, sets and models, and a few acts."
DESCRIPTION: Final = """\
Everything that the pages of the audit console show, as typed JSON.

* **Who asks** sends a token, `Authorization: Bearer TOKEN`, or the cookie of a session; without
  one the answer is 401, and where token or role may not do what is asked, 403.
* **Acts** are sent with POST as JSON, by a token alone. One that is done already is refused with
  409, so that sending it twice does it once; each that is refused is in the access log.
* **Lists** come in pages in a fixed order: `limit` items after the cursor `after`; `next` is the
  cursor of the page that follows, null on the last one, and in the header `Link` as an address.
* **Tags**: every answer to GET has an `ETag`; sent back in `If-None-Match` it is answered 304
  while the answer is the same.
* **Errors** are problems of RFC 9457 with a `code`, the `subject` and a `way_out`.
* **Words that an address does not take are refused**, so that no misspelt filter filters nothing.
* Times are UTC, days are ISO 8601; hours are hours of recordings; ids are never shortened.
"""


def api(look: Look, acting: Acting) -> FastAPI:
    """Make the interface: `look` opens the record for a request, by `acting` acts are done."""
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        dependencies=[Depends(refuse_unknown)],
    )  # fmt: skip
    app.state.asking = Asking(look=look, alone=acting.alone, secret=secrets.token_bytes(32))
    app.state.acting = acting
    tell_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    app.state.document = _document(app)
    app.add_route(f"{PREFIX}/openapi.json", _described, methods=["GET", "HEAD"])
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title="Clearway", version=version("clearway"), summary=SUMMARY, description=DESCRIPTION,
        routes=app.routes, servers=[{"url": "/api"}],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    made["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
    }
    made["security"] = [{"token": []}, {"session": []}]
    made["components"]["schemas"][Problem.__name__] = Problem.model_json_schema()
    return made


async def _described(request: Request) -> Response:
    said = json.dumps(request.app.state.document, ensure_ascii=True).encode()
    return tagged(request, said)
