"""`levelfive demo` for a use case that learns little and promotes whatever it trains: run by the test of kills.

It trains on January, scores February, and trains again on what February brought.
"""

from dataclasses import replace

from levelfive import app
from levelfive.cli.main import main
from levelfive.usecase.policies import GatePolicy, RetrainingPolicy
from levelfive.usecase.use_case import UseCase, load_use_case


def lenient(name: str) -> UseCase:
    use_case = load_use_case(name)
    assert use_case.replay is not None
    return replace(
        use_case,
        model=replace(use_case.model, parameters={**use_case.model.parameters, "n_estimators": 20}),
        gate=GatePolicy(min_rows=100, margin=1.0, min_skill=-1.0),
        # February doubles what January taught.
        retraining=RetrainingPolicy(calibration=None, loss_excess=None, label_growth=0.7),
        replay=replace(use_case.replay, training_months=1),
    )


if __name__ == "__main__":
    app.load_use_case = lenient
    main()
