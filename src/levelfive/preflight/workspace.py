"""What the jobs need of the workspace: identities, secrets, compute and the warehouse of the dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from levelfive.preflight.check_result import (
    EVERYBODY,
    NO_ANSWER,
    CheckResult,
    Principal,
    Question,
    found_or_none,
    missing,
    not_answered,
    ok,
    skipped,
    together,
)
from levelfive.preflight.unity_catalog import plain

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.compute import ClusterPolicyAccessControlResponse
    from databricks.sdk.service.iam import ComplexValue
    from databricks.sdk.service.sql import WarehouseAccessControlResponse

    from levelfive.preflight.target import Target

    AccessEntry = ClusterPolicyAccessControlResponse | WarehouseAccessControlResponse

SET = "set the variable"
SHOWN_MACHINES = 3
# What the workspace calls the right to create clusters without a policy, and the group that has every right.
CREATES_CLUSTERS, ADMINS = "allow-cluster-create", "admins"
LEVELS_OF_USE = {"CAN_USE", "CAN_MONITOR", "CAN_MANAGE", "IS_OWNER"}
GROUPS = ("operators", "approvers", "viewers", "suppliers", "releasers")
# Of destinations; preflight knows no stage, and a test compares.
KINDS = ("teams", "slack", "webhook")
# What MLflow looks up in the scope of a registry `databricks://scope:prefix`, each behind the prefix.
KEYS_OF_A_REGISTRY = ("host", "token", "workspace-id")


def identity(client: WorkspaceClient) -> tuple[Principal | None, CheckResult]:
    """Ask who asks."""
    try:
        me = client.current_user.me()
    except NO_ANSWER as err:
        return None, not_answered(err, "databricks auth login --host <address of the workspace>")
    name = me.user_name or ""
    is_service_principal = "@" not in name
    short = plain(((me.display_name if is_service_principal else "") or name).partition("@")[0])
    caller = Principal(name, _names(me.groups), short, _values(me.entitlements))
    if me.active is False:
        return caller, missing(f"{name} is deactivated", "an admin of the workspace activates it")
    return caller, ok(f"you are {name}")


def service_principal(
    client: WorkspaceClient, target: Target, caller: Principal | None
) -> tuple[Principal, CheckResult]:
    """Ask for the service principal that the target runs as; without one, who deploys it."""
    deployer = caller or Principal("<who deploys>")
    try:
        application_id = target.value("service_principal")
    except NO_ANSWER as err:
        return deployer, not_answered(err)
    if not application_id and target.mode == "production":
        return deployer, missing("a production target runs as a service principal", f"{SET} service_principal")
    if not application_id:
        return deployer, skipped(f"the jobs run as {deployer.name}, who deploys them")
    try:
        principal = next(iter(client.service_principals.list(filter=f'applicationId eq "{application_id}"')), None)
    except NO_ANSWER as err:
        return Principal(application_id), not_answered(err)
    if principal is None or principal.active is False:
        state = "not in this workspace" if principal is None else "deactivated"
        remedy = f"databricks service-principals create --application-id {application_id}"
        return Principal(application_id), missing(
            f"{application_id} is {state}", remedy if principal is None else "an admin activates it"
        )
    by_another = caller is not None and caller.name != application_id
    role = f"; to deploy, {deployer.name} needs the role Service Principal User on it" if by_another else ""
    return Principal(application_id, _names(principal.groups), entitlements=_values(principal.entitlements)), ok(
        f"the jobs run as {application_id}, {principal.display_name}{role}"
    )


def groups(question: Question) -> CheckResult:
    """Ask for the groups to which a target in production mode gives permissions."""
    if question.target.mode != "production":
        return skipped("only targets in production mode give permissions to groups")
    variable_by_group = {name: variable for variable in GROUPS if (name := question.target.value(variable))}
    absent = [
        name for name in variable_by_group if not any(question.client.groups.list(filter=f'displayName eq "{name}"'))
    ]
    if not absent:
        return ok(f"{', '.join(variable_by_group)} are there")
    variables = ", ".join(variable_by_group[name] for name in absent)
    remedy = f"an admin of the account creates and assigns them to the workspace, or {SET} {variables}"
    return missing(f"no group {', '.join(absent)} in this workspace", remedy)


def secret_scope(question: Question) -> CheckResult:
    """Ask for the secrets by which a registry in another workspace is reached, and whether the jobs may read them."""
    uri = question.target.value("registry_uri")
    scope, _, prefix = uri.partition("://")[2].partition(":")
    if not (uri.startswith("databricks") and prefix):
        return skipped(f"the registry {uri} is not reached by secrets")
    return readable_secrets(question, scope, tuple(f"{prefix}-{key}" for key in KEYS_OF_A_REGISTRY))


def destinations(question: Question) -> CheckResult:
    """Ask for the secrets that hold the addresses of those who are told of alerts."""
    setting = question.target.value("destinations")
    pairs = [[text.strip() for text in part.split("=")] for part in setting.split(",") if part.strip()]
    if not pairs:
        return skipped("the target names nobody who is told of alerts")
    keys: dict[str, list[str]] = {}
    for pair in pairs:
        secret = pair[-1].split("/")
        if len(pair) != 2 or pair[0] not in KINDS or len(secret) != 3 or secret[0] != "secrets":
            remedy = f"{SET} destinations, such as teams=secrets/SCOPE/KEY; kinds are {', '.join(KINDS)}"
            return missing(f"{'='.join(pair)!r} names no destination of alerts with a secret", remedy)
        keys.setdefault(secret[1], []).append(secret[2])
    return together(*(readable_secrets(question, scope, tuple(of_scope)) for scope, of_scope in keys.items()))


def cluster_policy(question: Question) -> CheckResult:
    """Ask for the cluster policy, and whether the jobs may use it."""
    if question.target.value("environment_key"):
        return skipped("tasks run on serverless compute")
    policy = question.target.value("cluster_policy_id")
    if not policy:
        return _may_create_clusters(question)
    policies = question.client.cluster_policies
    policy_there = found_or_none(lambda: policies.get(policy))
    if policy_there is None:
        return missing(
            f"there is no cluster policy {policy}",
            f"{SET} cluster_policy_id to one of: databricks cluster-policies list",
        )
    remedy = _permission("cluster-policies", policy, question.principal)
    return _usable(
        question, f"policy {policy_there.name}", lambda: policies.get_permissions(policy).access_control_list, remedy
    )


def runtime(question: Question) -> CheckResult:
    """Ask whether the workspace knows the runtime of the job clusters."""
    if question.target.value("environment_key"):
        return skipped("tasks run on serverless compute")
    runtime_key = question.target.value("runtime")
    keys = {version.key or "" for version in question.client.clusters.spark_versions().versions or ()}
    if runtime_key in keys:
        return ok(f"{runtime_key} is known")
    like = ", ".join(sorted(key for key in keys if "-cpu-ml-" in key)[-3:]) or "no ML runtime"
    return missing(f"the workspace does not know the runtime {runtime_key}", f"{SET} runtime; it knows {like}")


def machines(question: Question) -> CheckResult:
    """Ask whether the workspace has the machines of the job clusters, and say how many cores a cluster takes."""
    if question.target.value("environment_key"):
        return skipped("tasks run on serverless compute")
    node_type = question.target.value("node_type")
    node_types = {one.node_type_id: one for one in question.client.clusters.list_node_types().node_types or ()}
    machine = node_types.get(node_type)
    if machine is None:
        like = ", ".join(get_close_matches(node_type, node_types, SHOWN_MACHINES, 0.0)) or "none"
        return missing(
            f"the workspace does not know the machine {node_type}", f"{SET} node_type; most like it are {like}"
        )
    status = [one.value for one in (machine.node_info.status if machine.node_info else None) or ()]
    if status or machine.is_deprecated:
        why = ", ".join(status) or "deprecated"
        return missing(
            f"{node_type} is not to be had here: {why}", f"{SET} node_type, or ask Azure for a quota of {node_type}"
        )
    cores = int(machine.num_cores) * (int(question.target.value("workers")) + 1)
    return ok(
        f"{node_type} is known; each job that runs takes {cores} cores of it, and jobs run at once: compare Azure's "
        "quota, which this does not see (az vm list-usage --location <region>)"
    )


def warehouse(question: Question) -> CheckResult:
    """Ask for the SQL warehouse of the dashboard, and whether it may be used."""
    warehouse_id = question.target.value("warehouse_id")
    if not warehouse_id:
        return skipped("the target names no SQL warehouse")
    warehouses = question.client.warehouses
    one = found_or_none(lambda: warehouses.get(warehouse_id))
    if one is None:
        return missing(
            f"there is no SQL warehouse {warehouse_id}", f"{SET} warehouse_id to one of: databricks warehouses list"
        )
    remedy = _permission("warehouses", warehouse_id, question.principal)
    return _usable(
        question, f"warehouse {one.name}", lambda: warehouses.get_permissions(warehouse_id).access_control_list, remedy
    )


def warehouse_for_viewers(question: Question) -> CheckResult:
    """Ask whether the viewers may use the SQL warehouse: the dashboard asks it in the name of who looks."""
    warehouse_id = question.target.value("warehouse_id")
    if question.target.mode != "production" or not warehouse_id:
        return skipped("the target shows viewers no dashboard")
    warehouses, viewers = question.client.warehouses, Principal(question.target.value("viewers"))
    return _usable(
        replace(question, principal=viewers),
        f"warehouse {warehouse_id}",
        lambda: warehouses.get_permissions(warehouse_id).access_control_list,
        _permission("warehouses", warehouse_id, viewers, "group_name"),
    )


def _may_create_clusters(question: Question) -> CheckResult:
    """Ask whether the jobs may create clusters without a policy: by an entitlement, their own or of a group."""
    who = question.principal
    if CREATES_CLUSTERS in who.entitlements or ADMINS in who.groups:
        return ok(f"the target names no policy, and {who.name} may create clusters")
    for name in sorted(who.groups | EVERYBODY):
        group = next(iter(question.client.groups.list(filter=f'displayName eq "{name}"')), None)
        if group is not None and CREATES_CLUSTERS in _values(group.entitlements):
            return ok(f"the target names no policy, and {who.name} may create clusters, as one of {name}")
    return missing(
        f"the target names no policy, and {who.name} has no entitlement {CREATES_CLUSTERS}: its jobs start no cluster",
        f"{SET} cluster_policy_id to one of: databricks cluster-policies list; or an admin of the workspace allows "
        f"{who.name} unrestricted cluster creation",
    )


def readable_secrets(question: Question, scope: str, keys: tuple[str, ...]) -> CheckResult:
    """Ask for some secrets of a scope, and whether the jobs may read them."""
    secrets, who = question.client.secrets, question.principal
    present = found_or_none(lambda: {one.key for one in secrets.list_secrets(scope)})
    if present is None:
        return missing(f"there is no secret scope {scope}", f"databricks secrets create-scope {scope}")
    if absent := [key for key in keys if key not in present]:
        remedy = "; ".join(f"databricks secrets put-secret {scope} {key}" for key in absent)
        return missing(f"scope {scope} holds no {', '.join(absent)}", remedy)
    if question.asked_by_it:
        return ok(f"scope {scope} may be read")
    remedy = f"databricks secrets put-acl {scope} {who.name} READ"
    try:
        readers = {entry.principal for entry in secrets.list_acls(scope)}
    except NO_ANSWER as err:
        return not_answered(err, remedy)
    if not readers & who.names:
        return missing(f"{who.name} may not read scope {scope}", remedy)
    return ok(f"{who.name} may read scope {scope}")


def _usable(question: Question, what: str, ask: Callable[[], Sequence[AccessEntry] | None], remedy: str) -> CheckResult:
    who = question.principal
    if question.asked_by_it:
        return ok(f"{who.name} sees {what}, and may use it")
    try:
        entries = ask() or ()
    except NO_ANSWER as err:
        return not_answered(err, remedy)
    for entry in entries:
        levels = {one.permission_level.value for one in entry.all_permissions or () if one.permission_level}
        if {entry.user_name, entry.service_principal_name, entry.group_name} & who.names and levels & LEVELS_OF_USE:
            return ok(f"{who.name} may use {what}")
    return missing(f"{who.name} may not use {what}", remedy)


def _permission(kind: str, object_id: str, to: Principal, key: str = "") -> str:
    key = key or ("user_name" if "@" in to.name else "service_principal_name")
    body = {"access_control_list": [{key: to.name, "permission_level": "CAN_USE"}]}
    return f"databricks permissions update {kind} {object_id} --json '{json.dumps(body)}'"


def _values(entitlements: list[ComplexValue] | None) -> frozenset[str]:
    return frozenset(one.value for one in entitlements or () if one.value)


def _names(groups: list[ComplexValue] | None) -> frozenset[str]:
    return frozenset(group.display for group in groups or () if group.display)
