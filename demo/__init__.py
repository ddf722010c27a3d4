"""A demo storefront with real texts: what the product is shown and tested on."""
