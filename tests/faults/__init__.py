"""Bad inputs in a table, and what runs them; `table` says how to add one."""
