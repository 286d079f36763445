"""The pieces of pages: escaped, round, in words that people read."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import htpy as h
import pytest

from modelyard.console.pieces.charts import Line, bars, line_chart, number, ticks
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.distributions import distributions
from modelyard.console.pieces.links import arn_link, page_of, url, with_query
from modelyard.console.pieces.moments import ago, ago_words, duration, moment_of
from modelyard.console.pieces.tables import table
from modelyard.console.signing_in import form_kept, kept_form, own_url

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OWN, FOREIGN = "123456789012", "999999999999"


def arn(account: str, resource: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:{account}:{resource}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "just now"),
        (59, "59 s ago"),
        (3 * 60, "3 min ago"),
        (5 * 3600, "5 h ago"),
        (-2 * 86_400, "in 2 d"),
    ],
)
def test_how_long_ago_something_was_reads_as_people_say_it(seconds: float, words: str) -> None:
    assert ago_words(seconds) == words


def test_a_time_has_the_exact_one_behind_it() -> None:
    shown = str(ago(NOW - timedelta(minutes=2), NOW))
    assert "2 min ago" in shown
    assert 'title="2026-05-04 11:58:00 UTC"' in shown


def test_moments_are_understood_however_an_operation_says_them() -> None:
    assert moment_of(NOW) == moment_of("2026-05-04T12:00:00Z") == moment_of(NOW.timestamp())
    assert moment_of(None) is moment_of("never") is moment_of("") is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(2.34, "2.3 s"), (75, "1 min 15 s"), (7500, "2 h 5 min"), (90_000, "1 d 1 h")],
)
def test_durations_have_two_parts_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.9941, 1.0), (3, 3), (-5, 1e6), (0, 1e-9)])
def test_ticks_are_round_and_cover_what_is_drawn(low: float, high: float) -> None:
    found = ticks(low, high, 5)
    assert found[0] <= low
    assert found[-1] >= high
    assert 2 <= len(found) <= 12


def test_a_chart_leaves_out_what_is_no_number_and_stays_small() -> None:
    points = [(float(x), math.nan if x == 5 else x / 7) for x in range(10_000)]
    drawn = str(line_chart([Line(name="<loss>", points=points)], title="Loss", x_name="step"))
    assert "nan" not in drawn.lower()
    assert "&lt;loss&gt;" in drawn
    assert "<loss>" not in drawn
    assert len(drawn) < 80_000


def test_a_chart_without_points_says_so() -> None:
    assert "No points yet" in str(line_chart([], title="t", x_name="x"))
    assert "No points yet" in str(
        line_chart([Line(name="a", points=[(0, math.inf)])], title="t", x_name="x")
    )


def test_bars_tell_their_numbers_in_text_too() -> None:
    drawn = str(bars([("age", 0.25), ("<b>", -0.5)], title="SHAP"))
    assert "&lt;b&gt;" in drawn
    assert 'class="negative"' in drawn
    assert "-0.5" in drawn


def test_numbers_have_four_digits_that_matter() -> None:
    assert [number(one) for one in (0.123456, 1234567, 3.0, True, "x")] == [
        "0.1235",
        "1,234,567",
        "3",
        "True",
        "x",
    ]


def test_distributions_are_drawn_on_one_axis() -> None:
    def feature(low: float, high: float) -> dict[str, object]:
        buckets = [{"lower_bound": low, "upper_bound": high, "count": 4.0}]
        statistics = {"mean": low, "distribution": {"kll": {"buckets": buckets}}}
        return {"features": [{"name": "age", "numerical_statistics": statistics}]}

    drawn = str(h.div[distributions(feature(0, 10), feature(30, 40))])
    assert "from 0 to 40" in drawn
    assert "mean 0 → 30" in drawn


def test_an_arn_is_a_link_in_its_own_account_only() -> None:
    own = str(arn_link(arn(OWN, "training-job/a"), OWN))
    assert 'href="/console/training-jobs/a"' in own
    assert "href" not in str(arn_link(arn(FOREIGN, "training-job/a"), OWN))
    assert page_of(arn(OWN, "model-package/group/3")) == "/console/models/group/3"
    assert page_of("nonsense") is page_of(arn(OWN, "training-job/*")) is None


def test_urls_hold_any_name() -> None:
    assert url("logs", "/aws/x", "a/b?c") == "/console/logs/%2Faws%2Fx/a%2Fb%3Fc"
    assert with_query("/console", {"name": "a&b", "page": "2"}, page=None) == "/console?name=a%26b"


def test_a_status_is_said_by_a_word_and_a_sign_too() -> None:
    assert "Pending approval" in str(chip("PendingManualApproval"))
    assert "&lt;i&gt;" in str(chip("<i>"))


def test_a_table_names_its_rows_and_columns() -> None:
    drawn = str(table("Jobs", [("Name", lambda row: row), ("", lambda _: "x")], ["<b>a</b>"]))
    assert '<th scope="row">&lt;b&gt;a&lt;/b&gt;</th>' in drawn
    assert '<caption class="unseen">Jobs</caption>' in drawn


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/console",
        "/console@evil.example",
        "/console\\evil",
        "/mlflow",
        "/console/\nx",
        "",
    ],
)
def test_nobody_is_led_to_another_site_after_signing_in(wanted: str) -> None:
    assert own_url(wanted) == "/console"


def test_a_form_that_waits_for_its_sender_comes_back_as_it_was() -> None:
    typed = {"comment": "a & b\nü = 1", "status": "", "csrf": "gone"}
    assert form_kept(kept_form(typed)) == {"comment": "a & b\nü = 1", "status": ""}
    assert form_kept(kept_form({"csrf": "a button's alone"})) == {}
    assert kept_form({}) != ""
    assert own_url("/console/models/a%20b?tab=card") == "/console/models/a%20b?tab=card"
