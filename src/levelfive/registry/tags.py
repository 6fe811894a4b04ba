"""Names of the tags that a version carries; Unity Catalog takes no dots in them."""

PACKAGE_SHA256 = "levelfive_package_sha256"
"""Hash of the files, by `package.digest`; a download that has another one is refused."""

REPLACED_SHA256 = "levelfive_replaced_sha256"
"""Hash of the files as they are once some of them are replaced: set before the first one is, and then the hash too."""

HOLDS_FORGOTTEN = "levelfive_holds_forgotten_rows"
"""How many of its examples are of people who were forgotten since, where the registry lets no file be changed."""

AS_OF = "levelfive_as_of"
TRACKING_RUN = "levelfive_tracking_run_id"
CODE_REVISION = "levelfive_code_revision"
CODE_SHA256 = "levelfive_code_sha256"
CODE_DISTRIBUTION = "levelfive_code_distribution"
TRAINING_SET_SHA256 = "levelfive_training_set_sha256"
TRAINED_BY = "levelfive_trained_by"
DECISION = "levelfive_decision"
"""Where it comes from: training time, run, code (its revision, a hash of the use case's source, the distribution that
brought it), training set, who started the training (empty if that is not told), the decision that asked for it."""

SAME_MODEL = "levelfive_same_model"
"""Hash by `ModelCard.identity`: trainings that agree in it led to the same model."""

ROLE = "levelfive_role"
REFIT_OF = "levelfive_refit_of"
REFITTED_AS = "levelfive_refitted_as"
"""One of the roles below; which candidate a refit was judged by, and the other way round."""

CANDIDATE, REFIT, COPY = "candidate", "refit", "copy"
"""What was judged, what was refitted on all labels after it passed, and what another environment's version became."""

SOURCE_REGISTRY = "levelfive_source_registry"
SOURCE_MODEL = "levelfive_source_model"
SOURCE_VERSION = "levelfive_source_version"
"""Of a copy: the version of another environment that it is a copy of."""

VERDICT = "levelfive_verdict"
JUDGED_AGAINST = "levelfive_judged_against"
"""The gate's verdict in this environment, as JSON, and the champion that the version was compared with."""

NO_CHAMPION = "none"
"""In place of a version, where there was no champion to compare with."""

APPROVED_BY = "levelfive_approved_by"
APPROVED_AT = "levelfive_approved_at"
APPROVED_BECAUSE = "levelfive_approved_because"
APPROVED_FOR = "levelfive_approved_for"
"""Who lets it go live where promotion is manual, when and why; and a hash of what the approval is about."""
