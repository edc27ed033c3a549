"""The files that Grafana is provisioned by, beside what they speak of."""

from typing import Any

import pytest
import yaml

from tests.dashboards.names import ROOT
from tests.docs.markdown import blocks
from tests.docs.pages import GRAFANA, GRAFANA_IN_SHORT, PROMETHEUS, Place

PROVISIONING = ROOT / "dashboards" / "provisioning"


def provisioned(kind: str) -> dict[str, Any]:
    """Return what stands in the file for one kind of thing."""
    read: dict[str, Any] = yaml.safe_load((PROVISIONING / kind / "mailflow.yaml").read_text())
    assert read["apiVersion"] == 1
    return read


def test_dashboards_come_from_files_and_cannot_be_changed_in_grafana() -> None:
    [provider] = provisioned("dashboards")["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    # Grafana refuses a folder together with those of the disk.
    assert "foldersFromFilesStructure" not in provider["options"]


@pytest.mark.parametrize("place", [GRAFANA, GRAFANA_IN_SHORT])
def test_the_page_names_the_folder_that_grafana_looks_in(place: Place) -> None:
    [provider] = provisioned("dashboards")["providers"]
    assert provider["options"]["path"] in place.text


def test_the_data_source_is_scraped_as_often_as_the_recipe_says() -> None:
    [source] = provisioned("datasources")["datasources"]
    (recipe,) = blocks(PROMETHEUS.text, "yaml")
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == yaml.safe_load(recipe)["scrape_configs"][0]["scrape_interval"]
