# shellcheck shell=bash
# Scenarios of web tier and application tier apart, for scripts/e2e.

services() {
    say "a greedy client is throttled, a slow mail service is noticed by nobody who browses"
    local file=tests/stages/services.yaml
    expect 0 "$lab" verify "$file" --quick --only kill-api --only cut-api --only flood --only slow-mail
    says 'flood .*survived'
    says 'slow-mail .*survived'

    say "without a bulkhead the mail service takes everything with it, without a gateway nobody throttles"
    python3 - "$file" >"$work/shared.yaml" <<'EOP'
import sys
text = open(sys.argv[1]).read().replace("bulkhead: true", "bulkhead: false")
head, tail = text.split("  gateway:\n", 1)
text = head.replace("pages: gateway", "pages: lb") + "  lb:\n" + tail.split("  lb:\n", 1)[1]
text = text.replace("  - {from: cdn, to: gateway}\n  - {from: gateway, to: lb}\n", "  - {from: cdn, to: lb}\n")
head, tail = text.split("  flood:\n", 1)
tail = tail.replace("expect: survives", "expect: breaks\n    why: That is what they are for.")
print(head + "  flood:\n" + tail, end="")
EOP
    expect 0 "$lab" verify "$work/shared.yaml" --quick --only flood --only slow-mail
    says 'flood .*broke, as declared \(.*throttling'
    says 'slow-mail .*broke, as declared \(.*isolation'
    nothing_left
}
