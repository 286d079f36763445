"""`modelyard`: the commands and their options. What each does is a module of its own, imported
only when it is called, so that `--help` is there at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelyard import __version__
from modelyard.cli import (
    audit_commands,
    cost_commands,
    delivery_commands,
    event_commands,
    image_commands,
    key_commands,
    launch_options,
    people_commands,
    permission_commands,
    registry_commands,
)
from modelyard.cli.errors import CommandError
from modelyard.cli.options import HomeOption
from modelyard.cli.options import home_of as _home

app = typer.Typer(
    name="modelyard",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Self-hosted MLOps: train, deploy, govern and monitor models behind the SageMaker API.",
)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"modelyard {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


@app.command()
def up(
    home: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="Address to bind. Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of everything; 0 picks a free one. Default: 8080.")
    ] = None,
    gateway_port: Annotated[
        int | None, typer.Option(help="Port of the inference gateway; 0 picks a free one.")
    ] = None,
    tls: Annotated[
        bool | None, typer.Option("--tls/--no-tls", help="Serve HTTPS, and nothing else.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file. Default: modelyard.toml in the home.")
    ] = None,
    multi_account: launch_options.MultiAccount = None,
    dev_account_id: launch_options.DevAccountId = None,
    staging_account_id: launch_options.StagingAccountId = None,
    prod_account_id: launch_options.ProdAccountId = None,
    delegated_administrator: launch_options.DelegatedAdministrator = None,
    use_model_registry: launch_options.UseModelRegistry = None,
    create_model_registry: launch_options.CreateModelRegistry = None,
    notification_email: launch_options.NotificationEmail = None,
    configuration_repository: launch_options.ConfigurationRepository = None,
    configuration_bucket: launch_options.ConfigurationBucket = None,
    existing_assets_bucket: launch_options.ExistingAssetsBucket = None,
    existing_image_repository: launch_options.ExistingImageRepository = None,
    allow_detailed_error_message: launch_options.AllowDetailedErrorMessage = None,
) -> None:
    """Start the server, in the foreground; Ctrl-C stops it."""
    from modelyard.cli.up import run

    launch = {
        "multi_account": multi_account,
        "dev_account_id": dev_account_id,
        "staging_account_id": staging_account_id,
        "prod_account_id": prod_account_id,
        "delegated_administrator": delegated_administrator,
        "use_model_registry": use_model_registry,
        "create_model_registry": create_model_registry,
        "notification_email": notification_email,
        "configuration_repository": configuration_repository,
        "configuration_bucket": configuration_bucket,
        "existing_assets_bucket": existing_assets_bucket,
        "existing_image_repository": existing_image_repository,
        "allow_detailed_error_message": allow_detailed_error_message,
    }
    run(
        home=home,
        host=host,
        port=port,
        gateway_port=gateway_port,
        tls=tls,
        config=config,
        launch=launch,
    )


@app.command()
def env(
    tls: Annotated[bool, typer.Option("--tls", help="Insist on a server that speaks TLS.")] = False,
    account: Annotated[
        str | None, typer.Option(help="Act in this account, by its name or id; needs --as.")
    ] = None,
    role: Annotated[
        str | None,
        typer.Option("--as", "--role", help="Act as this role, data-scientist, say."),
    ] = None,
    session: Annotated[str, typer.Option(help="The session's name, which records show.")] = "cli",
    hours: Annotated[
        int | None,
        typer.Option(
            min=1, max=12, help="How long. Default: 1 in another account, 12 in your own."
        ),
    ] = None,
    write_aws_models: Annotated[
        bool,
        typer.Option(
            "--write-aws-models",
            help="Write ~/.aws/models/endpoints.json, so that the sagemaker SDK asks this server, "
            "and not AWS, who is calling.",
        ),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Unset what was exported, remove what was written in ~/.aws."),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Print what AWS clients need: eval "$(modelyard env)"."""
    from modelyard.cli import environment

    if undo:
        typer.echo(environment.undo())
        return
    typer.echo(
        environment.exports(
            _home(home),
            tls=tls,
            acting=environment.Acting(account=account, role=role, session=session, hours=hours),
            write_aws_models=write_aws_models,
        )
    )


@app.command()
def settings() -> None:
    """List every setting: its name, its default and what it is."""
    from modelyard.settings import table

    typer.echo(table())


@app.command()
def provision(
    file: Annotated[
        Path, typer.Argument(help="The request body, as JSON; - reads standard input.")
    ],
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it is deployed, and its job has ended.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Provision a pipeline: POST /provisionpipeline."""
    from modelyard.cli.connection import connect
    from modelyard.cli.pipelines import provision as run

    run(connect(_home(home)), file, wait=wait)


@app.command()
def status(
    pipeline_id: Annotated[str, typer.Argument(help="The pipeline_id that provision answered.")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow it until it is deployed, and its job has ended.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Show a pipeline's stages, stack and outputs: POST /pipelinestatus."""
    from modelyard.cli.connection import connect
    from modelyard.cli.pipelines import status as run

    run(connect(_home(home)), pipeline_id, watch=watch)


@app.command()
def delete(
    pipeline: Annotated[
        str | None, typer.Argument(help="The pipeline's id or its name.", show_default=False)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every pipeline of the account, monitors first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: HomeOption = None,
) -> None:
    """Delete a pipeline and what it deployed, or all of them, and say what is kept."""
    from modelyard.cli.connection import connect
    from modelyard.cli.pipelines import delete as run
    from modelyard.cli.uninstalling import delete_all

    if everything == (pipeline is not None):
        raise CommandError("name a pipeline, or say --all")
    connection = connect(_home(home))
    if pipeline is None:
        delete_all(connection, confirm=None if yes else typer.confirm)
    else:
        run(connection, pipeline)


@app.command()
def invoke(
    endpoint: Annotated[str, typer.Argument(help="The endpoint's name.")],
    body: Annotated[
        str, typer.Option("--body", "-b", help="The payload; @FILE reads a file, - standard input.")
    ] = "-",
    content_type: Annotated[str, typer.Option(help="Of the payload.")] = "text/csv",
    accept: Annotated[str, typer.Option(help="Of the answer.")] = "",
    variant: Annotated[str | None, typer.Option(help="The variant that is to answer.")] = None,
    home: HomeOption = None,
) -> None:
    """Send a payload to an endpoint and print its answer."""
    from modelyard.cli.connection import connect
    from modelyard.cli.invocation import invoke as run

    run(
        connect(_home(home)),
        endpoint,
        body,
        content_type=content_type,
        accept=accept,
        variant=variant,
    )


@app.command()
def logs(
    job: Annotated[str, typer.Argument(help="The training job's name.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Print the log of a training job."""
    from modelyard.cli.connection import connect
    from modelyard.cli.logs import logs as run

    run(connect(_home(home)), job, follow=follow)


cards = typer.Typer(no_args_is_help=True, help="Model cards: draft, show, export.")
app.add_typer(cards, name="cards")


@cards.command("draft")
def draft_card(
    training_job: Annotated[str | None, typer.Option(help="Name or ARN of a training job.")] = None,
    model_package: Annotated[
        str | None, typer.Option(help="ARN of a registry version, or GROUP/VERSION.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name or ARN of a model.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Name of an endpoint.")] = None,
    content: Annotated[
        Path | None, typer.Option(help="A content that is begun, as JSON; - is standard input.")
    ] = None,
    raw: Annotated[bool, typer.Option("--json", help="Print the whole answer.")] = False,
    home: HomeOption = None,
) -> None:
    """Print a card's content as far as the platform knows it."""
    from modelyard.cli.cards import draft as run
    from modelyard.cli.connection import connect

    request = {
        "TrainingJobName": training_job,
        "ModelPackageName": model_package,
        "ModelName": model,
        "EndpointName": endpoint,
    }
    run(connect(_home(home)), request, content, raw=raw)


@cards.command("show")
def show_card(
    name: Annotated[str, typer.Argument(help="The card's name.")],
    version: Annotated[int | None, typer.Option(help="Default: the newest.")] = None,
    home: HomeOption = None,
) -> None:
    """Print what a card says."""
    from modelyard.cli.cards import show as run
    from modelyard.cli.connection import connect

    run(connect(_home(home)), name, version)


@cards.command("export")
def export_card(
    name: Annotated[str, typer.Argument(help="The card's name.")],
    version: Annotated[int | None, typer.Option(help="Default: the newest.")] = None,
    to: Annotated[
        str | None,
        typer.Option(help="Where to: s3://bucket/prefix. Default: in the assets bucket."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Have a card printed as a PDF, and print where it lies."""
    from modelyard.cli.cards import export as run
    from modelyard.cli.connection import connect

    run(connect(_home(home)), name, version, to, _home(home))


for command in (
    delivery_commands.pipelines,
    delivery_commands.approve,
    delivery_commands.reject,
    delivery_commands.retry,
    delivery_commands.stop,
    delivery_commands.rollback,
    delivery_commands.configurations,
    delivery_commands.resources,
):
    app.command()(command)
app.add_typer(audit_commands.audit_app, name="audit")
app.command()(cost_commands.costs)
app.command()(cost_commands.job_run)
app.add_typer(event_commands.events, name="events")
app.command()(event_commands.inbox)
app.add_typer(image_commands.images, name="images")
app.add_typer(key_commands.keys_app, name="keys")
app.add_typer(people_commands.accounts, name="accounts")
app.add_typer(people_commands.people, name="people")
app.add_typer(people_commands.sessions, name="sessions")
app.add_typer(permission_commands.policies, name="policies")
app.command()(permission_commands.whoami)
app.command()(permission_commands.can)
app.command()(registry_commands.register)
app.add_typer(registry_commands.models, name="models")


def main() -> None:
    """Run the command line; an expected failure is one line on standard error and exit code 1."""
    try:
        app()
    except CommandError as error:
        typer.echo(f"modelyard: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
