"""The API, walked as its own description says."""

from typing import Any

from desks import Desk

from detector.access import ROUTES


def test_no_request_of_the_api_is_an_error_of_ours(desk: Desk) -> None:
    """Schemathesis walks what OpenAPI says, and whatever it asks, no answer is of the 500s."""
    import hypothesis
    import schemathesis

    client = desk.signed_in("owner")
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    asked = set()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]

        @hypothesis.settings(max_examples=8, database=None, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.seed(20260301)
        @hypothesis.given(case=operation.as_strategy())
        def walk(case: Any) -> None:
            said = case.as_transport_kwargs(base_url="http://localhost")
            sent = {
                name: said[name]
                for name in ("method", "url", "params", "json", "headers")
                if said.get(name) is not None
            }
            sent["headers"] = {name: str(value) for name, value in dict(sent.get("headers") or {}).items()}
            answer = client.request(**sent)
            assert answer.status_code < 500, (case.method, case.path, answer.text)

        walk()
        asked.add(operation.label)
    assert len(asked) == len([path for _, path in ROUTES if path.startswith("/api/") and "openapi" not in path])


def test_what_can_not_be_is_refused_and_not_bent(desk: Desk) -> None:
    """A form has fields left over from another choice; a program that says them means them. What is no kind, origin,
    family or filter is refused, rather than answered with all cases."""
    sam = desk.signed_in("senior analyst")
    number = desk.doors.ledger.cases.queue()[0].id
    for said in (
        {"verdict": "false alarm", "kind": "resale"},
        {"verdict": "undecided", "response": "refer"},
        {"verdict": "confirmed", "cause": "a big family"},
    ):
        assert sam.post(f"/api/cases/{number}/decide", json=said).status_code == 422
    for query in ("kind=bogus", "origin=bogus", "family=bogus", "status=bogus", "least_score=nan", "view=mine"):
        assert sam.get(f"/api/cases?{query}").status_code == 422
    scores = [case["score"] for case in sam.get("/api/cases?least_score=3&origin=flag").json()["cases"]]
    assert scores
    assert min(scores) >= 3
    assert sam.post("/api/search", json={"wanted": "nobody"}).status_code == 404
    assert sam.post(f"/api/cases/{number}/assign", json={"to": "nobody-here"}).status_code == 422


def test_a_case_that_is_not_there_is_not_found(desk: Desk) -> None:
    """Whatever one wants to do with it; a case that is there, and not as it was, is a conflict."""
    ana = desk.signed_in("analyst", "ana")
    assert ana.get("/api/cases/999999").status_code == 404
    assert ana.post("/api/cases/999999/note", json={"note": "x"}).status_code == 404
    assert ana.post("/api/cases/999999/snooze", json={"until": None}).status_code == 404
    number = desk.doors.ledger.cases.queue()[0].id
    assert ana.post(f"/api/cases/{number}/undo", json={"note": "x"}).status_code == 409
