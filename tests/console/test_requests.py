"""What a browser sends: cookies, forms, where from; what is doubtful counts as not sent."""

from __future__ import annotations

import pytest

from modelyard.api.errors import RequestRefused
from modelyard.console import requests
from modelyard.console.routes import action, find_route, page
from modelyard.console.visits import Done, Page, Visit
from modelyard.identity.authentication import RequestHead


def head(path: str = "/console", query: str = "", **headers: str) -> RequestHead:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestHead(method="GET", path=path, query=query, headers={"host": "h:80", **named})


def test_a_cookie_is_read_once_or_not_at_all() -> None:
    assert requests.cookie_of(head(cookie="a=1; session=x; b=2"), "session") == "x"
    assert requests.cookie_of(head(cookie="session=x; session=y"), "session") == ""
    assert requests.cookie_of(head(), "session") == ""


def test_servers_on_one_host_do_not_share_a_cookie() -> None:
    one, other = (head(host=f"localhost:{port}") for port in (8080, 8090))
    assert requests.cookie_name(one, secure=False) != requests.cookie_name(other, secure=False)
    assert requests.cookie_name(one, secure=True).startswith("__Host-")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://h:80", "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://h:81"},
    ],
)
def test_a_form_from_elsewhere_or_from_who_knows_where_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(RequestRefused):
        requests.check_origin(head(**headers))


def test_a_form_of_the_consoles_own_pages_is_taken() -> None:
    requests.check_origin(head(origin="http://h:80"))
    requests.check_origin(head(origin="http://h:80", sec_fetch_site="same-origin"))


def test_a_form_is_read_as_one_and_as_nothing_else() -> None:
    form = head(content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert requests.form_of(form, b"a=1&b=%C3%BC&p=x&p=y&n=l%0D%0Am") == {
        "a": "1",
        "b": "ü",
        "p": "x\ny",
        "n": "l\nm",
    }
    for wrong, body in (
        (head(content_type="application/json"), b"{}"),
        (form, b"a=%ff"),
        (form, b"\xff=1"),
        (form, b"&".join(b"a=1" for _ in range(500))),
    ):
        with pytest.raises(RequestRefused):
            requests.form_of(wrong, body)


def test_a_path_is_decoded_once() -> None:
    assert requests.segments_of(head("/console/models/a%2Fb/%2525")) == ("models", "a/b", "%25")
    assert requests.segments_of(head("/console/")) == ()
    with pytest.raises(RequestRefused):
        requests.segments_of(head("/console/%ff"))


def test_a_route_is_found_by_its_parts_and_by_what_is_wanted() -> None:
    def show(_visit: Visit) -> Page:
        return Page(title="t", body=None)

    def act(_visit: Visit) -> Done:
        return Done(url="/console")

    routes = (page("models/{group}", show), action("models/{group}/stop", show, act))
    found = find_route(routes, ("models", "a/b"), acts=False)
    assert found is not None
    assert found[1] == {"group": "a/b"}
    assert find_route(routes, ("models", "a", "stop"), acts=False) is None
    assert find_route(routes, ("models", "a", "stop"), acts=True) is not None
    assert find_route(routes, ("models", ""), acts=False) is None
