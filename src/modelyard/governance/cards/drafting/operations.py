"""DraftModelCard: what the platform would write into a card, and what it cannot."""

from __future__ import annotations

from collections.abc import Callable

from modelyard.governance.cards import content
from modelyard.governance.cards.drafting.draft import Draft, draft, named_in
from modelyard.governance.cards.drafting.sources import Named, Sources
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.table import OperationTable, Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.objects import Objects


class DraftOperations:
    """Drafts cards; nothing is stored."""

    def __init__(self, table: OperationTable, objects_of: Callable[[Context], Objects]) -> None:
        self._table = table
        self._objects_of = objects_of

    @operation("modelyard", "DraftModelCard", on=every("model-card"))
    def draft_model_card(self, context: Context, request: Request) -> Response:
        begun = content.parse(request["Content"]) if request.get("Content") else {}
        named = Named(
            training_job=request.get("TrainingJobName"),
            package=request.get("ModelPackageName"),
            model=request.get("ModelName"),
            endpoint=request.get("EndpointName"),
        )
        made = self.draft(context, named, begun)
        return {
            "Content": content.written(made.content),
            "Missing": [{"Path": path, "What": what} for path, what in made.missing.items()],
            "Sources": made.sources,
            "Notes": made.notes,
        }

    def draft(self, context: Context, named: Named, begun: content.Document) -> Draft:
        """Return a draft of what is named, or of what a content that a person began names.

        Raises:
            ValidationError: nothing is named, or what was found makes no card.
            OperationError: something that is named does not exist, or is closed to the caller.
        """
        if named == Named():
            named = named_in(begun)
        if named == Named():
            raise ValidationError(
                "There is nothing to draft a card from: give TrainingJobName, ModelPackageName, "
                "ModelName or EndpointName, or a Content whose model_overview.model_id, "
                "model_package_details.model_package_arn or "
                "training_details.training_job_details.training_arn names one"
            )
        made = draft(Sources(context, self._table, self._objects_of), named, begun)
        problems = content.problems_of(content.written(made.content))
        if problems:
            raise ValidationError.of([f"The draft is no card: {problem}" for problem in problems])
        return made
