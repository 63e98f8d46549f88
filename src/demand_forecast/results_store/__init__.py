"""The results store: what the runs have found, in SQL, for dashboards and anybody who asks."""
