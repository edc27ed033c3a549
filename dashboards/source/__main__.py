"""Writes every dashboard as the JSON that Grafana reads."""

from dashboards.source.every import DASHBOARDS, FOLDER, text_of

if __name__ == "__main__":
    for name, dashboard in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(text_of(dashboard))
