"""A believable account of a retailer, for the first five minutes, for demonstrations and for tests."""
