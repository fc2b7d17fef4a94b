"""A folder of reports as a static site: pages that a browser opens from disk, or any server has."""
