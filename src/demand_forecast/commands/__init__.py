"""Commands of the project for ``kedro``, by what they are about."""
