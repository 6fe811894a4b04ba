"""`levelfive registry`: bring versions in, look at them, approve, promote, roll back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from levelfive.cli.options import (
    EXIT_GATE_REFUSED,
    AsOf,
    AsOfOrNow,
    OnBehalfOf,
    open_app,
    out,
    shared,
    time_or_now,
    who_says,
    wide,
)
from levelfive.config import parse_time
from levelfive.core.windows import iso

registry_cli = typer.Typer(
    help="The central registry: copy versions from another environment, compare, approve, promote, roll back.",
    no_args_is_help=True,
)

Version = Annotated[str, typer.Argument(help="The version of this environment's model.")]
VersionOrSource = Annotated[
    str, typer.Argument(help="The version of this environment's model; with --from-model, of that one.")
]
FromModel = Annotated[
    str | None, typer.Option("--from-model", help="The model that `copy` brought the version from, to name its copy.")
]
FromRegistry = Annotated[
    str | None, typer.Option("--from-registry", help="Its registry, where that is another one than this one's.")
]


@registry_cli.command()
def copy(
    version: Annotated[str, typer.Argument(help="The version of the other environment's model.")],
    as_of: AsOf,
    source_model: Annotated[
        str, typer.Option("--from-model", help="The other environment's model: levelfive.dev.flight_delay.")
    ],
    source_registry: FromRegistry = None,
) -> None:
    """Bring a version in from another environment, and let the gate judge it by this environment's labels."""
    from levelfive.monitoring.acknowledged import not_learned_from
    from levelfive.training.admission import admit

    moment, app = parse_time(as_of), open_app()
    source = app.registry.another(source_model, source_registry)
    out_of_it = not_learned_from(app.context, app.registry.name, as_of=moment)
    admission = admit(app.context, app.registry, source, version=version, as_of=moment, exclusions=out_of_it)
    out.print(f"Version {version} of {source.name} is version {admission.version} of {app.registry.name}.")
    out.print(f"gate: {admission.verdict.kind}")
    for reason in admission.verdict.reasons:
        out.print(f"  - {reason}")
    if not admission.verdict.passed:
        raise typer.Exit(EXIT_GATE_REFUSED)
    out.print(f"Make it the champion: {shared().how_to_promote(app.settings.approval, admission.version, moment)}")


@registry_cli.command()
def approve(
    *,
    version: VersionOrSource,
    as_of: AsOf,
    reason: Annotated[str, typer.Option(help="Why.")],
    by: Annotated[
        str, typer.Option(help="On whose behalf: a note beside who is signed in, who is recorded in any case.")
    ] = "",
    source_model: FromModel = None,
    source_registry: FromRegistry = None,
) -> None:
    """Let a version that passed the gate go live, where promotion is manual; `promote` makes it the champion."""
    from levelfive.registry import approval
    from levelfive.registry.copying import version_here

    moment, app = parse_time(as_of), open_app()
    version = version_here(app.registry, version, source_model=source_model, source_registry=source_registry)
    is_approved = approval.approve(
        app.context,
        app.registry,
        version=version,
        as_of=moment,
        by=app.starter,
        reason=reason,
        on_behalf_of=by,
        trainer_may_approve=app.settings.trainer_may_approve,
    )
    outcome = f"is approved by {app.starter}" if is_approved else "is the champion already"
    out.print(f"Version {version} of {app.registry.name} {outcome}.")


@registry_cli.command()
def show(version: Version) -> None:
    """Show what is known of a version: its card, its tags, and the gate's verdict."""
    from levelfive.registry.comparing import facts

    app = open_app()
    table = Table("fact", f"version {version}")
    for name, fact in facts(app.registry, version).items():
        table.add_row(name, fact)
    wide.print(table)


@registry_cli.command()
def card(
    version: Version,
    to: Annotated[
        Path | None, typer.Option(help="The HTML file to write; default model-card-<use case>.html, in this folder.")
    ] = None,
) -> None:
    """Write the model card of a version as one HTML file: purpose, data, metrics by slice, limits, and who decided."""
    from levelfive.registry.promotions import history
    from levelfive.reporting.card import render_card

    app = open_app()
    to = to or Path(f"model-card-{app.context.use_case.name}.html")
    page = render_card(app.registry, version, history(app.context.tables, app.registry.name))
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(page, encoding="utf-8")
    out.print(f"Model card: {to}")


@registry_cli.command()
def compare(
    one: Annotated[str, typer.Argument(help="A version of this environment's model.")],
    other: Annotated[str, typer.Argument(help="Another one.")],
) -> None:
    """Show in what two versions differ."""
    from levelfive.registry.comparing import differences

    app = open_app()
    table = Table("fact", f"version {one}", f"version {other}")
    for name, (mine, theirs) in differences(app.registry, one, other).items():
        table.add_row(name, mine, theirs)
    wide.print(table)


@registry_cli.command()
def promote(
    *,
    version: VersionOrSource,
    as_of: AsOf,
    by: OnBehalfOf = None,
    source_model: FromModel = None,
    source_registry: FromRegistry = None,
) -> None:
    """Make a version that passed the gate the champion of all later times."""
    from levelfive.registry import job as registry_job
    from levelfive.registry.copying import version_here

    moment, app = parse_time(as_of), open_app()
    version = version_here(app.registry, version, source_model=source_model, source_registry=source_registry)
    who, approval = who_says(app, by), app.settings.approval
    result = registry_job.run(app.context, app.registry, version=version, as_of=moment, by=who, approval=approval)
    outcome = "is now" if result.has_promoted else "was already"
    out.print(
        f"Version {version} of {app.registry.name} {outcome} the champion, since {iso(result.promotion.promoted_at)}."
    )


@registry_cli.command()
def rollback(
    *,
    as_of: AsOf,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    by: OnBehalfOf = None,
    version: Annotated[
        str | None,
        typer.Option(help="Take back only this version, else do nothing; with --from-model, it is that model's."),
    ] = None,
    source_model: FromModel = None,
    source_registry: FromRegistry = None,
    since: Annotated[
        str | None, typer.Option(help="Take back only what was promoted at this time or later, else do nothing.")
    ] = None,
) -> None:
    """Make the champion before the present one the champion again."""
    from levelfive.registry import rollback as rollbacks
    from levelfive.registry.copying import version_here

    moment, app = parse_time(as_of), open_app()
    earliest = None if since is None else parse_time(since)
    if version is not None or source_model or source_registry:
        version = version_here(app.registry, version or "", source_model=source_model, source_registry=source_registry)
    result = rollbacks.rollback(
        app.context, app.registry, as_of=moment, by=who_says(app, by), reason=reason, version=version, since=earliest
    )
    outcome = "is the champion again" if result.has_promoted else "stays the champion: there is nothing to take back"
    out.print(f"Version {result.promotion.version} of {app.registry.name} {outcome}.")


@registry_cli.command("list")
def list_versions(as_of: AsOfOrNow = None) -> None:
    """List the registered versions, with role, training time, approval, and which is champion and challenger."""
    from levelfive.registry import tags as names
    from levelfive.registry.promotions import champion
    from levelfive.registry.store import CHALLENGER

    moment, app = time_or_now(as_of), open_app()
    live = champion(app.context.tables, app.registry.name, as_of=moment)
    waiting = app.registry.alias(CHALLENGER)
    table = Table("version", "role", "trained as of", "linked with", "approved by", "champion", "challenger")
    for entry in app.registry.versions():
        tags = entry.tags
        counterpart = tags.get(names.REFIT_OF) or tags.get(names.REFITTED_AS, "")
        marks = ("yes" if one == entry.version else "" for one in (live.version if live else None, waiting))
        approver = tags.get(names.APPROVED_BY, "")
        table.add_row(entry.version, tags.get(names.ROLE, ""), tags.get(names.AS_OF, ""), counterpart, approver, *marks)
    wide.print(table)


@registry_cli.command()
def history(as_of: AsOfOrNow = None) -> None:
    """List the promotions up to --as-of, with their reasons."""
    from levelfive.registry.promotions import history as promotions_of

    moment, app = time_or_now(as_of), open_app()
    table = Table("seq", "since", "version", "before", "kind", "by", "why")
    for row in promotions_of(app.context.tables, app.registry.name):
        if row.promoted_at <= moment:
            table.add_row(
                str(row.seq),
                iso(row.promoted_at),
                row.version,
                row.previous_version or "",
                row.kind,
                row.promoted_by,
                row.reason,
            )
    wide.print(table)
