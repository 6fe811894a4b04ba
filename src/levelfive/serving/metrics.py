"""What a service counts and measures, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from levelfive.errors import NotServing
from levelfive.serving.live import Live
from levelfive.serving.request_log import RequestLog

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """The metrics of one service.

    Args:
        live: What answers.
        log: The request log; None where there is none.
        now: Tells what the clock shows.
    """

    def __init__(self, live: Live, log: RequestLog | None, now: Callable[[], datetime]) -> None:
        """Begin to count."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "levelfive_requests", "Requests by the status of their answer", ["status"], registry=self._registry
        )
        self._rows = Counter("levelfive_rows", "Rows by the path that scored them", ["path"], registry=self._registry)
        self._seconds = Histogram(
            "levelfive_request_seconds",
            "Of requests, from their headers to their answer, by the path that scored them, if any did",
            ["route", "path"],
            registry=self._registry,
            buckets=_BUCKETS,
        )
        # To look a label's values up costs as much as to count.
        self._statuses: dict[int, Counter] = {}
        self._paths: dict[str, Counter] = {}
        self._routes: dict[tuple[str, str], Histogram] = {}
        self._registry.register(_Now(live, log, now))
        ProcessCollector(registry=self._registry)

    def count_answer(self, status: int, route: str, seconds: float, *, path: str = "", rows: int = 0) -> None:
        """Count a request, how long it took, and the rows that were scored."""
        if status not in self._statuses:
            self._statuses[status] = self._requests.labels(str(status))
        self._statuses[status].inc()
        if (route, path) not in self._routes:
            self._routes[route, path] = self._seconds.labels(route, path)
        self._routes[route, path].observe(seconds)
        if rows:
            if path not in self._paths:
                self._paths[path] = self._rows.labels(path)
            self._paths[path].inc(rows)

    def text(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _Now(Collector):
    """What is looked up when it is asked for."""

    def __init__(self, live: Live, log: RequestLog | None, now: Callable[[], datetime]) -> None:
        self._live, self._log, self._now = live, log, now

    def collect(self) -> Iterator[Metric]:
        now = self._now()
        yield GaugeMetricFamily("levelfive_ready", "Whether it answers", value=not self._live.unready(now))
        yield CounterMetricFamily("levelfive_refresh_failures", "Looks that failed", value=self._live.failures)
        yield CounterMetricFamily("levelfive_swaps", "Versions that began to answer", value=self._live.swaps)
        yield from self._of_the_log()
        try:
            scorer = self._live.scorer
        except NotServing:
            return
        served_gauge = GaugeMetricFamily(
            "levelfive_served", "What answers", labels=["model", "version", "path", "reason"]
        )
        served_gauge.add_metric([scorer.served.name, scorer.served.version, scorer.path, scorer.served.reason], 1)
        yield served_gauge
        staleness = GaugeMetricFamily(
            "levelfive_staleness_seconds", "How long ago what the store knows ends", labels=["table"]
        )
        for name, state in scorer.states.items():
            if state.reaches_to is not None:
                staleness.add_metric([name], (now - state.reaches_to).total_seconds())
        yield staleness

    def _of_the_log(self) -> Iterator[Metric]:
        if self._log is None:
            return
        rows = CounterMetricFamily("levelfive_request_log_rows", "Rows of the request log", labels=["outcome"])
        for outcome, count in self._log.rows.items():
            rows.add_metric([outcome], count)
        yield rows
        if self._log.uploads is not None:
            uploads = CounterMetricFamily(
                "levelfive_request_log_uploads", "Files of the request log brought to Azure Storage", labels=["outcome"]
            )
            for outcome, count in self._log.uploads.files.items():
                uploads.add_metric([outcome], count)
            yield uploads
        yield GaugeMetricFamily("levelfive_request_log_ok", "Whether it can be kept", value=not self._log.trouble)
