"""The script that Streamlit runs for each look at a page: ``kedro dashboard`` starts it."""

from demand_forecast.dashboard.navigation import draw

draw()
