"""Programs that keep generated files current; a test fails when one is not."""
