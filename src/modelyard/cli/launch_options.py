"""The launch options of `modelyard up`; what each means is in `launch_settings`."""

from __future__ import annotations

from typing import Annotated

import typer

MultiAccount = Annotated[
    bool | None,
    typer.Option(
        "--multi-account/--single-account",
        help="Deliver models from dev through staging to prod. Default: to one account.",
    ),
]
DevAccountId = Annotated[
    str | None, typer.Option(help="Id or name of the dev account. Default: dev.")
]
StagingAccountId = Annotated[
    str | None, typer.Option(help="Id or name of the staging account. Default: staging.")
]
ProdAccountId = Annotated[
    str | None, typer.Option(help="Id or name of the prod account. Default: prod.")
]
DelegatedAdministrator = Annotated[
    bool | None,
    typer.Option(
        "--delegated-administrator/--no-delegated-administrator",
        help="Act in other accounts by roles that trust the orchestrator. Always so.",
    ),
]
UseModelRegistry = Annotated[
    bool | None,
    typer.Option(
        "--use-model-registry/--no-model-registry",
        help="Deploy only models of the registry. Default: no.",
    ),
]
CreateModelRegistry = Annotated[
    bool | None,
    typer.Option(
        "--create-model-registry/--no-create-model-registry",
        help="Make a model package group that the stages' accounts may use. Default: no.",
    ),
]
NotificationEmail = Annotated[
    str | None,
    typer.Option(help="Who gets the outcomes of pipelines; needs the setting mail_server."),
]
ConfigurationRepository = Annotated[
    str | None, typer.Option(help="Git repository whose mlops-config.json is provisioned.")
]
ConfigurationBucket = Annotated[
    str | None, typer.Option(help="Bucket whose mlops-config.json is provisioned.")
]
ExistingAssetsBucket = Annotated[
    str | None, typer.Option(help="Bucket that is there already, to be the assets bucket.")
]
ExistingImageRepository = Annotated[
    str | None, typer.Option(help="Repository that pipelines build images into, and no other.")
]
AllowDetailedErrorMessage = Annotated[
    bool | None,
    typer.Option(
        "--detailed-error-messages/--no-detailed-error-messages",
        help="Say in the orchestrator's answers what went wrong. Default: yes.",
    ),
]
