"""May a model be released, how does it fare, must it be trained again."""
