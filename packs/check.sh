#!/usr/bin/env bash
# Checks every pack with the original programs: configuration, rules, unit tests, routing; and that each alert is
# complete. Needs promtool, amtool and python3 with PyYAML. The last line says `N passed, N failed`; exit code 1 if
# anything failed.
#   packs/check.sh            all packs
#   packs/check.sh dawsos     one of them
set -uo pipefail
cd "$(dirname "$0")" || exit 1

for program in promtool amtool python3; do
  if ! command -v "$program" >/dev/null; then
    echo "packs/check.sh: $program is missing; install it (Debian: prometheus, prometheus-alertmanager, python3-yaml)" >&2
    exit 1
  fi
done

# The python that is found first may lack PyYAML where Debian's has it.
python=python3
"$python" -c 'import yaml' 2>/dev/null || python=/usr/bin/python3

passed=0
failed=0

# check WHAT COMMAND...: runs the command and shows what it said only if it failed.
check() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s\n%s\n' "$what" "$said"
  fi
}

# Each alert must be found under its receivers, in that order.
check_routes() {
  local pack=$1 receivers labels
  while read -r receivers labels; do
    [[ -z $receivers || $receivers == \#* ]] && continue
    # shellcheck disable=SC2086 # the labels are words of their own
    check "$pack: route of $labels" \
      amtool config routes test --config.file="$pack/alertmanager.yml" --verify.receivers="$receivers" $labels
  done <"$pack/tests/routes.txt"
}

if [[ $# -gt 0 ]]; then
  packs=("$@")
else
  packs=()
  for file in */prometheus.yml; do packs+=("${file%/*}"); done
fi
if [[ ${#packs[@]} -eq 0 ]]; then
  echo "packs/check.sh: there is no pack here" >&2
  exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for pack in "${packs[@]}"; do
  check "$pack: prometheus.yml" promtool check config "$pack/prometheus.yml"
  check "$pack: alerts.yml" promtool check rules "$pack/alerts.yml"
  check "$pack: recording_rules.yml" promtool check rules "$pack/recording_rules.yml"
  for tests in "$pack"/tests/*_test.yml; do
    check "$tests" promtool test rules "$tests"
  done
  check "$pack: alertmanager.yml" amtool check-config "$pack/alertmanager.yml"
  check "$pack: tests/routes.txt is there" test -s "$pack/tests/routes.txt"
  [[ -s $pack/tests/routes.txt ]] && check_routes "$pack"
  # One line an alert and a runbook: `ok` or what is missing.
  while IFS=$'\t' read -r verdict what; do
    if [[ $verdict == ok ]]; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      printf 'FAILED %s\n' "$what"
    fi
  done < <("$python" complete.py "$pack" "$scratch/$pack.yml" || printf 'failed\t%s: complete.py ended early\n' "$pack")
  check "$pack: queries of the runbooks" promtool check rules "$scratch/$pack.yml"
done

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
