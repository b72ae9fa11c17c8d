"""Every query of every panel of the dashboards that a running Skopos serves, asked as its page would."""

import json
import math
import re
import time
import urllib.error

from .checks import eventually

# Variables that Grafana fills in itself, as the widest sensible values for a young store.
BUILT_IN = {"__rate_interval": "5m", "__interval": "5m", "__range": "5m", "__interval_ms": "300000",
            "__range_s": "300", "__range_ms": "300000"}
LOG_SECONDS = 600
ALL = "$__all"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def panels(dashboard):
    for panel in dashboard.get("panels", []):
        yield from panels(panel)
        if panel.get("type") != "row":
            yield panel


def variable(demo, model):
    """What stands for a variable of the dashboard: everything where it may be everything, else its first value."""
    kind, current = model.get("type"), (model.get("current") or {}).get("value")
    current = current[0] if isinstance(current, list) and current else current
    if kind in ("custom", "interval", "constant", "textbox"):
        options = [option.strip() for option in str(model.get("query", "")).split(",")]
        if current == ALL:
            return model.get("allValue") or "|".join(options)
        return current or options[0]
    if model.get("includeAll") or model.get("multi") or kind != "query":
        return model.get("allValue") or ".*"
    query = model.get("query")
    query = query.get("query", "") if isinstance(query, dict) else query or ""
    found = re.fullmatch(r"\s*label_values\((?:(.+),)?\s*(\w+)\s*\)\s*", query, re.DOTALL)
    if not found:
        return ".*"
    match = {"match[]": found[1].strip()} if found[1] else {}
    values = demo.get(f"/api/v1/label/{found[2]}/values", **match)["data"]
    return values[0] if values else ".*"


def substitute(expression, values):
    def value(found):
        name = found[1] or found[2]
        return str(values.get(name, ".*"))

    return re.sub(r"\$\{(\w+)(?::\w+)?\}|\$([a-zA-Z_]\w*)", value, expression)


def step(target, panel):
    """Seconds that the page has between two points at least, where target or panel says so by a number and a unit."""
    found = re.fullmatch(r">?(\d+)([smhdw])", target.get("interval") or panel.get("interval") or "")
    return int(found[1]) * UNITS[found[2]] if found else None


def panel_queries(demo, wanted=None):
    """(dashboard / panel, data source's type, query, step) of each target; `wanted` says which dashboards by their model."""
    for entry in demo.get("/api/skopos/dashboards"):
        dashboard = demo.get(f"/api/skopos/dashboards/{entry['uid']}")["dashboard"]
        if wanted and not wanted(dashboard):
            continue
        models = dashboard.get("templating", {}).get("list", [])
        values = BUILT_IN | {model["name"]: variable(demo, model) for model in models}
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                source = (target.get("datasource") or panel.get("datasource") or {}).get("type", "prometheus")
                expression = target.get("expr") or target.get("query") or ""
                name = f"{entry['title']} / {panel.get('title')}"
                yield name, source, substitute(expression, values), step(target, panel)


def is_number(sample):
    values = [sample["value"]] if "value" in sample else sample.get("values", [])
    return "histogram" in sample or "histograms" in sample or any(not math.isnan(float(value)) for _, value in values)


def has_data(demo, source, expression, step):
    """Samples or lines that the query finds now; NaN alone is nothing that a panel shows. With a step, the page asks at its
    multiples alone."""
    if source == "loki":
        end = time.time_ns()
        found = demo.get("/loki/api/v1/query_range", query=expression, start=end - LOG_SECONDS * 10**9, end=end)
        return found["data"]["result"]
    if source != "prometheus":
        raise SystemExit(f"a panel asks a data source of type {source}, which this program does not know")
    at = {"time": time.time() // step * step} if step else {}
    return [sample for sample in demo.instant(expression, **at) if is_number(sample)]


def check_dashboards(checks, demo, seconds=60, wanted=None):
    """Waits for data of each query of each panel. `seconds` is for all of them together, but each is asked at least once."""
    deadline, asked = time.monotonic() + seconds, 0
    for name, source, expression, every in panel_queries(demo, wanted):
        asked += 1
        left = max(deadline - time.monotonic(), 1.5)
        refusal = []

        def ask(source=source, expression=expression, every=every, refusal=refusal):
            try:
                return has_data(demo, source, expression, every)
            except urllib.error.HTTPError as error:
                refusal[:] = [json.loads(error.read() or b"{}").get("error", str(error))]
                return None

        answer = eventually(left, ask)
        checks.check(f"panel {name}", answer, "" if answer else " ".join([expression, *refusal]))
    checks.check("there are panels", asked > 0, asked)
