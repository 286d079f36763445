"""What would happen to a stack, and what would go wrong, without doing any of it.

It walks the template as the builder does, with the names that new resources would have, asks each
type whether its resource could be created as the caller, and looks whether the names that the
template gives are free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.difference import Action, Step, step_for
from modelyard.orchestrator.stacks.errors import EvaluationError
from modelyard.orchestrator.stacks.evaluation import Evaluation, StackIdentity
from modelyard.orchestrator.stacks.instances import (
    Existing,
    fresh_record,
    same_name_text,
    taken_text,
)
from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import Record, Stack
from modelyard.orchestrator.stacks.template import ResourceDeclaration, Template
from modelyard.store.resources import Resource, Scope

_NEW = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a resource could not be made what it is to be."""

    logical_id: str
    text: str
    about_name: bool = False  # the name that the template gives is the problem

    def sentence(self, name: str | None = None) -> str:
        """Return it as one sentence, under `name` where it is about what that names."""
        return f"{name if self.about_name and name else self.logical_id}: {self.text}"


@dataclass(kw_only=True)
class Preview:
    """`changes` in the order in which they would be made; `problems` why they could not be."""

    changes: list[str] = field(default_factory=list)
    problems: list[Obstacle] = field(default_factory=list)


class Previewer:
    """Looks ahead, on behalf of a caller."""

    def __init__(self, types: Mapping[str, ResourceType]) -> None:
        self._types = types

    def preview(
        self,
        context: Context,
        name: str,
        template: Template,
        parameters: Mapping[str, str],
        row: Resource | None,
    ) -> Preview:
        """Return what would become of a stack.

        Args:
            name: of the stack.
            row: the stack as it is, or None where there is none.
        """
        scope = Scope(account=context.account, region=context.region)
        identity = StackIdentity(
            account=scope.account,
            region=scope.region,
            name=name,
            arn=row.arn if row is not None else stack_arn(scope, name, _NEW),
        )
        walk = _Walk(
            types=self._types,
            context=context,
            scope=scope,
            identity=identity,
            stack=None if row is None else Stack.of(row),
        )
        return walk.through(template, parameters)


@dataclass(kw_only=True)
class _Walk:
    types: Mapping[str, ResourceType]
    context: Context
    scope: Scope
    identity: StackIdentity
    stack: Stack | None
    there: dict[str, Existing] = field(default_factory=dict)
    found: Preview = field(default_factory=Preview)

    def through(self, template: Template, parameters: Mapping[str, str]) -> Preview:
        evaluation = Evaluation(template, parameters, self.identity, self.there)
        wanted = evaluation.resources()
        for declaration in wanted:
            try:
                self._look_at(evaluation, declaration)
            except (EvaluationError, ClientError) as error:
                self._object(declaration.logical_id, str(error))
        names = {declaration.logical_id for declaration in wanted}
        for logical_id, record in self._records().items():
            if logical_id not in names:
                self.found.changes.append(f"{logical_id} ({record.type}) is removed")
        return self.found

    def _look_at(self, evaluation: Evaluation, declaration: ResourceDeclaration) -> None:
        logical_id = declaration.logical_id
        kind = self.types[declaration.type]
        desired = kind.coerced(evaluation.properties(declaration), logical_id)
        record = self._records().get(logical_id)
        step = step_for(kind, record, [], desired)
        kept = record is not None and step.action in (Action.KEEP, Action.UPDATE)
        if kept and record is not None and kind.find(self.context, record.name) is None:
            record, step = None, Step(action=Action.CREATE)
        if step.action in (Action.CREATE, Action.REPLACE):
            fresh = fresh_record(kind, declaration, self.scope, self.identity.name, "", desired)
            self._check_name(kind, fresh, record)
            record = fresh
        self.found.changes.extend(_described(declaration, step))
        if step.action is not Action.KEEP and record is not None:
            for problem in kind.problems(self.context, record.name, desired):
                self._object(logical_id, problem)
        if record is not None:
            self.there[logical_id] = Existing(kind=kind, scope=self.scope, record=record)

    def _check_name(self, kind: ResourceType, fresh: Record, record: Record | None) -> None:
        if kind.given_name(fresh.properties) is None:
            return
        description = kind.find(self.context, fresh.name)
        if description is None:
            return
        text = taken_text(fresh.name)
        if kind.is_owned(self.context, description, self.identity.arn):
            if record is not None and record.key == fresh.key:
                text = same_name_text(fresh, record)
            elif self.stack is not None and fresh.key in {old.key for old in self.stack.superseded}:
                return  # it will be deleted first
        self._object(fresh.logical_id, text, about_name=True)

    def _object(self, logical_id: str, text: str, *, about_name: bool = False) -> None:
        self.found.problems.append(
            Obstacle(logical_id=logical_id, text=text, about_name=about_name)
        )

    def _records(self) -> Mapping[str, Record]:
        return {} if self.stack is None else self.stack.records


def _described(declaration: ResourceDeclaration, step: Step) -> list[str]:
    what = f"{declaration.logical_id} ({declaration.type})"
    changed = ", ".join(step.changed)
    match step.action:
        case Action.CREATE | Action.RESUME:
            return [f"{what} is created"]
        case Action.UPDATE:
            return [f"{what} is updated in place: {changed or 'once more'}"]
        case Action.REPLACE:
            return [f"{what} is replaced by a new one: {changed or 'once more'}"]
    return []


def stack_arn(scope: Scope, name: str, unique: str) -> str:
    """Return `arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>`."""
    return f"arn:aws:cloudformation:{scope.region}:{scope.account}:stack/{name}/{unique}"
