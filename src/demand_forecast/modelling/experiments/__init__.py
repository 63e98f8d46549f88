"""Experiments: a challenger beside the champion, in some stores, some weeks, or unseen."""
