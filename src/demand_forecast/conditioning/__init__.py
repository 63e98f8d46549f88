"""From raw files to standard tables to a dense panel: pure functions on data frames."""
