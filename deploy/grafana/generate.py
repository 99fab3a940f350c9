#!/usr/bin/env python3
"""Writes dashboards/*.json from panels.py: deploy/grafana/generate.py [FOLDER]

The result depends on nothing else; a test runs this again and compares.
"""

import json
import re
import sys
from itertools import count
from pathlib import Path
from typing import Any

from panels import DASHBOARDS, Dashboard, Panel, Query

Json = dict[str, Any]

SCHEMA_VERSION = 39  # Grafana 10.4
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# What {job}, {server} and {model} in an expression stand for.
MATCHERS = {
    "job": 'job=~"$job",model=~"$model"',
    "server": 'job=~"$job",instance=~"$instance"',
    "model": 'job=~"$job",instance=~"$instance",model=~"$model"',
}
VARIABLES = {
    "job": "label_values(siskin_build_info, job)",
    "instance": 'label_values(siskin_build_info{job=~"$job"}, instance)',
    "model": 'label_values(siskin_model_state{job=~"$job",instance=~"$instance"}, model)',
}
# Things that explain a step in a curve.
ANNOTATIONS = {
    "Alerts": ("red", 'ALERTS{alertname=~"Siskin.*",alertstate="firing"}', "{{alertname}}"),
    "Starts": ("blue",
               'changes(process_start_time_seconds{job=~"$job"}[$__rate_interval]) > 0', "start of {{instance}}"),
}


def expand(expr: str) -> str:
    return re.sub(r"\{(job|server|model)(?=[,}])", lambda match: "{" + MATCHERS[match[1]], expr)


def variable(name: str, query: str) -> Json:
    return {
        "name": name, "label": name, "type": "query", "datasource": DATASOURCE, "definition": query,
        "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1,
        "includeAll": True, "multi": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"},
    }


def target(query: Query, ref: str, kind: str) -> Json:
    instant = kind in ("stat", "table")
    formats = {"heatmap": "heatmap", "table": "table"}
    return {
        "refId": ref, "datasource": DATASOURCE, "expr": expand(query.expr), "legendFormat": query.legend,
        "instant": instant, "range": not instant, "format": formats.get(kind, "time_series"),
    }


def field_defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    defaults: Json = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        defaults["min"] = 0
        defaults["custom"] = {
            "fillOpacity": 30 if panel.stacked else 5,
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "off" if panel.limit is None else "line"},
        }
    return defaults


def options(panel: Panel) -> Json:
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"}
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": panel.unit}, "color": {"mode": "scheme", "scheme": "Oranges"}}
    if panel.kind == "table":
        return {"showHeader": True}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def panel_json(panel: Panel, number: int, x: int, y: int) -> Json:
    document = {
        "id": number, "type": panel.kind, "title": panel.title, "description": panel.description,
        "datasource": DATASOURCE, "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": field_defaults(panel), "overrides": []}, "options": options(panel),
        "targets": [target(query, chr(ord("A") + i), panel.kind) for i, query in enumerate(panel.queries)],
    }
    if panel.kind == "table":  # the labels are the content; time and the constant value are not
        hidden = {"Time": True, "Value": True, "__name__": True, "job": True}
        document["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return document


def lay_out(dashboard: Dashboard) -> list[Json]:
    """Rows from top to bottom; panels of a row from left to right, on a new line where the width ends."""
    numbers = count(1)
    documents, y = [], 0
    for row in dashboard.rows:
        documents.append({
            "id": next(numbers), "type": "row", "title": row.title, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        })
        x, y, line_height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, line_height = 0, y + line_height, 0
            documents.append(panel_json(panel, next(numbers), x, y))
            x, line_height = x + panel.width, max(line_height, panel.height)
        y += line_height
    return documents


def annotation(name: str, color: str, expr: str, title: str) -> Json:
    return {
        "name": name, "enable": True, "iconColor": color, "datasource": DATASOURCE,
        "expr": expr, "titleFormat": title,
    }


def dashboard_json(dashboard: Dashboard) -> Json:
    datasource = {"name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus"}
    return {
        "id": None, "uid": dashboard.uid, "title": dashboard.title, "description": dashboard.description,
        "tags": ["siskin"], "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": True, "graphTooltip": 1,
        "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "timezone": "browser",
        "annotations": {"list": [annotation(name, *values) for name, values in ANNOTATIONS.items()]},
        "links": [{"type": "dashboards", "tags": ["siskin"], "title": "Siskin", "asDropdown": False,
                   "includeVars": True, "keepTime": True}],
        "templating": {"list": [datasource] + [variable(name, VARIABLES[name]) for name in dashboard.variables]},
        "panels": lay_out(dashboard),
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "dashboards"
    for name, dashboard in DASHBOARDS.items():
        (folder / f"{name}.json").write_text(json.dumps(dashboard_json(dashboard), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
