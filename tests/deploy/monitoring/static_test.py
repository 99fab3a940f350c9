"""Rules, dashboards and configurations by themselves: they parse, are complete, and the documentation knows them."""

import filecmp
import json
import re
import tempfile
import unittest
from pathlib import Path
from typing import Any

import support
import yaml

COLUMNS = 24


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def alerts() -> list[dict[str, Any]]:
    groups = [group for path in support.RULES for group in load(path)["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def anchors() -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", support.OPERATING.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


class PromtoolTest(unittest.TestCase):
    def check(self, *command: str | Path) -> None:
        done = support.run("promtool", *command)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_configuration(self) -> None:
        self.check("check", "config", support.PROMETHEUS / "prometheus.yml")

    def test_rules(self) -> None:
        self.check("check", "rules", "--lint=all", "--lint-fatal", *support.RULES)

    def test_units(self) -> None:
        self.check("test", "rules", *sorted(support.PROMETHEUS.glob("tests/*.yml")))

    def test_every_dashboard_expression_parses(self) -> None:
        exprs = [expr for document in support.dashboards().values() for expr in support.expressions(document)]
        self.assertGreater(len(exprs), 50)
        rules = [{"record": f"test:expression_{i}", "expr": support.fill_in(expr)} for i, expr in enumerate(exprs)]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)  # JSON is YAML
            file.flush()
            self.check("check", "rules", file.name)


class AlertsTest(unittest.TestCase):
    def test_every_alert_says_what_to_do(self) -> None:
        self.assertGreater(len(alerts()), 10)
        for alert in alerts():
            with self.subTest(alert["alert"]):
                self.assertIn(alert["labels"]["severity"], ("page", "ticket"))
                self.assertLessEqual({"summary", "description", "runbook_url"}, alert["annotations"].keys())
                file, anchor = alert["annotations"]["runbook_url"].split("#")
                self.assertEqual(support.SOURCE / file, support.OPERATING)
                self.assertIn(anchor, anchors())

    def test_every_alert_has_a_test_where_it_fires_and_one_where_it_does_not(self) -> None:
        cases = [
            (case["alertname"], bool(case.get("exp_alerts")))
            for path in support.PROMETHEUS.glob("tests/*.yml")
            for test in load(path)["tests"]
            for case in test.get("alert_rule_test", [])
        ]
        for alert in alerts():
            for fires in (True, False):
                self.assertIn((alert["alert"], fires), cases)


class DashboardsTest(unittest.TestCase):
    def test_they_are_what_the_generator_writes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            done = support.run("python3", "-B", support.GRAFANA / "generate.py", folder)
            self.assertEqual(done.returncode, 0, done.stdout)
            names = [f"{name}.json" for name in support.dashboards()]
            self.assertEqual(sorted(path.name for path in Path(folder).iterdir()), names)
            same, *_ = filecmp.cmpfiles(folder, support.GRAFANA / "dashboards", names, shallow=False)
            self.assertEqual(same, names, "run deploy/grafana/generate.py")

    def test_dashboards_can_be_imported_anywhere(self) -> None:
        documents = support.dashboards()
        self.assertEqual(list(documents), ["model", "overview", "saturation"])
        self.assertEqual(len({document["uid"] for document in documents.values()}), len(documents))
        for name, document in documents.items():
            with self.subTest(name):
                self.assertIsNone(document["id"])
                self.assertGreaterEqual(document["schemaVersion"], 39)
                variables = document["templating"]["list"]
                self.assertEqual((variables[0]["name"], variables[0]["type"]), ("datasource", "datasource"))
                self.assertEqual(set(re.findall(r'"uid": "(\$.*?)"', json.dumps(document))), {"${datasource}"})
                used = set(re.findall(r"\$(\w+)", " ".join(support.expressions(document)))) - {"__rate_interval"}
                self.assertEqual(used, {variable["name"] for variable in variables[1:]})

    def test_every_panel_is_complete(self) -> None:
        for name, document in support.dashboards().items():
            ids = [panel["id"] for panel in document["panels"]]
            self.assertEqual(len(ids), len(set(ids)), name)
            for panel in document["panels"]:
                if panel["type"] == "row":
                    continue
                with self.subTest(f"{name}: {panel['title']}"):
                    self.assertTrue(panel["description"])
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                    self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                    self.assertTrue(panel["targets"])
                    for target in panel["targets"]:
                        self.assertEqual(target["datasource"]["uid"], "${datasource}")

    def test_ranges_follow_the_scrape_interval(self) -> None:
        for name, document in support.dashboards().items():
            ranges = {window for expr in support.expressions(document) for window in re.findall(r"\[(.*?)\]", expr)}
            self.assertEqual(ranges, {"$__rate_interval"}, name)

    def test_panels_do_not_overlap(self) -> None:
        for name, document in support.dashboards().items():
            taken: dict[tuple[int, int], str] = {}
            for panel in document["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], COLUMNS, panel["title"])
                for cell in [(x, y) for x in range(place["x"], place["x"] + place["w"])
                             for y in range(place["y"], place["y"] + place["h"])]:
                    self.assertNotIn(cell, taken, f"{name}: {panel['title']} lies on {taken.get(cell)}")
                    taken[cell] = panel["title"]

    def test_threshold_is_that_of_the_objective(self) -> None:
        threshold = re.compile(r'le="([\d.]+)"')
        rules = set(threshold.findall((support.PROMETHEUS / "rules" / "slo.yml").read_text()))
        panels = {le for document in support.dashboards().values()
                  for expr in support.expressions(document) for le in threshold.findall(expr)}
        self.assertEqual(len(rules), 1)
        self.assertEqual(panels, rules)

    def test_provisioning(self) -> None:
        (source,) = load(support.GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
        self.assertEqual(source["type"], "prometheus")
        interval = load(support.PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
        self.assertEqual(source["jsonData"]["timeInterval"], interval)
        (provider,) = load(support.GRAFANA / "provisioning" / "dashboards" / "siskin.yml")["providers"]
        self.assertEqual(provider["type"], "file")


class DocumentationTest(unittest.TestCase):
    def test_every_metric_in_use_is_explained(self) -> None:
        documents = [load(path) for path in support.RULES] + list(support.dashboards().values())
        exprs = [expr for document in documents for expr in support.expressions(document)]
        used = {name for expr in exprs for name in support.METRIC.findall(expr)}
        text = support.OPERATING.read_text()
        base = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used if ":" not in name}
        self.assertGreater(len(base), 30)
        self.assertEqual([name for name in sorted(base) if f"`{name}" not in text], [])


if __name__ == "__main__":
    support.run_tests(["promtool"])
