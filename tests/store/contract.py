"""The store's contract as a test class: whatever database a store is on, it passes all of this.

The prose is in `modelyard.store.resources`. A subclass gives one fixture, `store`, that is empty.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from modelyard import clock
from modelyard.store import tables
from modelyard.store.errors import (
    AlreadyExists,
    BadPageToken,
    NotFound,
    StaleRevision,
    StoreError,
    Unstorable,
)
from modelyard.store.listing import Listing, Page
from modelyard.store.resources import Resource, Scope, Store, Transaction

HOME = Scope(account="123456789012", region="us-east-1")
ABROAD = Scope(account="123456789012", region="eu-west-1")
OTHER = Scope(account="999999999999", region="us-east-1")

AWKWARD = "plain é 漢字 🎉 % _ \\ ' \" ; -- \t\n \x01 \x7f"


def arn(name: str, *, scope: Scope = HOME, kind: str = "job") -> str:
    return f"arn:aws:sagemaker:{scope.region}:{scope.account}:{kind}/{name}"


def create(
    transaction: Transaction,
    name: str,
    *,
    scope: Scope = HOME,
    kind: str = "job",
    status: str = "Pending",
    **others: Any,
) -> Resource:
    return transaction.create(
        scope,
        kind,
        name,
        arn=arn(name, scope=scope, kind=kind),
        spec=others.pop("spec", {}),
        status=status,
        **others,
    )


def created(store: Store, *names: str, **others: Any) -> list[Resource]:
    """Create resources, each in a transaction of its own."""
    found = []
    for name in names:
        with store.write() as transaction:
            found.append(create(transaction, name, **others))
    return found


def page(store: Store, *, scope: Scope = HOME, kind: str = "job", **asked: Any) -> Page[Resource]:
    with store.read() as snapshot:
        return snapshot.list(scope, kind, Listing(**asked))


def names(store: Store, **asked: Any) -> list[str]:
    return [item.name for item in page(store, **asked).items]


def all_names(store: Store, **asked: Any) -> list[str]:
    """Return the names of all pages."""
    found: list[str] = []
    token = None
    while True:
        one = page(store, token=token, **asked)
        found += [item.name for item in one.items]
        if one.token is None:
            return found
        token = one.token


def events(store: Store) -> list[tuple[str, str]]:
    with store.database.read() as connection:
        rows = connection.execute(sa.select(tables.events).order_by(tables.events.c.id))
        return [(row.arn.rpartition("/")[2], row.status) for row in rows]


class StoreContract:
    """Subclass it and give the fixture `store`."""

    # --- identity

    def test_a_resource_is_read_as_it_was_created(self, store: Store) -> None:
        spec = {"z": 1, "a": [1.5, True, None, {"é": "漢字"}], "nul": "a\0b", "big": 2**70}
        before = clock.now()
        with store.write() as transaction:
            made = create(transaction, "a", spec=spec, observed={"seen": 0}, tags={"k": "v"})
        with store.read() as snapshot:
            found = snapshot.get(HOME, "job", "a")
            assert found == made == snapshot.get_by_arn(arn("a"))
            assert list(found.spec) == list(spec)  # the order of keys too
            assert found.spec == spec
            assert (found.scope, found.kind, found.name) == (HOME, "job", "a")
            assert (found.status, found.observed, found.revision) == ("Pending", {"seen": 0}, 1)
            assert before <= found.created_at == found.modified_at <= clock.now()
            assert snapshot.tags(found) == {"k": "v"}

    def test_what_is_not_there_is_named(self, store: Store) -> None:
        with store.read() as snapshot:
            assert snapshot.find(HOME, "job", "a") is None
            with pytest.raises(NotFound, match="there is no job named 'a'"):
                snapshot.get(HOME, "job", "a")
            with pytest.raises(NotFound, match="no resource arn:x"):
                snapshot.get_by_arn("arn:x")

    def test_a_name_is_taken_once_and_the_transaction_can_go_on(self, store: Store) -> None:
        created(store, "a")
        with store.write() as transaction:
            with pytest.raises(AlreadyExists, match="a job named 'a' exists already"):
                create(transaction, "a")
            create(transaction, "b")
        assert names(store) == ["a", "b"]

    def test_an_arn_is_taken_once(self, store: Store) -> None:
        created(store, "a")
        with store.write() as transaction, pytest.raises(AlreadyExists):
            transaction.create(HOME, "job", "b", arn=arn("a"), spec={}, status="Pending")

    def test_the_same_name_lives_in_each_kind_account_and_region(self, store: Store) -> None:
        created(store, "a")
        created(store, "a", kind="model")
        created(store, "a", scope=OTHER)
        created(store, "a", scope=ABROAD)
        created(store, "A")
        for scope, kind in ((HOME, "job"), (HOME, "model"), (OTHER, "job"), (ABROAD, "job")):
            with store.read() as snapshot:
                found = snapshot.get(scope, kind, "a")
            assert (found.scope, found.kind) == (scope, kind)
        assert names(store) == ["a", "A"]
        assert names(store, scope=OTHER) == ["a"]

    def test_a_deleted_name_is_free_again(self, store: Store) -> None:
        (old,) = created(store, "a", tags={"k": "v"})
        with store.write() as transaction:
            transaction.delete(old)
            new = create(transaction, "a")
        assert new.id != old.id
        with store.read() as snapshot:
            assert snapshot.get(HOME, "job", "a") == new
            assert snapshot.tags(new) == {}

    def test_of_many_creates_at_once_exactly_one_wins(self, store: Store) -> None:
        outcomes: list[str] = []
        barrier = threading.Barrier(8)

        def compete(number: int) -> None:
            barrier.wait()
            try:
                with store.write() as transaction:
                    create(transaction, "a", spec={"by": number})
                outcomes.append("won")
            except AlreadyExists:
                outcomes.append("lost")

        _together(compete, 8)
        assert sorted(outcomes) == ["lost"] * 7 + ["won"]
        assert events(store) == [("a", "Pending")]

    # --- transactions

    def test_an_exception_rolls_everything_back(self, store: Store) -> None:
        (kept,) = created(store, "kept")
        with pytest.raises(ZeroDivisionError), store.write() as transaction:
            create(transaction, "a", tags={"k": "v"})
            transaction.update(kept, status="Changed")
            transaction.tag(kept, {"k": "v"})
            raise ZeroDivisionError
        with store.read() as snapshot:
            assert snapshot.list(HOME, "job", Listing()).items == [kept]
            assert snapshot.tags(kept) == {}
            assert snapshot.history(arn("a")) == []
            assert len(snapshot.history(kept.arn)) == 1
        assert events(store) == [("kept", "Pending")]

    def test_a_snapshot_sees_one_moment(self, store: Store) -> None:
        (a,) = created(store, "a")
        with store.read() as snapshot:
            assert snapshot.get(HOME, "job", "a") == a
            with store.write() as transaction:
                transaction.update(a, status="Changed")
                create(transaction, "b")
            assert snapshot.get(HOME, "job", "a") == a
            assert snapshot.find(HOME, "job", "b") is None
        with store.read() as snapshot:
            assert snapshot.get(HOME, "job", "a").status == "Changed"

    def test_a_reader_sees_nothing_of_an_unfinished_transaction(self, store: Store) -> None:
        with store.write() as transaction:
            create(transaction, "a")
            assert names(store) == []
        assert names(store) == ["a"]

    def test_writers_lose_no_update(self, store: Store) -> None:
        created(store, "counter", observed={"count": 0})

        def count(_number: int) -> None:
            for _ in range(5):
                with store.write() as transaction:
                    found = transaction.get(HOME, "job", "counter")
                    transaction.update(found, observed={"count": found.observed["count"] + 1})

        _together(count, 6)
        with store.read() as snapshot:
            assert snapshot.get(HOME, "job", "counter").observed == {"count": 30}
            assert snapshot.get(HOME, "job", "counter").revision == 31

    def test_what_a_writer_has_seen_stays_true_until_it_ends(self, store: Store) -> None:
        """At most two at work: each looks, decides and writes; nobody else writes in between."""

        def start(number: int) -> None:
            with store.write() as transaction:
                if len(transaction.with_status("job", "InProgress")) < 2:
                    create(transaction, f"job-{number}", status="InProgress")

        _together(start, 8)
        with store.read() as snapshot:
            assert len(snapshot.with_status("job", "InProgress")) == 2

    def test_a_listener_is_called_after_the_commit_that_wrote_events(self, store: Store) -> None:
        seen: list[list[str]] = []
        store.on_event(lambda: seen.append(names(store)))
        (a,) = created(store, "a")
        with store.write() as transaction:
            transaction.tag(a, {"k": "v"})  # no event
            a = transaction.update(a, observed={"x": 1})  # the status stays: no event
        with pytest.raises(ZeroDivisionError), store.write() as transaction:
            create(transaction, "b")
            raise ZeroDivisionError
        with store.write() as transaction:
            transaction.delete(a)
        assert seen == [["a"], []]

    # --- revisions

    def test_an_update_changes_what_is_given_and_keeps_the_rest(self, store: Store) -> None:
        (a,) = created(store, "a", spec={"s": 1}, observed={"x": 1, "y": 1})
        with store.write() as transaction:
            b = transaction.update(a, observed={"y": 2, "z": 3})
            c = transaction.update(b, status="Done")
            d = transaction.update(c, spec={"s": 2})
        assert (b.spec, b.status, b.observed) == ({"s": 1}, "Pending", {"x": 1, "y": 2, "z": 3})
        assert (c.status, c.observed) == ("Done", b.observed)
        assert (d.spec, d.status) == ({"s": 2}, "Done")
        assert [item.revision for item in (a, b, c, d)] == [1, 2, 3, 4]
        assert a.created_at == d.created_at <= a.modified_at <= b.modified_at <= d.modified_at

    def test_who_holds_an_old_revision_can_change_nothing(self, store: Store) -> None:
        (old,) = created(store, "a")
        with store.write() as transaction:
            new = transaction.update(old, status="Done")
        for late in (
            lambda transaction: transaction.update(old, status="Late"),
            lambda transaction: transaction.delete(old),
        ):
            with pytest.raises(StaleRevision, match="no longer at revision 1"):
                self._within(store, late)
        with store.write() as transaction:
            transaction.delete(new)
        for gone in (
            lambda transaction: transaction.update(new, status="Late"),
            lambda transaction: transaction.delete(new),
        ):
            with pytest.raises(StaleRevision):
                self._within(store, gone)
        assert names(store) == []

    def test_the_history_outlives_the_resource_and_its_namesake(self, store: Store) -> None:
        (a,) = created(store, "a", spec={"n": 1})
        with store.write() as transaction:
            b = transaction.update(a, status="Done", observed={"x": 1})
            transaction.delete(b)
        created(store, "a", spec={"n": 2})
        with store.read() as snapshot:
            history = snapshot.history(arn("a"))
        assert [(row.revision, row.status, row.deleted) for row in history] == [
            (1, "Pending", False),
            (2, "Done", False),
            (3, "Done", True),
            (1, "Pending", False),
        ]
        assert [row.spec["n"] for row in history] == [1, 1, 1, 2]
        assert history[1].observed == {"x": 1}
        assert history[0].at == a.created_at

    # --- events

    def test_events_tell_of_creations_deletions_and_changes_of_status(self, store: Store) -> None:
        (a,) = created(store, "a")
        with store.write() as transaction:
            b = transaction.update(a, status="InProgress")
            c = transaction.update(b, observed={"x": 1})
            d = transaction.update(c, status="Done", spec={"s": 1})
            transaction.delete(d)
        assert events(store) == [
            ("a", "Pending"),
            ("a", "InProgress"),
            ("a", "Done"),
            ("a", "Deleted"),
        ]

    def test_an_announcement_is_an_event_of_its_own(self, store: Store) -> None:
        (a,) = created(store, "a")
        with store.write() as transaction:
            transaction.announce(a, status="Approved")
            transaction.announce(a)
        assert events(store) == [("a", "Pending"), ("a", "Approved"), ("a", "Pending")]

    def test_events_are_numbered_in_the_order_of_commits(self, store: Store) -> None:
        with store.write() as transaction:
            create(transaction, "first")
            later = threading.Thread(target=created, args=(store, "second"))
            later.start()
        later.join()
        assert events(store) == [("first", "Pending"), ("second", "Pending")]

    # --- tags

    def test_tags_are_added_replaced_and_removed(self, store: Store) -> None:
        (a,) = created(store, "a", tags={"one": "1", "two": "2"})
        with store.write() as transaction:
            transaction.tag(a, {"two": "zwei", "three": "3"})
            transaction.tag(a, {})
            transaction.untag(a, ["one", "never", "nul\0"])
            transaction.untag(a, [])
            assert transaction.tags(a) == {"three": "3", "two": "zwei"}
        with store.read() as snapshot:
            assert list(snapshot.tags(a)) == ["three", "two"]

    def test_the_tags_of_several_are_one_look(self, store: Store) -> None:
        (a,) = created(store, "a", tags={"two": "2", "one": "1"})
        (none,) = created(store, "none")
        (b,) = created(store, "b", tags={"one": "3"})
        created(store, "other", tags={"one": "4"})
        with store.read() as snapshot:
            found = snapshot.tags_of([a, none, b])
            assert found == {a.id: {"one": "1", "two": "2"}, b.id: {"one": "3"}}
            assert list(found[a.id]) == ["one", "two"]
            assert snapshot.tags_of([]) == {}

    def test_tags_leave_the_revision_alone(self, store: Store) -> None:
        (a,) = created(store, "a")
        with store.write() as transaction:
            transaction.tag(a, {"k": "v"})
            transaction.update(a, status="Done")

    def test_a_deleted_resource_takes_no_tags(self, store: Store) -> None:
        (a,) = created(store, "a")
        with store.write() as transaction:
            transaction.delete(a)
        with pytest.raises(NotFound, match="was deleted"), store.write() as transaction:
            transaction.tag(a, {"k": "v"})

    # --- what can be stored

    def test_any_text_comes_back(self, store: Store) -> None:
        (a,) = created(store, AWKWARD, spec={AWKWARD: AWKWARD}, tags={AWKWARD: AWKWARD})
        with store.read() as snapshot:
            found = snapshot.get(HOME, "job", AWKWARD)
            assert found.spec == {AWKWARD: AWKWARD}
            assert snapshot.tags(a) == {AWKWARD: AWKWARD}
        assert names(store, name_contains="% _") == [AWKWARD]

    def test_json_text_is_kept_whatever_it_holds(self, store: Store) -> None:
        spec = {"surrogate": "\ud800", "nul": "\0", "deep": _nested(90), "empty": {}, "e": 1e300}
        (a,) = created(store, "a", spec=spec)
        assert a.spec == spec

    @pytest.mark.parametrize(
        ("spec", "problem"),
        [
            ({"a": [0.5, float("nan")]}, r"spec\.a\[1\] is nan"),
            ({"a": float("-inf")}, r"spec\.a is -inf"),
            ({"a": {1: 2}}, "spec.a has the key 1, which is not a text"),
            ({"a": b"x"}, "spec.a is of type bytes"),
            ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "spec.a is of type datetime"),
            ({"a": None} | {"b": {2}}, "spec.b is of type set"),
        ],
    )
    def test_what_json_cannot_say_is_refused_by_its_place(
        self, store: Store, spec: dict[str, Any], problem: str
    ) -> None:
        (a,) = created(store, "a")
        with pytest.raises(Unstorable, match=problem):
            created(store, "b", spec=spec)
        with pytest.raises(Unstorable, match=problem), store.write() as transaction:
            transaction.update(a, spec=spec)
        with pytest.raises(Unstorable, match="observed"), store.write() as transaction:
            transaction.update(a, observed=spec)
        assert names(store) == ["a"]

    def test_a_document_nested_too_deep_is_refused(self, store: Store) -> None:
        with pytest.raises(Unstorable, match="more than 100 deep"):
            created(store, "a", spec={"deep": _nested(100)})

    def test_a_text_that_cannot_be_kept_is_refused(self, store: Store) -> None:
        for bad, problem in {"a\0": "NUL", "\ud800": "surrogate", "é" * 257: "514 bytes"}.items():
            with pytest.raises(Unstorable, match=problem):
                created(store, bad)
            with pytest.raises(Unstorable, match="tag"):
                created(store, "a", tags={bad: ""})
            with pytest.raises(Unstorable, match="status"):
                created(store, "a", status=bad)
        assert events(store) == []

    def test_all_problems_come_at_once(self, store: Store) -> None:
        with pytest.raises(Unstorable, match=r"name.*status.*spec\.a.*spec\.b"):
            created(store, "a\0", status="x" * 65, spec={"a": float("nan"), "b": {1}})

    def test_the_longest_texts_fit(self, store: Store) -> None:
        name, kind = "n" * 512, "k" * 64
        long = "a" * 1024
        with store.write() as transaction:
            made = transaction.create(
                HOME, kind, name, arn=long, spec={}, status="s" * 64, tags={"é" * 256: "é" * 512}
            )
        with store.read() as snapshot:
            assert snapshot.get(HOME, kind, name) == made == snapshot.get_by_arn(long)

    def test_nothing_is_found_by_a_name_that_could_not_be_stored(self, store: Store) -> None:
        created(store, "a")
        with store.read() as snapshot:
            for bad in ("a\0", "\ud800", "x" * 10_000):
                assert snapshot.find(HOME, "job", bad) is None
                assert snapshot.find(HOME, bad, "a") is None
                with pytest.raises(NotFound):
                    snapshot.get_by_arn(bad)
                for asked in (Listing(name_contains=bad), Listing(status_equals=bad)):
                    assert snapshot.list(HOME, "job", asked).items == []

    # --- lists

    def test_a_list_is_in_the_order_of_creation_unless_told_otherwise(self, store: Store) -> None:
        created(store, "b", "a", "c")
        assert names(store) == ["b", "a", "c"]
        assert names(store, descending=True) == ["c", "a", "b"]

    def test_names_and_statuses_sort_by_their_bytes(self, store: Store) -> None:
        order = ["B", "Z-1", "Z1", "_", "a", "a-b", "ab", "b", "é", "漢", "🎉"]
        for name in sorted(order, key=hash):
            created(store, name, status=name)
        assert names(store, sort_by="Name") == order
        assert names(store, sort_by="Name", descending=True) == order[::-1]
        assert names(store, sort_by="Status") == order
        for sort_by in ("Name", "Status"):
            for descending in (False, True):
                paged = all_names(store, sort_by=sort_by, descending=descending, limit=2)
                assert paged == (order[::-1] if descending else order)

    def test_a_list_can_follow_the_last_change(self, store: Store) -> None:
        a, _b, _c = created(store, "a", "b", "c")
        with store.write() as transaction:
            transaction.update(a, observed={"x": 1})
        assert names(store, sort_by="LastModifiedTime") == ["b", "c", "a"]
        assert all_names(store, sort_by="LastModifiedTime", limit=1) == ["b", "c", "a"]

    def test_name_contains_is_literal_and_minds_capitals(self, store: Store) -> None:
        created(store, "model-a", "Model-b", "mod%l", "mod_l", "c\\d", "É")
        assert names(store, name_contains="odel") == ["model-a", "Model-b"]
        assert names(store, name_contains="M") == ["Model-b"]
        assert names(store, name_contains="%") == ["mod%l"]
        assert names(store, name_contains="_") == ["mod_l"]
        assert names(store, name_contains="\\") == ["c\\d"]
        assert names(store, name_contains="é") == []
        assert len(names(store, name_contains="")) == 6

    def test_a_status_is_matched_as_a_whole(self, store: Store) -> None:
        created(store, "a", status="Completed")
        created(store, "b", status="completed")
        created(store, "c", status="Complete")
        assert names(store, status_equals="Completed") == ["a"]

    def test_time_bounds_exclude_their_own_moment(self, store: Store) -> None:
        moments = [item.created_at for item in created(store, "a", "b", "c")]
        assert moments == sorted(set(moments))
        assert names(store, created_after=moments[0]) == ["b", "c"]
        assert names(store, created_before=moments[2]) == ["a", "b"]
        assert names(store, created_after=moments[0], created_before=moments[2]) == ["b"]
        assert names(store, modified_after=moments[1]) == ["c"]
        assert names(store, modified_before=moments[1]) == ["a"]
        assert names(store, created_after=moments[0] - timedelta(microseconds=1)) == ["a", "b", "c"]

    def test_filters_work_together_and_over_pages(self, store: Store) -> None:
        for number in range(12):
            created(store, f"n{number:02}", status="AB"[number % 2])
        asked = {"status_equals": "A", "name_contains": "n0"}
        assert all_names(store, limit=2, **asked) == ["n00", "n02", "n04", "n06", "n08"]

    def test_the_last_page_has_no_token_also_when_it_is_full(self, store: Store) -> None:
        created(store, "a", "b", "c", "d")
        first = page(store, limit=2)
        assert first.token is not None
        second = page(store, limit=2, token=first.token)
        assert [item.name for item in second.items] == ["c", "d"]
        assert second.token is None
        assert page(store, kind="none").items == []

    def test_rows_of_one_instant_are_paged_by_their_ids(self, store: Store) -> None:
        created(store, *"abcdefg")
        with store.database.write() as connection:
            connection.execute(sa.update(tables.resources).values(created_at=5, modified_at=5))
        for descending in (False, True):
            paged = all_names(store, limit=2, descending=descending)
            assert "".join(paged) == ("gfedcba" if descending else "abcdefg")

    def test_the_size_of_a_page_may_change_on_the_way(self, store: Store) -> None:
        created(store, *"abcde")
        first = page(store, limit=1)
        assert names(store, limit=10, token=first.token) == ["b", "c", "d", "e"]

    def test_a_bound_in_another_time_zone_is_the_same_listing(self, store: Store) -> None:
        first, *_ = created(store, *"abc")
        there = first.created_at.astimezone(timezone(timedelta(hours=5)))
        one = page(store, limit=1, created_after=first.created_at - timedelta(days=1))
        assert names(store, token=one.token, created_after=there - timedelta(days=1)) == ["b", "c"]

    def test_a_token_of_another_listing_is_refused(self, store: Store) -> None:
        created(store, *"abc")
        token = page(store, limit=1).token
        for other in (
            {"descending": True},
            {"sort_by": "Name"},
            {"name_contains": "a"},
            {"status_equals": "Pending"},
            {"created_after": datetime(2020, 1, 1, tzinfo=UTC)},
        ):
            with pytest.raises(BadPageToken, match="other filters or another order"):
                page(store, token=token, **other)

    def test_a_name_on_the_edge_of_a_page_may_hold_anything(self, store: Store) -> None:
        created(store, AWKWARD, AWKWARD + "2", AWKWARD + "1")
        assert all_names(store, limit=1, sort_by="Name") == [
            AWKWARD,
            AWKWARD + "1",
            AWKWARD + "2",
        ]

    def test_what_is_at_work_is_found_in_every_account_oldest_first(self, store: Store) -> None:
        created(store, "b", status="InProgress")
        created(store, "a", status="Stopping", scope=OTHER)
        created(store, "c", status="Done")
        created(store, "d", status="InProgress", kind="model")
        with store.read() as snapshot:
            found = snapshot.with_status("job", "InProgress", "Stopping")
            assert [item.name for item in found] == ["b", "a"]
            assert snapshot.with_status("job") == []

    def _within(self, store: Store, change: Callable[[Transaction], object]) -> None:
        with store.write() as transaction:
            change(transaction)


def _nested(depth: int) -> object:
    value: object = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _together(work: Callable[[int], None], count: int) -> None:
    """Run `work` in `count` threads at once; fail with what any of them raised."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except (StoreError, AssertionError, sa.exc.SQLAlchemyError) as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
