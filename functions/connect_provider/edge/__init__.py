"""One event in, one response out: what crhelper and the response channel need."""
