"""One page of a result: self-contained, opened offline in any browser.

The page embeds the document; its script draws every figure from there.
"""

from cairn.report.documents import Source, read
from cairn.report.page import page

__all__ = ["Source", "page", "read"]
