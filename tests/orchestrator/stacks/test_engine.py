"""A stack's life, over toy capabilities in a real operation table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelyard.orchestrator.stacks.errors import StackBusy
from modelyard.orchestrator.stacks.events import stack_events
from modelyard.store.resources import Store
from tests.orchestrator.stacks.templates import config, endpoint, job, model, serving
from tests.orchestrator.toys import Faults
from tests.orchestrator.world import ACCOUNT, BASE_URL, World, new_store


@pytest.fixture
def store() -> Iterator[Store]:
    with new_store() as store:
        yield store


async def test_resources_are_created_in_the_order_of_their_needs(store: Store) -> None:
    world = World(store)
    arn = world.create(serving())
    assert world.status(arn) == "CREATE_IN_PROGRESS"
    await world.run()
    assert world.status(arn) == "CREATE_COMPLETE"
    assert world.toys.faults.calls == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    (name,) = world.toys.names("endpoint")
    assert name.startswith("stack-Endpoint-")
    assert len(name) == len("stack-Endpoint-") + 12


async def test_what_the_stack_is_for_stands_in_its_outputs(store: Store) -> None:
    world = World(store)
    arn = world.create(serving())
    assert world.engine.outputs(world.stack(arn)) == {}
    await world.run()
    (model_name,) = world.toys.names("model")
    records = world.stack(arn).observed["resources"]
    assert world.engine.outputs(world.stack(arn)) == {
        "Url": f"{BASE_URL}/{records['Api']['name']}/prod/inference",
        "Model": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/{model_name}",
    }


async def test_the_stacks_tags_and_its_arn_are_on_each_resource(store: Store) -> None:
    world = World(store)
    arn = world.create(serving(Tags=[{"Key": "own", "Value": "1"}]), tags={"stack_name": "stack"})
    await world.run()
    for thing in world.toys.things.values():
        assert thing.tags["stack_name"] == "stack"
        assert thing.tags["modelyard:stack-id"] == arn
    (name,) = world.toys.names("endpoint")
    assert world.toys.things["endpoint", name].tags["own"] == "1"


async def test_an_update_without_a_difference_calls_nothing(store: Store) -> None:
    world = World(store)
    arn = world.create(serving())
    await world.run()
    world.toys.faults.calls.clear()
    world.update(arn, serving())
    await world.run()
    assert world.status(arn) == "UPDATE_COMPLETE"
    assert world.toys.faults.calls == []
    assert world.stack(arn).observed["touched"] == []


async def test_an_update_replaces_what_cannot_change_and_updates_what_can(store: Store) -> None:
    world = World(store)
    arn = world.create(serving("one"))
    await world.run()
    before = world.toys.names("endpoint")
    world.toys.faults.calls.clear()
    world.update(arn, serving("two"))
    await world.run()
    assert world.status(arn) == "UPDATE_COMPLETE"
    assert world.toys.faults.calls == [
        "CreateModel",
        "CreateEndpointConfig",
        "UpdateEndpoint",
        "Delete endpoint-config",
        "Delete model",
    ]
    assert world.toys.names("endpoint") == before
    assert len(world.toys.names("model")) == len(world.toys.names("endpoint-config")) == 1


async def test_changed_tags_are_changed_in_place(store: Store) -> None:
    world = World(store)
    first = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]
    arn = world.create(serving(Tags=first))
    await world.run()
    names = world.toys.names("endpoint")
    world.update(arn, serving(Tags=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "1"}]))
    await world.run()
    assert world.toys.names("endpoint") == names
    tags = world.toys.things["endpoint", names[0]].tags
    assert {key: tags.get(key) for key in "abc"} == {"a": None, "b": "2", "c": "1"}
    assert tags["modelyard:stack-id"] == arn


async def test_a_resource_that_is_taken_out_is_deleted_after_the_update(store: Store) -> None:
    world = World(store)
    arn = world.create(serving())
    await world.run()
    world.update(arn, {"Resources": {"Model": model("one")}})
    await world.run()
    assert world.status(arn) == "UPDATE_COMPLETE"
    assert world.toys.names("endpoint") == world.toys.names("endpoint-config") == []
    assert len(world.toys.names("model")) == 1


async def test_a_deletion_goes_in_reverse_and_leaves_only_history(store: Store) -> None:
    world = World(store)
    arn = world.create(serving())
    await world.run()
    world.toys.faults.calls.clear()
    world.delete(arn)
    await world.run()
    assert world.toys.faults.calls == ["DeleteEndpoint", "Delete endpoint-config", "Delete model"]
    assert world.toys.things == {}
    assert not world.exists(arn)
    with store.read() as snapshot:
        assert snapshot.history(arn)[-1].status == "DELETE_COMPLETE"


async def test_a_creation_that_fails_leaves_nothing_and_says_why(store: Store) -> None:
    world = World(store, Faults(fail_operations=frozenset({"CreateEndpoint"})))
    arn = world.create(serving())
    await world.run()
    assert world.status(arn) == "ROLLBACK_COMPLETE"
    assert world.toys.things == {}
    assert world.stack(arn).observed["reason"] == (
        "Endpoint: An error occurred (ResourceLimitExceeded) when calling the CreateEndpoint "
        "operation: CreateEndpoint was made to fail"
    )


async def test_an_endpoint_that_never_serves_rolls_its_stack_back(store: Store) -> None:
    world = World(store)
    template = serving()
    image = template["Resources"]["Model"]["Properties"]["PrimaryContainer"]["Image"]
    world.toys.broken_images.add(image)
    arn = world.create(template)
    await world.run()
    assert world.status(arn) == "ROLLBACK_COMPLETE"
    assert "the model cannot be loaded" in world.stack(arn).observed["reason"]
    assert world.toys.things == {}


async def test_an_update_that_fails_goes_back_to_what_was_there(store: Store) -> None:
    world = World(store)
    arn = world.create(serving("one"))
    await world.run()
    names = {kind: world.toys.names(kind) for kind in ("model", "endpoint-config", "endpoint")}
    broken = serving("two")
    broken["Resources"]["Model"]["Properties"]["PrimaryContainer"]["Image"] = "broken"
    world.toys.broken_images.add("broken")
    world.update(arn, broken)
    await world.run()
    assert world.status(arn) == "UPDATE_ROLLBACK_COMPLETE"
    assert "the endpoint was not updated" in world.stack(arn).observed["reason"]
    assert world.stack(arn).spec["template"] == serving("one")
    assert {kind: world.toys.names(kind) for kind in names} == names
    world.update(arn, serving("three"))
    await world.run()
    assert world.status(arn) == "UPDATE_COMPLETE"


async def test_a_name_that_somebody_else_has_is_never_taken_nor_deleted(store: Store) -> None:
    world = World(store)
    other = world.create(serving(EndpointName="shared"), name="other")
    await world.run()
    arn = world.create(serving(EndpointName="shared"))
    await world.run()
    assert world.status(arn) == "ROLLBACK_COMPLETE"
    assert "'shared' exists already" in world.stack(arn).observed["reason"]
    assert world.status(other) == "CREATE_COMPLETE"
    assert world.toys.names("endpoint") == ["shared"]


async def test_a_named_resource_is_not_replaced_under_its_own_name(store: Store) -> None:
    world = World(store)
    arn = world.create({"Resources": {"Job": job("named", rounds="10")}})
    await world.run()
    world.update(arn, {"Resources": {"Job": job("named", rounds="20")}})
    await world.run()
    assert world.status(arn) == "UPDATE_ROLLBACK_COMPLETE"
    reason = world.stack(arn).observed["reason"]
    assert "HyperParameters cannot be changed in place" in reason
    assert world.toys.created == ["named"]


async def test_what_was_deleted_behind_the_stacks_back_is_created_again(store: Store) -> None:
    world = World(store)
    arn = world.create(serving())
    await world.run()
    (lost,) = world.toys.names("endpoint")
    del world.toys.things["endpoint", lost]
    world.update(arn, serving())
    await world.run()
    assert world.status(arn) == "UPDATE_COMPLETE"
    (found,) = world.toys.names("endpoint")
    assert found != lost


async def test_a_retained_job_outlives_its_replacement_and_is_stopped_with_its_stack(
    store: Store,
) -> None:
    world = World(store)
    policies = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    arn = world.create({"Resources": {"Job": job("first", **policies)}})
    await world.run()
    world.update(arn, {"Resources": {"Job": job("second", **policies)}})
    await world.run()
    assert [world.toys.things["training-job", name].status for name in ("first", "second")] == [
        "InProgress",
        "InProgress",
    ]
    world.delete(arn)
    await world.run()
    assert not world.exists(arn)
    assert world.toys.things["training-job", "first"].status == "InProgress"
    assert world.toys.things["training-job", "second"].status == "Stopped"


async def test_a_retained_jobs_name_is_not_taken_again_nor_its_job_deleted(store: Store) -> None:
    world = World(store)
    policies = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    arn = world.create({"Resources": {"Job": job("first", **policies)}})
    await world.run()
    for name in ("second", "first"):
        world.update(arn, {"Resources": {"Job": job(name, **policies)}})
        await world.run()
    assert world.status(arn) == "UPDATE_ROLLBACK_COMPLETE"
    assert "'first' exists already" in world.stack(arn).observed["reason"]
    assert world.toys.names("training-job") == ["first", "second"]
    assert world.toys.created == ["first", "second"]


async def test_a_job_without_a_policy_is_stopped_and_deleted(store: Store) -> None:
    world = World(store)
    arn = world.create({"Resources": {"Job": job("named")}})
    await world.run()
    world.delete(arn)
    await world.run()
    assert world.toys.things == {}


async def test_a_stack_that_is_busy_takes_no_update(store: Store) -> None:
    world = World(store)
    arn = world.create(serving())
    with pytest.raises(StackBusy, match="CREATE_IN_PROGRESS"):
        world.update(arn, serving("two"))


async def test_a_deletion_interrupts_a_creation(store: Store) -> None:
    world = World(store, looks=3)
    arn = world.create(serving())
    world.toys.faults.meanwhile["CreateEndpointConfig"] = lambda: world.delete(arn)
    await world.run()
    assert not world.exists(arn)
    assert world.toys.things == {}


async def test_a_deletion_that_fails_says_what_is_left_and_can_be_tried_again(
    store: Store,
) -> None:
    world = World(store)
    arn = world.create(serving())
    await world.run()
    world.toys.faults.fail_operations = frozenset({"Delete endpoint-config"})
    world.delete(arn)
    await world.run()
    assert world.status(arn) == "DELETE_FAILED"
    assert world.stack(arn).observed["reason"].startswith("Config: ")
    assert sorted(world.stack(arn).observed["resources"]) == ["Config", "Model"]
    world.toys.faults.fail_operations = frozenset()
    world.delete(arn)
    await world.run()
    assert not world.exists(arn)
    assert world.toys.things == {}


async def test_what_an_update_replaced_and_could_not_delete_goes_with_the_next(
    store: Store,
) -> None:
    world = World(store)
    arn = world.create(serving("one"))
    await world.run()
    world.toys.faults.fail_operations = frozenset({"Delete model"})
    world.update(arn, serving("two"))
    await world.run()
    assert world.status(arn) == "UPDATE_COMPLETE"
    assert len(world.toys.names("model")) == 2
    assert "Delete model was made to fail" in world.stack(arn).observed["reason"]
    world.toys.faults.fail_operations = frozenset()
    world.update(arn, serving("two"))
    await world.run()
    assert len(world.toys.names("model")) == 1


async def test_a_stack_acts_as_its_caller_and_may_no_more(store: Store) -> None:
    world = World(store)
    world.policy.denied.add("sagemaker:CreateModel")
    arn = world.create(serving())
    await world.run()
    assert world.status(arn) == "ROLLBACK_COMPLETE"
    assert (
        "is not authorized to perform: sagemaker:CreateModel"
        in (world.stack(arn).observed["reason"])
    )


async def test_names_that_are_too_long_are_shortened_and_stay_apart(store: Store) -> None:
    world = World(store)
    logical = {f"{'Model' * 20}{number}": model() for number in range(3)}
    arn = world.create({"Resources": logical}, name="stack-" + "x" * 100)
    await world.run()
    assert world.status(arn) == "CREATE_COMPLETE"
    names = world.toys.names("model")
    assert len(set(names)) == 3
    assert max(map(len, names)) == 63


async def test_a_condition_takes_a_resource_in_and_out(store: Store) -> None:
    world = World(store)
    template = {
        "Parameters": {"Serve": {"Type": "String", "Default": "no"}},
        "Conditions": {"Serving": {"Fn::Equals": [{"Ref": "Serve"}, "yes"]}},
        "Resources": {
            "Model": model(),
            "Config": config(Condition="Serving"),
            "Endpoint": {**endpoint(), "Condition": "Serving"},
        },
    }
    arn = world.create(template)
    await world.run()
    assert world.toys.names("endpoint") == []
    world.update(arn, template, {"Serve": "yes"})
    await world.run()
    assert len(world.toys.names("endpoint")) == 1
    world.update(arn, template, {"Serve": "no"})
    await world.run()
    assert world.toys.names("endpoint") == []


async def test_events_tell_every_status_newest_first(store: Store) -> None:
    world = World(store)
    arn = world.create({"Resources": {"Model": model()}})
    await world.run()
    world.delete(arn)
    await world.run()
    with store.read() as snapshot:
        events = stack_events(arn, "stack", snapshot.history(arn))
    assert [(event.logical_id, event.status) for event in reversed(events)] == [
        ("stack", "CREATE_IN_PROGRESS"),
        ("Model", "CREATE_IN_PROGRESS"),
        ("Model", "CREATE_COMPLETE"),
        ("stack", "CREATE_COMPLETE"),
        ("stack", "DELETE_IN_PROGRESS"),
        ("Model", "DELETE_IN_PROGRESS"),
        ("Model", "DELETE_COMPLETE"),
        ("stack", "DELETE_COMPLETE"),
    ]
    assert len({event.id for event in events}) == len(events)
