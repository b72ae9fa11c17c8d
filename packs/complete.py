"""Says for each alert and runbook of a pack what it lacks; check.sh counts the lines.

    complete.py PACK QUERIES

Prints `ok<TAB>what` or `failed<TAB>what`. Writes the PromQL of the runbooks as recording rules to QUERIES, so that
promtool can parse it.
"""

import pathlib
import re
import sys

import yaml

SEVERITIES = {"critical", "warning", "info", "none"}
SECTIONS = ["Meaning", "Impact", "First checks", "Mitigation", "Escalation"]
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.M | re.S)


def alerts(pack):
    groups = yaml.safe_load((pack / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def tested(pack):
    """The alerts that a unit test sees firing, and those that one sees quiet."""
    fires, quiet = set(), set()
    for file in (pack / "tests").glob("*_test.yml"):
        for test in yaml.safe_load(file.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case.get("exp_alerts") else quiet).add(case["alertname"])
    return fires, quiet


def routed(pack):
    return set(re.findall(r"\balertname=(\w+)", (pack / "tests" / "routes.txt").read_text()))


def lacks_of_alert(pack, rule, fires, quiet, routes):
    name, labels, notes = rule["alert"], rule.get("labels", {}), rule.get("annotations", {})
    if labels.get("severity") not in SEVERITIES:
        yield f"label severity is not one of {', '.join(sorted(SEVERITIES))}"
    if not labels.get("service"):
        yield "no label service"
    if labels.get("system") != pack.name:
        yield f"label system is not {pack.name}"
    for note in ("summary", "description", "runbook"):
        if not notes.get(note):
            yield f"no annotation {note}"
    if notes.get("runbook") != f"runbooks/{name}.md":
        yield f"annotation runbook is not runbooks/{name}.md"
    if not (pack / "runbooks" / f"{name}.md").is_file():
        yield f"no file runbooks/{name}.md"
    if name not in fires:
        yield "no unit test sees it fire"
    if name not in quiet and name != "Watchdog":
        yield "no unit test sees it quiet"
    if name not in routes:
        yield "no line in tests/routes.txt"


def lacks_of_runbook(page, names):
    text = page.read_text()
    if page.stem not in names:
        yield "no alert of this name"
    if not text.startswith(f"# {page.stem}\n"):
        yield "the first line is not the alert's name"
    found = re.findall(r"^## (.+)$", text, re.M)
    if found != SECTIONS:
        yield f"the sections are {found}, not {SECTIONS}"
    if not FENCE.search(text):
        yield "no query"
    for other in re.findall(r"\bsee ([A-Z]\w+[a-z][A-Z]\w*)", text):
        if other not in names:
            yield f"names {other}, which is no alert of this pack"


def is_promql(query):
    """LogQL begins with a stream selector or aggregates one; the rest of the fences are commands of amtool."""
    return not query.startswith(("{", "amtool ")) and "({" not in query


def queries(pack):
    for page in sorted((pack / "runbooks").glob("*.md")):
        for number, query in enumerate(FENCE.findall(page.read_text())):
            query = query.strip()
            if is_promql(query):
                # The number keeps the rules of a page apart: promtool warns of duplicates.
                yield {"record": f"runbook:{page.stem}", "expr": query, "labels": {"query": str(number)}}


def main(pack, target):
    def report(what, lacks):
        lacks = list(lacks)
        print(f"failed\t{what}: {'; '.join(lacks)}" if lacks else f"ok\t{what}")

    rules = alerts(pack)
    names = {rule["alert"] for rule in rules}
    fires, quiet = tested(pack)
    routes = routed(pack)
    for rule in rules:
        report(f"{pack.name}: alert {rule['alert']}", lacks_of_alert(pack, rule, fires, quiet, routes))
    for page in sorted((pack / "runbooks").glob("*.md")):
        report(f"{pack.name}: {page.name}", lacks_of_runbook(page, names))
    found = list(queries(pack))
    target.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": found}]}))
    report(f"{pack.name}: {len(found)} queries in runbooks", [] if found else ["none"])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
