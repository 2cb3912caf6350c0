"""No page elsewhere starts a run: what a browser sends for it is refused before Dagster sees it."""

import asyncio

import pytest

from poverty_assets.running.webserver import Guard, own_hosts, refusal

HOSTS = own_hosts(3000, "poverty.example.org")


def asked(method="GET", path="/", query="", kind="http", **headers):
    headers = {"host": "localhost:3000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": pairs}


@pytest.mark.parametrize(
    "scope",
    [
        asked(),
        asked("POST", "/graphql", content_type="application/json", origin="http://localhost:3000"),
        asked("POST", "/graphql", content_type="application/json; charset=utf-8", host="poverty.example.org"),
        asked("GET", "/graphql", accept="text/html"),
        asked("GET", "/runs/1", "tab=query"),
        asked(kind="websocket", path="/graphql", origin="http://127.0.0.1:3000", host="127.0.0.1:3000"),
    ],
)
def test_the_uis_own_pages_are_answered(scope):
    assert refusal(scope, HOSTS) is None


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        (asked("GET", "/graphql", "query=mutation%7Blaunch%7D"), "POST as JSON"),
        (asked("POST", "/graphql", "a=1&query=x", content_type="application/json"), "POST as JSON"),
        (asked("POST", "/graphql", content_type="application/x-www-form-urlencoded"), "application/json"),
        (asked("POST", "/graphql", content_type="text/plain"), "application/json"),
        (asked("POST", "/graphql"), "application/json"),
        (asked("POST", "/report_asset_materialization/dim_area"), "application/json"),
        (asked(host="evil.example:3000"), "'evil.example:3000'"),
        (asked(origin="http://evil.example"), "http://evil.example"),
        (asked(origin="null"), "null"),
        (asked("POST", "/graphql", content_type="application/json", origin="http://localhost:8000"), "localhost:8000"),
        (asked(kind="websocket", path="/graphql", origin="http://evil.example"), "http://evil.example"),
        (asked(kind="websocket", path="/graphql", host="rebound.example"), "'rebound.example'"),
    ],
)
def test_pages_elsewhere_forms_and_addresses_are_refused(scope, why):
    assert why in refusal(scope, HOSTS)


@pytest.mark.parametrize(("kind", "answer"), [("http", 403), ("websocket", 1008)])
def test_what_is_refused_never_reaches_the_application(kind, answer):
    async def never(scope, receive, send):
        raise AssertionError("reached")

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(never, HOSTS)(asked(kind=kind, host="evil.example"), None, send))
    assert sent[0].get("status", sent[0].get("code")) == answer
