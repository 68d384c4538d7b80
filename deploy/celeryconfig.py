"""How Flower finds the workers: the API's broker, and the prefix that its keys have there."""

import os

broker_url = os.environ["TUNEWELL_BROKER_URL"]
broker_transport_options = {"global_keyprefix": os.environ.get("TUNEWELL_KEY_PREFIX", "tunewell:")}
accept_content = ["json"]
