"""The default image for assets that may not be served."""

from services.core.assets.media_types import SVG

MEDIA_TYPE = SVG
IMAGE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" role="img" aria-label="Not available">'
    b'<rect width="400" height="300" fill="#e9ebee"/>'
    b'<g fill="none" stroke="#a3aab4" stroke-width="10" stroke-linejoin="round">'
    b'<rect x="120" y="85" width="160" height="130" rx="12"/><circle cx="166" cy="128" r="14"/>'
    b'<path d="M126 206l52-50 30 28 28-22 38 40"/><path d="M110 245L290 55" stroke-linecap="round"/></g></svg>'
)
