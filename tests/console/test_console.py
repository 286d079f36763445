"""The console in a browser, against a live server: who sees and does what, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import urllib3
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.clients.jobs import training_request
from tests.clients.people import As
from tests.console.browser import WAIT_MILLISECONDS, Visitor
from tests.console.world import ENDPOINT, GROUP, JOB, MARKUP, World
from tests.data import breast_cancer

FOREIGN = "arn:aws:sagemaker:us-east-1:999999999999:training-job/theirs"
PAGES = (
    "/console",
    "/console/training-jobs",
    f"/console/training-jobs/{JOB}",
    f"/console/training-jobs/{JOB}?tab=log",
    "/console/tuning-jobs",
    "/console/autopilot-jobs",
    "/console/processing-jobs",
    "/console/transform-jobs",
    "/console/models",
    f"/console/models/{GROUP}",
    f"/console/models/{GROUP}/2",
    f"/console/models/{GROUP}/2?tab=quality",
    f"/console/models/{GROUP}/2?tab=lineage",
    f"/console/models/{GROUP}/2?tab=card",
    f"/console/models/{GROUP}/2?tab=settings",
    f"/console/model-comparison/{GROUP}?left=1&right=2",
    "/console/approvals",
    f"/console/approvals/{GROUP}/2",
    "/console/cards",
    "/console/dashboard",
    f"/console/dashboard/{ENDPOINT}",
    "/console/deliveries",
    "/console/endpoints",
    f"/console/endpoints/{ENDPOINT}",
    f"/console/endpoints/{ENDPOINT}?tab=captured",
    "/console/monitors",
    "/console/events",
    "/console/audit",
    "/console/audit/verify",
    "/console/people",
    "/console/people?tab=accounts",
    "/console/people?tab=may&action=sagemaker:CreateEndpoint&principal=auditor",
    "/console/settings",
)
#: Those that are made of different pieces.
OF_EACH_SHAPE = (
    "/console",
    f"/console/training-jobs/{JOB}",
    f"/console/training-jobs/{JOB}?tab=log",
    f"/console/models/{GROUP}",
    f"/console/models/{GROUP}/2?tab=card",
    f"/console/model-comparison/{GROUP}?left=1&right=2",
    f"/console/approvals/{GROUP}/2",
    f"/console/endpoints/{ENDPOINT}",
    "/console/people",
    "/console/settings",
)


@pytest.fixture(scope="module")
def root(world: World, browser: Browser) -> Iterator[Visitor]:
    visitor = Visitor(browser, world.url)
    visitor.sign_in(world.root)
    yield visitor
    visitor.close()


@pytest.fixture
def visitors(world: World, browser: Browser) -> Iterator[list[Visitor]]:
    found: list[Visitor] = []
    yield found
    for visitor in found:
        visitor.close()


def signed_in(world: World, browser: Browser, who: As, visitors: list[Visitor]) -> Visitor:
    visitors.append(Visitor(browser, world.url))
    visitors[-1].sign_in(who.exports)
    return visitors[-1]


def test_every_page_is_shown_asks_nobody_else_and_breaks_no_rule_of_access(root: Visitor) -> None:
    axe = Axe()
    serious: dict[str, list[str]] = {}
    for path in PAGES:
        assert root.visit(path) == 200, (path, root.text())
        if path not in OF_EACH_SHAPE:
            continue  # it takes seconds of a core
        found = axe.run(root.page).response["violations"]
        wrong = [
            f"{one['id']}: {one['nodes'][0]['html'][:150]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        if wrong:
            serious[path] = wrong
    assert serious == {}
    assert root.problems == []
    assert root.hosts == {root.url.removeprefix("http://")}


def test_pages_fit_a_narrow_screen_in_the_dark(
    world: World, browser: Browser, visitors: list[Visitor]
) -> None:
    narrow = Visitor(
        browser, world.url, viewport={"width": 400, "height": 800}, color_scheme="dark"
    )
    visitors.append(narrow)
    narrow.sign_in(world.root)
    wide = [path for path in OF_EACH_SHAPE if narrow.visit(path) and _width(narrow) > 400]
    assert wide == []
    narrow.visit("/console")
    narrow.page.get_by_role("link", name="Menu").click()
    narrow.page.get_by_role("navigation", name="Pages", exact=True).get_by_text("Models").click()
    expect(narrow.page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    found = Axe().run(narrow.page).response["violations"]  # in the dark's colours
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def _width(visitor: Visitor) -> int:
    return int(visitor.page.evaluate("document.documentElement.scrollWidth"))


def test_a_job_is_followed_live_from_its_start_to_its_curve(world: World, root: Visitor) -> None:
    name = "followed"
    request = training_request(world.server, name)
    request["HyperParameters"]["num_round"] = "40"
    world.server.client("sagemaker").create_training_job(**request)
    root.visit(f"/console/training-jobs/{name}")
    # Nobody loads the page again: it looks by itself.
    intro = root.page.locator(".intro")
    expect(intro).to_contain_text("Completed", timeout=2 * WAIT_MILLISECONDS)
    curve = root.page.get_by_role("img", name=re.compile("^auc: train:auc from"))
    expect(curve).to_be_visible(timeout=WAIT_MILLISECONDS)
    root.page.get_by_role("link", name="Log").click()
    expect(root.page.get_by_role("log").first).to_contain_text("train-auc")


def test_an_endpoint_is_tried_in_a_box(root: Visitor) -> None:
    root.visit(f"/console/endpoints/{ENDPOINT}")
    row = breast_cancer().test_csv.splitlines()[0]
    root.page.get_by_label("Payload").fill(row)
    root.page.get_by_role("button", name="Send").click()
    answer = root.page.locator("#answer")
    expect(answer).to_contain_text("HTTP 200")
    assert 0 <= float(answer.locator("pre").inner_text()) <= 1


def test_a_name_with_markup_is_text(root: Visitor) -> None:
    root.visit(f"/console/models/{GROUP}")
    expect(root.page.get_by_role("cell", name=MARKUP)).to_be_visible()
    assert root.page.title() == f"{GROUP} · Modelyard"
    root.visit("/console/training-jobs?name=%3Cscript%3Ealert(1)%3C/script%3E")
    expect(root.page.get_by_role("alert")).to_contain_text("<script>alert(1)</script>")
    expect(root.page.get_by_role("link", name=JOB)).to_be_visible()
    assert root.problems == []


def test_a_foreign_arn_in_the_url_is_refused(root: Visitor) -> None:
    assert root.visit(f"/console/find?arn={FOREIGN}") == 403
    assert "is of account 999999999999" in root.text()
    assert root.visit("/console/training-jobs/" + FOREIGN.replace("/", "%2F")) in (400, 403)
    foreign = FOREIGN.replace("training-job/theirs", "model-package/theirs/1")
    assert root.visit(f"/console/models/{foreign.replace('/', '%2F')}/1") in (400, 403)
    own = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{JOB}"
    root.visit(f"/console/find?arn={own}")
    assert root.page.url.endswith(f"/console/training-jobs/{JOB}")


def test_who_may_not_decide_is_told_who_may_and_who_may_does_so_once(
    world: World, browser: Browser, visitors: list[Visitor]
) -> None:
    dana = signed_in(world, browser, world.scientist, visitors)
    page = f"/console/approvals/{GROUP}/2"
    dana.visit(page)
    assert dana.page.get_by_role("button", name="Approve", exact=True).count() == 0
    refusal = dana.page.locator(".refused")
    refusal.locator("summary").click()
    expect(refusal).to_contain_text("governance-officer")
    navigation = dana.page.get_by_role("navigation", name="Pages", exact=True)
    expect(navigation.get_by_text("Training")).to_be_visible()
    expect(navigation.get_by_text("Audit trail")).to_have_count(0)
    assert dana.visit("/console/audit") == 403

    gwen = signed_in(world, browser, world.officer, visitors)
    late = signed_in(world, browser, world.officer, visitors)
    gwen.visit(page)
    late.visit(page)
    expect(gwen.page.get_by_role("navigation", name="Pages", exact=True)).to_contain_text("Audit")
    gwen.page.get_by_label("Reason").fill("Better than version 1 in accuracy.")
    gwen.page.get_by_role("button", name="Approve", exact=True).click()
    expect(gwen.page.get_by_text("Approved. Who decided and why is on record.")).to_be_visible()
    # The second one is told who was first, and what they typed is still there.
    late.page.get_by_label("Reason").fill("No, it is not.")
    late.page.get_by_role("button", name="Reject", exact=True).click()
    expect(late.page.get_by_role("alert")).to_contain_text("gwen was first: Approved")
    version = world.server.client("sagemaker").describe_model_package(
        ModelPackageName=f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/2"
    )
    assert version["ModelApprovalStatus"] == "Approved"
    assert version["ApprovalDescription"] == "Better than version 1 in accuracy."
    assert version["LastModifiedBy"]["IamIdentity"]["Arn"].endswith("user/gwen")


def test_a_delivery_that_waits_goes_on_once_it_is_approved(
    world: World, browser: Browser, visitors: list[Visitor]
) -> None:
    gwen = signed_in(world, browser, world.officer, visitors)
    gwen.visit(f"/console/deliveries/{world.delivery}")
    # It may still be on its way to the first approval: the page shows it when it is there.
    waiting = gwen.page.locator("#waiting")
    expect(waiting).to_contain_text("DeployDev waits", timeout=2 * WAIT_MILLISECONDS)
    gwen.page.get_by_label("Reason").fill("Works in development.")
    gwen.page.get_by_role("button", name="Approve", exact=True).click()
    expect(gwen.page.get_by_text("Approved. Who decided and why is on record.")).to_be_visible()
    expect(gwen.page.locator("#waiting")).to_contain_text(
        "DeployStaging waits", timeout=2 * WAIT_MILLISECONDS
    )
    expect(gwen.page.locator("#stages")).to_contain_text("Works in development.")


def test_a_session_that_ends_in_a_form_loses_nothing_of_what_was_typed(
    world: World, browser: Browser, visitors: list[Visitor]
) -> None:
    gwen = signed_in(world, browser, world.officer, visitors)
    gwen.visit(f"/console/models/{GROUP}/1")
    gwen.page.get_by_label("Comment").fill("Typed before the session ended.")
    gwen.context.clear_cookies()
    gwen.page.get_by_role("button", name="Update the status").click()
    expect(gwen.page.get_by_text("Your session ended")).to_be_visible()
    gwen.page.get_by_label("Access key id").fill(world.officer.exports["AWS_ACCESS_KEY_ID"])
    gwen.page.get_by_label("Secret access key").fill(world.officer.exports["AWS_SECRET_ACCESS_KEY"])
    gwen.page.get_by_role("button", name="Sign in").click()
    assert gwen.page.get_by_label("Comment").input_value() == "Typed before the session ended."
    gwen.page.get_by_role("button", name="Update the status").click()
    expect(gwen.page.get_by_text("on record").first).to_be_visible()


def test_a_role_is_taken_and_left_again(
    world: World, browser: Browser, visitors: list[Visitor]
) -> None:
    visitors.append(visitor := Visitor(browser, world.url))
    visitor.sign_in(world.root)
    visitor.visit("/console/settings")
    visitor.page.get_by_role("button", name="auditor", exact=True).click()
    expect(visitor.page.locator(".who-name")).to_contain_text("auditor")
    assert visitor.visit(f"/console/endpoints/{ENDPOINT}") == 200
    assert visitor.page.get_by_role("button", name="Send").count() == 0
    visitor.visit("/console/settings")
    visitor.page.get_by_role("button", name="Act as yourself again").click()
    expect(visitor.page.locator(".who-name")).to_contain_text("root")


def test_the_page_looks_again_once_its_server_is_back(
    tmp_path_factory: pytest.TempPathFactory, world: World, root: Visitor
) -> None:
    root.visit("/console/training-jobs")
    root.page.route("**/console/pulse", lambda route: route.abort())
    expect(root.page.get_by_text("The server does not answer")).to_be_visible()
    root.page.unroute("**/console/pulse")
    expect(root.page.get_by_text("The server does not answer")).to_have_count(0)


# --- without a browser: what one would not do


def ask(world: World, method: str, path: str, **more: object) -> urllib3.BaseHTTPResponse:
    pool = urllib3.PoolManager(retries=False)
    found: urllib3.BaseHTTPResponse = pool.request(
        method,
        world.url + path,
        redirect=False,
        **more,  # type: ignore[arg-type]
    )
    return found


def session(world: World) -> tuple[str, str]:
    """Sign in; return the cookie and a form's secret."""
    keys = world.officer.exports
    answer = ask(
        world,
        "POST",
        "/console/sign-in",
        headers={
            "Origin": world.url,
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=f"access_key_id={keys['AWS_ACCESS_KEY_ID']}"
        f"&secret_access_key={keys['AWS_SECRET_ACCESS_KEY'].replace('+', '%2B')}",
    )
    assert answer.status == 303, answer.data
    given = answer.headers["Set-Cookie"]
    assert "HttpOnly" in given
    assert "SameSite=strict" in given
    cookie = given.partition(";")[0]
    shown = ask(world, "GET", "/console/settings", headers={"Cookie": cookie}).data.decode()
    found = re.search(r'name="csrf" value="([^"]+)"', shown)
    assert found is not None
    return cookie, found[1]


def test_nothing_but_the_way_in_answers_to_a_stranger(world: World) -> None:
    for path in PAGES:
        answer = ask(world, "GET", path)
        assert answer.status == 303, path
        assert answer.headers["Location"].startswith("/console/sign-in")
    assert ask(world, "GET", "/console/pulse").status == 401
    assert ask(world, "GET", "/console/static/%2e%2e/door.py").status == 404
    signed = ask(world, "GET", "/console/sign-in?next=//evil.example/console")
    assert b'name="next" value="/console"' in signed.data
    policy = signed.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_form_from_elsewhere_does_nothing(world: World) -> None:
    cookie, csrf = session(world)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    path = f"/console/models/{GROUP}/1/status"
    body = f"csrf={csrf}&status=Rejected&comment=forged"
    foreign = ask(world, "POST", path, headers={**form, "Origin": "http://evil.example"}, body=body)
    silent = ask(world, "POST", path, headers=form, body=body)
    unsigned = ask(
        world,
        "POST",
        path,
        headers={**form, "Origin": world.url},
        body="status=Rejected&comment=forged",
    )
    assert (foreign.status, silent.status, unsigned.status) == (403, 403, 403)
    version = world.server.client("sagemaker").describe_model_package(
        ModelPackageName=f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/1"
    )
    assert version["ModelApprovalStatus"] == "Approved"


def test_a_session_ends_with_signing_out_and_with_its_key(world: World) -> None:
    cookie, csrf = session(world)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    assert ask(world, "GET", "/console", headers={"Cookie": cookie}).status == 200
    left = ask(
        world,
        "POST",
        "/console/sign-out",
        headers={**form, "Origin": world.url},
        body=f"csrf={csrf}",
    )
    assert left.status == 303
    assert ask(world, "GET", "/console", headers={"Cookie": cookie}).status == 303
    again, _ = session(world)
    iam, key = world.server.client("iam"), world.officer.exports["AWS_ACCESS_KEY_ID"]
    iam.update_access_key(UserName="gwen", AccessKeyId=key, Status="Inactive")
    try:
        assert ask(world, "GET", "/console", headers={"Cookie": again}).status == 303
    finally:
        iam.update_access_key(UserName="gwen", AccessKeyId=key, Status="Active")


def test_signing_in_is_on_record_and_so_is_failing_to(world: World) -> None:
    session(world)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": world.url}
    wrong = ask(
        world,
        "POST",
        "/console/sign-in",
        headers=form,
        body="access_key_id=AKIANOBODY&secret_access_key=guessed",
    )
    assert wrong.status == 401
    assert "Set-Cookie" not in wrong.headers
    said = world.server.cli("audit", "--action", "modelyard:WhoAmI").stdout
    assert "gwen" in said
    refused = world.server.cli("audit", "--json", "--action", "modelyard:Authenticate").stdout
    assert '"Door": "console"' in refused or '"Door":"console"' in refused
