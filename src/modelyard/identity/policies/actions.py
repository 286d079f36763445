"""Actions and the groups that policies name instead of listing them.

An action is called as IAM calls it, `sagemaker:CreateModel`. It is in the group of its service
(`sagemaker:*`), in the group of what it does (`read`, `write` or `use`), in both at once
(`sagemaker:write`), and maybe in a group of its purpose: `deploy`, `approve`, `share`; of
Modelyard's own operations `audit`, `govern`, `administer`, or `platform:read` and so on.

* `read` looks and changes nothing.
* `use` changes nothing that is kept either, but acts: it calls a model, uses a key, opens a
  session, gives a role to a job.
* `write` is everything else: an action that nobody classified is a change.
"""

from __future__ import annotations

import re
from functools import lru_cache

READ, USE, WRITE = "read", "use", "write"

_READING = re.compile(
    r"(BatchDescribe|BatchGet|Check|Describe|Filter|Get|Head|List|Lookup|Search|Simulate|Test|Verify)"
    r"(?![a-z])"
)
_READS = frozenset(
    {
        "codecommit:GitPull",
        "mlflow:Read",
        "modelyard:Authorize",
        "modelyard:DraftModelCard",
        "modelyard:WhoAmI",
    }
)
_USES = frozenset(
    {
        "iam:PassRole",
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:GenerateRandom",
        "kms:ReEncrypt",
        "modelyard:InvokeInference",
        "sagemaker:InvokeEndpoint",
        "sagemaker:InvokeEndpointAsync",
        "sagemaker:InvokeEndpointWithResponseStream",
    }
)
_SESSIONS = "sts"  # everything there opens a session, but for asking who one is

#: What changes what answers predictions.
DEPLOY = frozenset(
    f"sagemaker:{name}"
    for name in (
        "CreateEndpoint",
        "CreateEndpointConfig",
        "CreateInferenceComponent",
        "CreateModel",
        "DeleteEndpoint",
        "DeleteEndpointConfig",
        "DeleteInferenceComponent",
        "DeleteModel",
        "UpdateEndpoint",
        "UpdateEndpointWeightsAndCapacities",
        "UpdateInferenceComponent",
        "UpdateInferenceComponentRuntimeConfig",
    )
)
#: What can set the approval of a version, or its stage.
APPROVE = frozenset({"sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"})
#: What lets another account use a resource.
SHARE = frozenset(
    {
        "sagemaker:DeleteModelPackageGroupPolicy",
        "sagemaker:PutModelPackageGroupPolicy",
    }
)  #: What changes the access keys of a user.
OWN_KEYS = frozenset(f"iam:{verb}AccessKey" for verb in ("Create", "Delete", "Update"))

_PURPOSES = {"approve": APPROVE, "deploy": DEPLOY, "own-keys": OWN_KEYS, "share": SHARE}

#: What the operations of Modelyard's own service are about, by the words in their names: the areas
#: add operations, and a name says enough. Whatever is in none of these is in `platform`.
_OWN_PURPOSES = (
    ("audit", re.compile(r"Audit")),
    ("govern", re.compile(r"ApprovalPolic|ModelCard")),
    (
        "administer",
        re.compile(r"AccessKey|Account|Authorize|People|Person|Polic|Role|Session|Token|User"),
    ),
)


def effect_of(action: str) -> str:
    """Return `read`, `use` or `write`."""
    service, _, name = action.partition(":")
    if action in _USES:
        return USE
    if service == _SESSIONS:
        return READ if name in {"GetCallerIdentity", "GetAccessKeyInfo"} else USE
    return READ if action in _READS or _READING.match(name) else WRITE


@lru_cache(maxsize=4096)
def groups_of(action: str) -> frozenset[str]:
    """Return the groups that an action is in, whatever its name."""
    service, _, name = action.partition(":")
    effect = effect_of(action)
    groups = {effect, f"{service}:*", f"{service}:{effect}"}
    groups.update(purpose for purpose, actions in _PURPOSES.items() if action in actions)
    if service == "modelyard":
        groups.update(_own_groups(name, effect))
    elif service == "sagemaker" and "ModelCard" in name and effect == WRITE:
        groups.add("govern")
    return frozenset(groups)


def _own_groups(name: str, effect: str) -> set[str]:
    purpose = next((word for word, pattern in _OWN_PURPOSES if pattern.search(name)), "platform")
    if purpose == "platform" or "ModelCard" in name:
        return {f"platform:{effect}", *({"govern"} if "ModelCard" in name else ())}
    return {purpose} if effect == WRITE or purpose == "audit" else {f"{purpose}:{effect}"}
