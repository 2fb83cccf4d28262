# Reads `ctest --verbose`, shows one line for each suite and the whole output of a failed one, and adds up the lines
# `suite: P passed, F failed, S skipped`. The last line is the sum; the exit status is 0 if something passed and
# nothing failed.

# Output of suite number n comes as "n: text", also when several run at once.
match($0, /^[0-9]+: /) {
    n = substr($0, 1, RLENGTH - 2)
    text = substr($0, RLENGTH + 1)
    output[n, ++lines[n]] = text  # by line: a string that grows by millions of them would take minutes
    if (text ~ /^suite: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/) counts[n] = text
    next
}

# " 3/12 Test  #3: core .......   Passed    0.02 sec"
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
    n = $0
    sub(/^[^#]*#/, "", n)
    name = n
    sub(/:.*/, "", n)
    sub(/^[0-9]+: */, "", name)
    sub(/ .*/, "", name)
    good = $0 ~ / Passed +[0-9.]+ sec/
    skip = $0 ~ /\*\*\*Skipped/
    p = f = s = 0
    if (n in counts) {
        split(counts[n], word, " ")
        p = word[2]; f = word[4]; s = word[6]
        # A crash, a leak or a time-out after the tests themselves were content.
        if (!good && !skip && f == 0) f = 1
    } else if (skip) {
        s = 1
    } else {
        # It crashed before its end, timed out, was not built, or never said what it tested.
        f = 1
        if (good) output[n, ++lines[n]] = "the suite printed no `suite:` line"
    }
    passed += p; failed += f; skipped += s
    seconds = $(NF - 1)
    printf "%-24s %4d passed %4d failed %4d skipped %9s s\n", name, p, f, s, seconds
    if (f > 0) {
        status = $0
        sub(/^.*\*\*\*/, "***", status)
        printf "---- output of %s\n", name
        # The beginning and the end of a very long one.
        for (i = 1; i <= lines[n]; ++i) {
            if (i == 301 && lines[n] > 500) {
                printf "... %d lines ...\n", lines[n] - 500
                i = lines[n] - 199
            }
            print output[n, i]
        }
        printf "---- end of %s: %s\n", name, good ? "no counts" : status
    }
    for (i = 1; i <= lines[n]; ++i) delete output[n, i]
    delete lines[n]
    fflush()
    next
}

# What ctest could not even start.
/^No tests were found/ || /^(CMake|CTest) Error/ || /^Unable to find/ { print }

END {
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit !(failed == 0 && passed > 0)
}
