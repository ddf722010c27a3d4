"""Personal data: masking before storing, sealing of originals, fingerprints of authors."""
