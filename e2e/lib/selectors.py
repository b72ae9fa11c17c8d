"""What the selectors of a pack's rules find while several systems run."""

import re

# A name that is not part of a longer one, and its matchers. Recorded names (with a colon) are the pack's own.
SELECTOR = re.compile(r"(?<![\w:$\"'])([a-zA-Z_][a-zA-Z0-9_]*)(?![\w:(\"'])(\{[^}]*\})?")


def selectors(expression, names):
    """Selectors of metrics that exist, as they stand in the expression."""
    return sorted({found[1] + (found[2] or "") for found in SELECTOR.finditer(expression) if found[1] in names})


def foreign_series(demo, pack):
    """Lines `rule reads selector of job`, one for each job outside of the pack whose series a rule of the pack finds."""
    names = set(demo.get("/api/v1/label/__name__/values")["data"])
    lines = []
    for rule, expression in pack.expressions.items():
        for selector in selectors(expression, names):
            jobs = {sample["metric"].get("job") for sample in demo.instant(f"count by (job) ({selector})")}
            lines += [f"{rule} reads {selector} of {job}" for job in sorted(filter(None, jobs - pack.jobs))]
    return lines
