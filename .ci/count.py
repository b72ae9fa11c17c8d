"""Counts tests in a step's output: prints `PASSED FAILED`; with `--failures`, the lines that tell what failed.

Understands cargo test (`test result: …`), vitest (`Tests  12 passed`), node's runner (`pass 12`) and the
plain closing line `N passed, N failed`. Colours are stripped first.
"""
import re
import sys

# A failed check of e2e/ and packs/, a failed test of cargo, node or vitest, where a test panicked and with what,
# what a compiler refused, and the programs that could not go on.
FAILURES = re.compile(
    r"^(?:FAIL(?:ED)? .*|test .* \.\.\. FAILED|not ok .*|\s*[✖×] .*|error(?:\[\w+\])?: .*|Diff in .*"
    r"|thread '.*' .*panicked at .*(?:\n(?!thread|note:|stack backtrace).*){0,4}|Traceback .*|\w+(?:Error|Exception): .*)$", re.M)
MOST, WIDEST = 40, 400


def counts(text):
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
    return passed, failed


def failures(text):
    found = FAILURES.findall(text)
    lines = [line[:WIDEST] for match in found[:MOST] for line in match.splitlines()]
    return lines + [f"… and {len(found) - MOST} more"] * (len(found) > MOST)


arguments = [argument for argument in sys.argv[1:] if argument != "--failures"]
with open(arguments[0], errors="replace") as file:
    output = re.sub(r"\x1b\[[0-9;]*m", "", file.read())
if "--failures" in sys.argv:
    print("\n".join(failures(output)))
else:
    print(*counts(output))
