"""What can be asked of a rule's targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from modelyard.arns import Arn
from modelyard.events.bus_operations import own_bus
from modelyard.events.delivery import Courier, acting
from modelyard.events.errors import LimitReached
from modelyard.events.inputs import input_problems
from modelyard.events.paging import name_page
from modelyard.events.rule_operations import pass_role
from modelyard.events.rules import Rule, Rulebook, RuleTarget, find_rule, on_rule
from modelyard.identity.roles import require_role
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError, ValidationError
from modelyard.operations.table import OperationTable, Request, Response, operation
from modelyard.store.resources import Store

MAX_TARGETS = 5
_OFFERED = frozenset(
    {
        "Id",
        "Arn",
        "RoleArn",
        "Input",
        "InputPath",
        "InputTransformer",
        "RetryPolicy",
        "DeadLetterConfig",
    }
)


class TargetOperations:
    """Put, list and remove targets."""

    def __init__(
        self, store: Store, table: OperationTable, rulebook: Rulebook, courier: Courier
    ) -> None:
        self._store = store
        self._table = table
        self._rulebook = rulebook
        self._courier = courier

    @operation("events", "PutTargets", on=on_rule("Rule"))
    def put_targets(self, context: Context, request: Request) -> Response:
        """Take the targets that are right, and answer what is wrong with the others."""
        bus = own_bus(context, request.get("EventBusName"))
        ids = [target["Id"] for target in request["Targets"]]
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        if twice:
            raise ValidationError(f"Targets: the Id {', '.join(twice)} is given twice")
        with self._store.read() as snapshot:
            rule = Rule.of(find_rule(snapshot, bus, request["Rule"]))
        taken, failed = [], []
        for target in request["Targets"]:
            refusal = self._refusal(context, rule, target)
            if refusal is None:
                taken.append(target)
            else:
                code, message = refusal
                failed.append(
                    {"TargetId": target["Id"], "ErrorCode": code, "ErrorMessage": message}
                )
        with self._store.write() as transaction:
            row = find_rule(transaction, bus, request["Rule"])
            known = {target["request"]["Id"]: target for target in row.spec["Targets"]}
            by = asdict(context.principal)
            known |= {one["Id"]: {"request": dict(one), "put_by": by} for one in taken}
            if len(known) > MAX_TARGETS:
                raise LimitReached(
                    f"A rule has at most {MAX_TARGETS} targets, and {rule.name} would have "
                    f"{len(known)}."
                )
            if taken:
                transaction.update(row, spec={**row.spec, "Targets": list(known.values())})
        self._rulebook.changed()
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    @operation("events", "ListTargetsByRule", on=on_rule("Rule"))
    def list_targets_by_rule(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        with self._store.read() as snapshot:
            row = find_rule(snapshot, bus, request["Rule"])
        known = {target["request"]["Id"]: target["request"] for target in row.spec["Targets"]}
        ids, token = name_page(sorted(known), request)
        return {"Targets": [known[id_] for id_ in ids], "NextToken": token}

    @operation("events", "RemoveTargets", on=on_rule("Rule"))
    def remove_targets(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        with self._store.write() as transaction:
            row = find_rule(transaction, bus, request["Rule"])
            known = {target["request"]["Id"]: target for target in row.spec["Targets"]}
            unknown = [id_ for id_ in request["Ids"] if id_ not in known]
            kept = [one for id_, one in known.items() if id_ not in request["Ids"]]
            transaction.update(row, spec={**row.spec, "Targets": kept})
        self._rulebook.changed()
        return {
            "FailedEntryCount": len(unknown),
            "FailedEntries": [
                {
                    "TargetId": id_,
                    "ErrorCode": "ResourceNotFoundException",
                    "ErrorMessage": f"Rule {row.spec['Name']} has no target {id_}.",
                }
                for id_ in unknown
            ],
        }

    def _refusal(
        self, context: Context, rule: Rule, request: Mapping[str, Any]
    ) -> tuple[str, str] | None:
        """Return why a target is not taken: an error's code and message."""
        try:
            problems = list(self._problems(rule, request))
            if problems:
                raise ValidationError.of(problems)
            self._authorise(context, rule, request)
        except OperationError as error:
            return error.code, error.message
        return None

    def _problems(self, rule: Rule, request: Mapping[str, Any]) -> Iterator[str]:
        for member in sorted(set(request) - _OFFERED):
            yield f"{member} is not offered: leave it out"
        yield from input_problems(request)
        try:
            Arn.parse(request["Arn"])
        except ValueError as error:
            yield str(error)
            return
        kind = self._courier.kind_of(request["Arn"])
        if kind is None:
            yield (
                f"{request['Arn']} is no target that is offered: topics (sns), operations "
                "(scheduler:::aws-sdk), pipelines (execute-api), webhooks (api-destination) and "
                "event buses are"
            )
            return
        yield from kind.problems(rule, request)
        if kind.needs_role and not (request.get("RoleArn") or rule.role_arn):
            yield "RoleArn is missing: it says as whom the target acts"

    def _authorise(self, context: Context, rule: Rule, request: Mapping[str, Any]) -> None:
        """Look whether the caller may use the target, and whether its role may.

        Raises:
            AccessDenied: one of them may not.
            ValidationError: there is no such role.
        """
        role = request.get("RoleArn") or rule.role_arn
        if role:
            pass_role(self._table, context, role)
            with self._store.read() as snapshot:
                require_role(snapshot, context.account, role)
        kind = self._courier.kind_of(request["Arn"])
        needed = None if kind is None else kind.needed(request)
        if needed is None:
            return
        target = RuleTarget(request=request, put_by=context.principal)
        acts = acting(rule, target, context.request_id)
        for who in [context] if acts.principal == context.principal else [context, acts]:
            with self._table.guard(who, needed.action, needed.resource, needed.request):
                pass
