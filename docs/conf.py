"""How Sphinx makes a site of these pages: `make docs`."""

project = "speechmark"
copyright = "the speechmark authors, Apache-2.0"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_title = "speechmark"
html_sidebars = {"**": ["globaltoc.html"]}
html_theme_options = {
    "navbar_center": [],
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_show_sourcelink = False
