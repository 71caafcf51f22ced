"""Ask the Dagster server of a test over GraphQL, and wait for what it says of a run."""

import json
import time
import urllib.request

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status startTime endTime } } }"


def ask(url, query, **variables):
    """What the one field that was asked for says."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        told = json.load(answer)
    assert "errors" not in told, told
    return next(iter(told["data"].values()))


def wait(url, run_id, wanted, seconds):
    """Wait until a run has one of the wanted states, and return it."""
    until = time.monotonic() + seconds
    while (status := ask(url, STATUS, id=run_id)["status"]) not in wanted:
        assert time.monotonic() < until, status
        time.sleep(0.3)
    return status
