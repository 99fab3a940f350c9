"""A real Prometheus scrapes a real server under load: panels and consoles show something, rules find their metrics."""

import os
import re
import tempfile
import time
import unittest
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from typing import Callable, Iterable

import support
import yaml
from generate import expand
from panels import DASHBOARDS
from siskin_process import Server
from traffic import LIMITS, traffic

MODEL = "mobilenet_v3_small"
BINARIES = Path(os.environ["SISKIN_BIN"])
DATA_TIMEOUT_SECONDS = 120.0  # some seconds are enough
CONSOLES = ["/consoles/siskin.html", f"/consoles/model.html?model={MODEL}"]
# Labels with few values, which are all there from the start.
CLOSED_LABEL = re.compile(r'\b(reason|state|le|slo)=~?"([^"]+)"')


class DataFinder(HTMLParser):
    """The expressions of a rendered console: <data value="...">."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.expressions: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "data":
            self.expressions.append(dict(attrs)["value"] or "")


def rule_expressions() -> list[str]:
    return [expr for path in support.RULES for expr in support.expressions(yaml.safe_load(path.read_text()))]


def panel_expressions(optional: bool) -> list[str]:
    return [
        support.fill_in(expand(query.expr))
        for dashboard in DASHBOARDS.values()
        for row in dashboard.rows
        for panel in row.panels
        for query in panel.queries
        if query.optional == optional
    ]


class LiveTest(unittest.TestCase):
    server: Server
    prometheus: support.Prometheus

    @classmethod
    def setUpClass(cls) -> None:
        with ExitStack() as stack:
            cls.server = stack.enter_context(Server(BINARIES / "siskin", ["--random-model", MODEL, *LIMITS]))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            cls.prometheus = stack.enter_context(support.Prometheus(folder, cls.server.admin))
            stack.enter_context(traffic(BINARIES, cls.server, [MODEL]))
            cls.addClassCleanup(stack.pop_all().close)

    def eventually_none(self, left: Callable[[], Iterable[str]]) -> None:
        """Until `left` returns nothing: scrapes and rules take their seconds."""
        deadline = time.monotonic() + DATA_TIMEOUT_SECONDS
        while missing := list(left()):
            if time.monotonic() > deadline:
                self.fail("without data:\n" + "\n".join(missing))
            time.sleep(0.5)

    def without_data(self, exprs: list[str]) -> list[str]:
        """Those without a single number; a NaN is a ratio of nothing."""
        return [expr for expr in exprs if not any(value == value for value in self.prometheus.values(expr))]

    def test_every_panel_shows_data(self) -> None:
        exprs = panel_expressions(optional=False)
        self.assertGreater(len(exprs), 50)
        self.eventually_none(lambda: self.without_data(exprs))

    def test_optional_panels_can_be_asked(self) -> None:
        for expr in panel_expressions(optional=True):
            self.prometheus.values(expr)  # raises if Prometheus refuses it

    def test_every_console_shows_data(self) -> None:
        for path in CONSOLES:
            exprs = DataFinder(self.prometheus.page(path)).expressions
            self.assertGreater(len(exprs), 5, path)
            self.eventually_none(lambda exprs=exprs: self.without_data(exprs))

    def test_console_lists_the_model_as_ready(self) -> None:
        def left() -> list[str]:
            page = self.prometheus.page(CONSOLES[0])
            return [] if re.search(f'{MODEL}</a>.*?class="good">ready<', page, re.DOTALL) else [page]

        self.eventually_none(left)

    def test_every_metric_exists(self) -> None:
        exprs = rule_expressions() + panel_expressions(optional=False) + panel_expressions(optional=True)
        used = {name for expr in exprs for name in support.METRIC.findall(expr)}
        self.assertGreater(len(used), 40)
        wanted = {name for name in used if not support.OPTIONAL_METRIC.match(name)}
        self.eventually_none(lambda: wanted - set(self.prometheus.api("label/__name__/values")))

    def test_every_label_value_exists(self) -> None:
        exprs = rule_expressions() + panel_expressions(optional=False)
        found = [pair for expr in exprs for pair in CLOSED_LABEL.findall(expr)]
        wanted = {(label, value) for label, values in found for value in values.split("|")}
        self.assertIn(("reason", "queue_full"), wanted)

        def left() -> list[str]:
            known = {label: self.prometheus.api(f"label/{label}/values") for label, _ in wanted}
            return [f"{label}={value}" for label, value in wanted if value not in known[label]]

        self.eventually_none(left)

    def test_every_rule_evaluates(self) -> None:
        def left() -> list[str]:
            rules = [rule for group in self.prometheus.api("rules")["groups"] for rule in group["rules"]]
            self.assertGreater(len(rules), 25)
            return [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]

        self.eventually_none(left)

    def test_scrape_is_clean(self) -> None:
        done = support.run("promtool", "check", "metrics", stdin=support.get(f"http://{self.server.admin}/metrics"))
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    support.run_tests(["prometheus", "promtool", str(BINARIES / "siskin"), str(BINARIES / "siskin-load")])
