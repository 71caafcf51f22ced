"""Dagster's side: assets that call one station each, and what starts them."""
