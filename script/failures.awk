# Reads what `cargo test` printed and tells which tests failed and why, in no more than `most` lines.

# Every failure in the order of its first mention, with its cause, a line each, as far as known.
function mention(name) {
  if (!(name in mentioned)) {
    mentioned[name] = 1
    names[++count] = name
    lines[name] = 0
  }
}

function explain(name, line) {
  if (lines[name] < 6) cause[name, ++lines[name]] = substr(line, 1, 160)
}

{ recent[NR % 10] = $0 }

/^test .* \.\.\. FAILED/ {
  sub(/^test /, ""); sub(/ \.\.\. FAILED.*$/, "")
  mention($0)
  delete slow[$0]
}

/^test .* has been running for over 60 seconds$/ {
  sub(/^test /, ""); sub(/ has been running for over 60 seconds$/, "")
  slow[$0] = 1
}
/^test .* \.\.\. / {
  ended = $0
  sub(/^test /, "", ended); sub(/ \.\.\. .*$/, "", ended)
  delete slow[ended]
}

# The output of a failed test: its own panic is the cause, else the first panic of another thread,
# else what it returned.
/^---- .* stdout ----$/ {
  section = $0
  sub(/^---- /, "", section); sub(/ stdout ----$/, "", section)
  mention(section)
  capturing = 0
  next
}
/^(failures|successes):$/ || /^test result: / { section = ""; capturing = 0 }
section != "" && / panicked at / {
  own = index($0, "thread '" section "'") == 1
  capturing = lines[section] == 0 || (own && !explained[section])
  if (capturing) {
    lines[section] = 0
    explained[section] = own
    sub(/^.* panicked at /, "at ")
    explain(section, $0)
  }
  next
}
section != "" && /^(note|stack backtrace):/ { capturing = 0 }
section != "" && /^Error: / && lines[section] == 0 { explain(section, $0) }
capturing && NF > 0 { explain(section, $0) }

# What is no test's failure: code that does not compile, a test binary that crashed, a time limit.
/^error(\[E[0-9]+\])?: / && !/test failed, to rerun/ && !/targets? failed:$/ {
  general[++generals] = $0
  locate = 1
  next
}
/process didn't exit successfully/ && /signal:/ { general[++generals] = $0 }
locate && /^ *--> / { general[generals] = general[generals] " " $2 }
{ locate = 0 }

END {
  for (name in slow) { mention(name); explain(name, "had not ended after 60 seconds") }
  left = most
  for (i = 1; i <= generals && left > 1; i++) { print "  " substr(general[i], 1, 200); left-- }
  if (count == 0 && generals == 0)
    for (i = NR - 9; i <= NR; i++) if (recent[i % 10] != "") print "  " substr(recent[i % 10], 1, 200)
  if (count == 0) exit
  share = int(left / count)
  if (share < 1) share = 1
  for (i = 1; i <= count; i++) {
    if (left <= 1 && i < count) { print "  and " count - i + 1 " more"; exit }
    print "  " names[i]; left--
    for (n = 1; n <= lines[names[i]] && n < share; n++) { print "      " cause[names[i], n]; left-- }
  }
}
