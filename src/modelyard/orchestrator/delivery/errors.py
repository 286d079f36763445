"""What may be answered to who approves, retries, stops or rolls back: CodePipeline's own words."""

from __future__ import annotations

from modelyard.operations.errors import OperationError


class PipelineNotFound(OperationError):
    """There is no such pipeline."""

    code = "PipelineNotFoundException"


class StageNotFound(OperationError):
    """The pipeline has no such stage."""

    code = "StageNotFoundException"


class ActionNotFound(OperationError):
    """The stage has no such action."""

    code = "ActionNotFoundException"


class ExecutionNotFound(OperationError):
    """The pipeline has no such execution."""

    code = "PipelineExecutionNotFoundException"


class InvalidApprovalToken(OperationError):
    """The token is not that of the approval which waits."""

    code = "InvalidApprovalTokenException"


class ApprovalAlreadyCompleted(OperationError):
    """The approval does not wait any more."""

    code = "ApprovalAlreadyCompletedException"


class StageNotRetryable(OperationError):
    """Nothing in the stage failed."""

    code = "StageNotRetryableException"


class NotLatestExecution(OperationError):
    """A newer execution is there."""

    code = "NotLatestPipelineExecutionException"


class ExecutionNotStoppable(OperationError):
    """The execution has ended."""

    code = "PipelineExecutionNotStoppableException"


class DuplicatedStopRequest(OperationError):
    """The execution is being stopped already."""

    code = "DuplicatedStopRequestException"


class UnableToRollBack(OperationError):
    """The stage cannot be rolled back to that execution."""

    code = "UnableToRollbackStageException"


class PipelineBusy(OperationError):
    """The pipeline is being deleted."""

    code = "ConflictException"
