"""What the pages show: functions from a connection and filters to a table, in SQL only."""
