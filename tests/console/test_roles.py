"""Who may what: a viewer reads, an operator acts, an admin says who comes in; and what is done bears the name of who did it."""

from __future__ import annotations

import pytest

from engine.service.console.app import pages
from engine.service.console.frame import NAV
from engine.state import people

FLOW = "epicor-kinetic--stampli/invoices"
ADMIN_ONLY = (
    "/people",
    "/people/add",
    "/people/role",
    "/people/passwd",
    "/people/end",
    "/people/lock",
    "/people/unlock",
    "/people/remove",
)


def routes(method):
    return sorted({route.path for route in pages() if method in route.methods and "{" not in route.path})


@pytest.mark.parametrize("path", [path for path in routes("GET") if path != "/login"])
def test_no_page_is_shown_to_a_stranger(office, path):
    stranger = office.visit()
    stranger.client.follow_redirects = False
    answer = stranger.get(path)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


@pytest.mark.parametrize("path", [path for path in routes("POST") if path != "/login"])
def test_no_change_is_made_for_a_stranger(office, path):
    stranger = office.visit()
    stranger.client.follow_redirects = False
    answer = stranger.post(path, flow=FLOW, name="vic")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("path", [path for path in routes("POST") if path not in {"/login", "/logout"}])
def test_a_viewer_changes_nothing(office, viewer, path):
    before = office.workspace.trail.head()
    viewer.get("/help")
    answer = viewer.post(path, flow=FLOW, name="vic", reason="x")
    assert (answer.status_code, "This is not for you" in viewer.seen) == (403, True)
    assert office.workspace.trail.head() == before


@pytest.mark.parametrize("path", ADMIN_ONLY)
def test_only_an_admin_says_who_comes_in(office, operator, path):
    operator.get("/help")
    answer = (
        operator.get(path) if path == "/people" else operator.post(path, name="vic", role="admin", password="x" * 12)
    )
    assert answer.status_code == 403
    assert people.find(office.workspace.desk, "vic").role == "viewer"


@pytest.mark.parametrize("path", routes("POST"))
def test_a_change_is_never_asked_for_by_an_address(office, admin, path):
    before = office.workspace.trail.head()
    admin.get(f"{path}?flow={FLOW}&name=vic&role=admin&reason=x&key=INV-1001")
    assert admin.page.status_code in ({200} if path in routes("GET") else {200, 400, 404, 405})
    assert office.workspace.trail.head() == before


def test_a_viewer_sees_no_buttons_an_operator_does(viewer, operator):
    viewer.get("/")
    assert "Run now" not in viewer.seen
    operator.get("/")
    assert "Run now" in operator.seen
    assert "People" not in operator.seen


def test_an_operator_starts_a_flow_in_their_own_name(office, operator):
    operator.get("/")
    operator.post("/flows/run", flow=FLOW)
    assert "starts as soon as there is a place for it" in operator.seen
    (firing,) = office.parts.firings.queued()
    assert (firing.flow, firing.cause, firing.by) == (FLOW, "person", "olga")
    line = office.workspace.trail.entries()[-1]
    assert (line.event, line.actor) == ("flow asked for", "olga")
    operator.get("/")
    operator.post("/flows/run", flow=FLOW)
    assert "waits for its start already" in operator.seen


def test_an_operator_pauses_and_resumes_a_flow(office, operator):
    office.parts.firings.plan_all([(FLOW, "every 15m", office.world.clock())])
    operator.get("/")
    operator.post("/flows/pause", flow=FLOW)
    assert office.parts.firings.planned()[FLOW].said_by == "olga"
    assert "paused by olga" in operator.seen
    operator.post("/flows/resume", flow=FLOW)
    assert not office.parts.firings.planned()[FLOW].paused
    assert [e.actor for e in office.workspace.trail.entries()][-2:] == ["olga", "olga"]


def test_a_flow_that_is_not_there_is_told_so_and_nothing_starts(office, operator):
    operator.get("/")
    waiting = len(office.parts.firings.queued())
    answer = operator.post("/flows/run", flow="epicor-kinetic--stampli/<script>alert(1)</script>")
    assert (answer.status_code, "No spec in force has a flow" in operator.seen) == (400, True)
    assert "<script>alert" not in answer.text
    assert len(office.parts.firings.queued()) == waiting


def test_an_admin_lets_somebody_in_and_takes_them_out_again(office, admin):
    admin.get("/people")
    admin.post("/people/add", name="nora", role="viewer", password="eleven chars and more")
    assert "nora may log in now." in admin.seen
    nora = office.visit("nora")
    admin.post("/people/role", name="nora", role="operator")
    assert nora.get("/help").url.path == "/login", "a new role needs a new login"
    admin.post("/people/lock", name="nora")
    assert "locked" in admin.seen
    admin.post("/people/unlock", name="nora")
    admin.post("/people/passwd", name="nora", password="another long password")
    admin.post("/people/remove", name="nora")
    assert "nora is gone." in admin.seen
    told = [(e.event, e.actor) for e in office.workspace.trail.entries() if e.detail.get("user") == "nora"]
    assert told == [
        ("user added", "ada"), ("user logged in", "nora"), ("user role changed", "ada"), ("user locked", "ada"),
        ("user unlocked", "ada"), ("user password changed", "ada"), ("user removed", "ada"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "x y", "role": "viewer", "password": "long enough 123"}, "is no name for a person"),
        ({"name": "zoe", "role": "root", "password": "long enough 123"}, "is no role"),
        ({"name": "zoe", "role": "viewer", "password": "short"}, "at least 12 characters"),
        ({"name": "zoe.zoe.zoe.", "role": "viewer", "password": "zoe.zoe.zoe."}, "choose another"),
        ({"name": "vic", "role": "viewer", "password": "long enough 123"}, "There is a `vic` already"),
    ],
)
def test_what_is_no_name_no_role_or_no_password_is_refused(admin, form, said):
    admin.get("/people")
    assert admin.post("/people/add", **form).status_code == 400
    assert said in admin.seen
    assert form["password"] not in admin.text.replace("zoe.zoe.zoe.", "")


def test_the_last_admin_stays(office, admin):
    for path, form in (("/people/role", {"role": "viewer"}), ("/people/remove", {}), ("/people/lock", {})):
        admin.get("/people")
        assert admin.post(path, name="ada", **form).status_code == 400
    assert people.find(office.workspace.desk, "ada").may("admin")


def test_each_role_may_what_those_before_it_may():
    assert [people.Person(name="x", role=role).may("operator") for role in people.ROLES] == [False, True, True]
    assert {role for _, _, role in NAV} <= set(people.ROLES)
