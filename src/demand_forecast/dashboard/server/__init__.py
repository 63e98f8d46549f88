"""Serving: the script that Streamlit runs, and how it is started.

The script lies apart from ``pages``: a folder of that name beside it, Streamlit would take for
scripts of its own.
"""
