"""Counts tests in a step's output: prints `PASSED FAILED`.

Understands cargo test (`test result: …`), vitest (`Tests  12 passed`), node's runner (`pass 12`) and the
plain closing line `N passed, N failed`. Colours are stripped first.
"""
import re
import sys

text = re.sub(r"\x1b\[[0-9;]*m", "", open(sys.argv[1], errors="replace").read())
passed = failed = 0
for ok, bad in re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", text, re.M):
    passed, failed = passed + int(ok), failed + int(bad)
for line in re.findall(r"^\s*Tests\s+(.*)$", text, re.M):
    passed += sum(map(int, re.findall(r"(\d+) passed", line)))
    failed += sum(map(int, re.findall(r"(\d+) failed", line)))
for ok, bad in re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M):
    passed, failed = passed + int(ok), failed + int(bad)
for kind, number in re.findall(r"^(?:ℹ|#) (pass|fail) (\d+)$", text, re.M):
    passed, failed = passed + int(number) * (kind == "pass"), failed + int(number) * (kind == "fail")
print(passed, failed)
