"""What programs have made, as a step."""

from __future__ import annotations

from netlab.plan.news import News


def test_interfaces_in_several_containers_of_a_host() -> None:
    """Each stands in its own container, and those of the host beside them."""
    news = News()
    for place in ("A/c1", "A/c2", "A"):
        news.make(place, "d0", 5, {"type": "dummy"})
    made = {"interfaces": {"d0": {"type": "dummy"}}}
    assert news.step["add"]["hosts"] == {"A": {"containers": {"c1": made, "c2": made}, **made}}
