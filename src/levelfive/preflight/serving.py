"""What the job `serving` needs: the secret of the online store, and, where Azure ML serves, what it deploys by."""

from __future__ import annotations

from levelfive.config import Settings, load_settings, parse_azure_ml
from levelfive.core.secrets import is_reference
from levelfive.errors import ConfigError
from levelfive.preflight.check_result import CheckResult, Question, found_or_none, missing, ok, skipped, together
from levelfive.preflight.unity_catalog import SERVICE_CREDENTIAL, Securable, compare_grants, deployed_schema
from levelfive.preflight.workspace import SET, readable_secrets

NONE, AZURE_ML = "none", "azure_ml"
KINDS = ("kubernetes", "managed")


def online_store(question: Question) -> CheckResult:
    """Ask for the secret that holds the online store's URL, and whether the job may read it."""
    target = question.target
    if target.value("serving_schedule") != "UNPAUSED" and target.value("serving") == NONE:
        return skipped("nothing is published for single requests")
    setting = target.value("online_store")
    if not (is_reference(setting) and setting.startswith("secrets/")):
        return missing("online_store names no secret of the workspace", f"{SET} online_store to secrets/SCOPE/KEY")
    _, scope, key = setting.split("/")
    return readable_secrets(question, scope, (key,))


def azure_ml(question: Question) -> CheckResult:
    """Look at what the job deploys to Azure ML by, as far as Databricks knows it."""
    serving = question.target.value("serving")
    if serving == NONE:
        return skipped("nothing is deployed to Azure ML")
    if serving != AZURE_ML:
        return missing(f"serving is {serving!r}", f"{SET} serving to {NONE} or {AZURE_ML}")
    return together(_settings(question), _kind(question), _credential(question))


def _settings(question: Question) -> CheckResult:
    target = question.target
    repository, workspace = target.value("serving_repository"), target.value("azure_ml")
    if not repository:
        return missing(
            "no repository of images is named", f"{SET} serving_repository, such as NAME.azurecr.io/levelfive-serving"
        )
    environment = deployed_schema(question, target.value("registry_schema"))
    try:
        parts = parse_azure_ml(workspace)
        settings = load_settings(
            None,
            None,
            use_case=target.bundle,
            environment=environment,
            serving_repository=repository,
            azure_ml=workspace,
        )
    except ConfigError as err:
        return missing(str(err), f"{SET} azure_ml, serving_repository")
    return _endpoint(settings, parts)


def _endpoint(settings: Settings, parts: dict[str, str]) -> CheckResult:
    """Look at the name of the endpoint, which has to differ between use cases and environments."""
    if settings.cuts_endpoint_name:
        return missing(
            f"the endpoint of {settings.use_case} and {settings.environment} would be {settings.endpoint_name}, cut to "
            "what Azure takes: another one may have the same name",
            f"{SET} registry_schema to a shorter one",
        )
    place = f"workspace {parts['workspace_name']} in {parts['resource_group_name']} of {parts['subscription_id']}"
    return ok(f"the endpoint is {settings.endpoint_name} in {place}, its images are of {settings.serving_repository}")


def _kind(question: Question) -> CheckResult:
    kind = question.target.value("endpoint_kind")
    if kind not in KINDS:
        return missing(
            f"there are no files for an endpoint of kind {kind!r}", f"{SET} endpoint_kind to {' or '.join(KINDS)}"
        )
    return ok(f"it is of kind {kind}")


def _credential(question: Question) -> CheckResult:
    name = question.target.value("azure_credential")
    if not name:
        return ok("the job signs in to Azure as its compute does")
    credential = found_or_none(lambda: question.client.credentials.get_credential(name))
    if credential is None:
        return missing(
            f"there is no service credential {name}",
            f"CREATE SERVICE CREDENTIAL, or {SET} azure_credential to one of: databricks credentials list-credentials",
        )
    return compare_grants(question, Securable(SERVICE_CREDENTIAL, name, credential.owner), ("ACCESS",))
