"""The Kedro side: sessions, runners, segments, parameters and namespaces."""
