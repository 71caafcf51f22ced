"""What holds for every address: its description, its tags, its errors."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from catalog import erasures, sources
from pipelines.console.rights import LARGEST
from tests.pipelines.console.api.conftest import every
from tests.pipelines.console.conftest import HOSTILE_PARTY, SCRIPT, program_of
from tests.pipelines.small_world import LATER, MIT, NOW, add_source, make_world, writing

OURS = ("title", "status", "detail", "code", "subject", "way_out")


def problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"]) == (status, code)
    assert set(OURS) < set(said)
    assert said["detail"]
    return said


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/nowhere", 404, "NOT_FOUND"), ("/sources/", 404, "NOT_FOUND"),
        ("/sources/nobody", 404, "UNKNOWN_ID"), ("/sources?limit=0", 422, "QUERY_INVALID"),
        ("/sources?limit=1001", 422, "QUERY_INVALID"),
        ("/sources?verdit=deny", 422, "QUERY_INVALID"),
        ("/sources?q=a&q=b", 422, "QUERY_INVALID"), ("/sources?verdict=no", 422, "QUERY_INVALID"),
        ("/sources?after=x", 422, "CURSOR_INVALID"), ("/sources?request=none", 404, "UNKNOWN_ID"),
        ("/events?after=-2", 422, "QUERY_INVALID"), ("/events?after=100000", 409, "SEQUENCE_AHEAD"),
        ("/sources?q=" + "x" * 401, 422, "QUERY_INVALID"), ("/sources/a%00", 400, "NUL_REFUSED"),
        ("/sources?q=" + "x" * 5_000, 414, "ADDRESS_TOO_LONG"),
    ],
)  # fmt: skip
def test_an_error_is_a_problem_with_its_code_and_a_way_out(world, address, status, code):
    said = problem(world.client.get(f"/api/v1{address}"), status, code)
    assert said["way_out"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_what_is_read_takes_no_act_and_an_act_is_not_read(world, method):
    answer = world.client.request(method, "/api/v1/sources")
    problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD"
    if method != "POST":
        act = world.client.request(method, "/api/v1/revoke")
        problem(act, 405, "METHOD_NOT_ALLOWED")
        assert act.headers["allow"] == "POST"


def test_another_name_for_this_machine_is_refused_with_a_problem(world):
    answer = world.client.get("/api/v1/sources", headers={"host": "evil.example"})
    problem(answer, 421, "HOST_UNKNOWN")
    assert "hostile" not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_sent_along_is_refused_if_it_is_long_or_of_no_said_length(world, method):
    long, unsaid = b"x" * (LARGEST + 1), iter([b"x"])
    for body in (long, unsaid):
        answer = world.client.request(method, "/api/v1/sources", content=body)
        problem(answer, 413, "BODY_TOO_LARGE")


def test_answers_keep_the_headers_of_the_console(world):
    said = world.client.get("/api/v1/sources").headers
    assert said["cache-control"] == "no-store"
    assert "default-src 'none'" in said["content-security-policy"]
    assert said["x-content-type-options"] == "nosniff"
    assert said["cross-origin-resource-policy"] == "same-origin"


def test_a_hostile_name_is_given_as_it_is_and_cannot_turn_a_terminal(world):
    answer = world.client.get("/api/v1/sources")
    assert "\u202e" not in answer.text
    (hostile,) = (one for one in answer.json()["items"] if one["source_id"] == "hostile")
    assert hostile["owner"] == HOSTILE_PARTY
    assert SCRIPT in hostile["title"]
    assert "\u202e" in hostile["title"]


def test_head_answers_as_get(world):
    for address in ("/api/v1/sources", "/api/v1/openapi.json", "/api/v1/sources/nobody"):
        was, told = world.client.get(address), world.client.head(address)
        assert told.status_code == was.status_code
        assert told.headers.get("etag") == was.headers.get("etag")


def test_the_description_is_openapi_and_says_everything(ask):
    document = ask("/openapi.json")
    assert document["openapi"].startswith("3.1")
    for name, shape in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(shape)
        assert shape.get("additionalProperties", False) is False, name
        bare = [one for one, said in shape["properties"].items() if "description" not in said]
        assert not bare, f"{name}: {bare}"
    ids = set()
    for path, each in document["paths"].items():
        ((method, said),) = each.items()
        assert said["description"], path
        assert said["operationId"] not in ids
        ids.add(said["operationId"])
        assert all(one["description"] for one in said.get("parameters", ()) if one["in"] == "query")
        assert {"200", "422", "503", "default"} <= set(said["responses"])
        assert ("304" in said["responses"]) is (method == "get")
        assert (said.get("security") == [{"token": []}]) is (method == "post")
        for status, one in said["responses"].items():
            if status not in {"200", "304"}:
                (content,) = one["content"].values()
                assert set(OURS) < set(content["example"])
        assert ("404" in said["responses"]) >= ("{" in path), path
        assert method in {"get", "post"}


def test_an_answer_that_did_not_change_is_not_sent_again(world):
    for address in ("/api/v1/sources", "/api/v1/sources/open", "/api/v1/openapi.json"):
        tag = world.client.get(address).headers["etag"]
        for said in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = world.client.get(address, headers={"if-none-match": said})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        assert world.client.get(address, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_tag_is_that_of_one_address(world):
    tag = world.client.get("/api/v1/sources").headers["etag"]
    for address in ("/sources?limit=2", "/sources/open"):
        again = world.client.get(f"/api/v1{address}", headers={"if-none-match": tag})
        assert again.status_code == 200
    for said in (tag, "*"):
        gone = world.client.get("/api/v1/sources/nobody", headers={"if-none-match": said})
        problem(gone, 404, "UNKNOWN_ID")


def test_a_tag_ends_with_the_state_the_day_and_the_process(tmp_path, catalog_url):
    settings = make_world(tmp_path, catalog_url=catalog_url)
    add_source(settings, "open", [MIT], seconds=2)
    days = [LATER]
    client = program_of(settings, lambda: days[-1])

    def known(tag, address="/api/v1/sources"):
        answer = client.get(address, headers={"if-none-match": tag})
        return answer.status_code == 304, answer.headers.get("etag")

    tag = known("")[1]
    assert known(tag) == (True, tag)
    days.append(LATER + timedelta(hours=1))
    assert known(tag) == (True, tag)
    days.append(LATER + timedelta(days=1))
    assert not known(tag)[0]
    days.append(LATER)

    with writing(settings) as session:  # whatever is recorded, however far from the answer
        row = sources.Source(source_id="late", uri="/late", modality="video")
        sources.register_source(session, row, now=NOW)
    is_known, later = known(tag)
    assert not is_known
    with writing(settings) as session:  # names go before the certificate is a leaf of the log
        erasures.begin(session, "late", {}, source_id="late", now=NOW)
    assert known(later) == (False, None)
    other = program_of(settings)
    answer = other.get("/api/v1/sources", headers={"if-none-match": f"{tag}, {later}"})
    assert answer.status_code == 200


def test_the_next_page_is_linked(world):
    answer = world.client.get("/api/v1/sources?limit=1&q=e")
    way = re.fullmatch(r'<(.+)>; rel="next"', answer.headers["link"])
    assert way
    onward = world.client.get(way[1])
    assert onward.json()["items"][0]["source_id"] > answer.json()["items"][0]["source_id"]
    assert f"after={answer.json()['next']}" in way[1]


def test_a_name_that_no_route_takes_is_refused_with_a_problem(world):
    problem(world.client.get("/api/v1/sources/a%0Ab"), 404, "NOT_FOUND")


LISTS = (
    "/sources", "/sources/hostile/facts", "/sources/open/facts", "/sources/open/files",
    "/decisions", "/parties", "/quarantine", "/log", "/unread-signals", "/duties",
)  # fmt: skip


@pytest.mark.parametrize("address", LISTS)
def test_each_item_of_a_list_is_on_one_page(ask, address):
    found = [str(one) for one in every(ask, address)]
    assert found == [str(one) for one in ask(address, limit=1_000)["items"]]
    assert found
    assert len(set(found)) == len(found)
