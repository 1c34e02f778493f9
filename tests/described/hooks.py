"""Identifiers and a signed message that exist, for what the description cannot tell."""

import base64
import os

import schemathesis
from hypothesis import strategies

SIGNED = os.environ["DESCRIBED_SIGNED"]

for kind in ("proc", "msg", "unit"):
    known = os.environ[f"DESCRIBED_{kind.upper()}"]
    schemathesis.openapi.format(f"antiphon-{kind}", strategies.just(known))

schemathesis.openapi.format("antiphon-signed", strategies.just(SIGNED))
schemathesis.openapi.media_type("application/cbor", strategies.just(base64.b64decode(SIGNED)))
