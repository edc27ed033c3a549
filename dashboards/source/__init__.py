"""What the dashboards show, in a form that people read; `make dashboards` writes the JSON from it."""
